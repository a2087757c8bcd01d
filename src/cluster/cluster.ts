import type { EventWriter } from './event-writer.ts';
import type { Kind } from './kinds.ts';
import type { PinWriter } from './pin-writer.ts';
import type { ClusterState } from './state.ts';
import type { ClusterWriter, PodMarker } from './writer.ts';

/** A cluster to work on: a real one (kubernetes.ts), or manifests in memory (sandbox/). */
export interface Cluster {
	/** For a person: which cluster this is. */
	readonly description: string;
	readonly state: ClusterState;
	readonly writer: ClusterWriter;
	/** Absent where no scheduler would notice. */
	readonly marker?: PodMarker;
	readonly pins: PinWriter;
	readonly events: EventWriter;
	/** Every watch has listed its kind once: judgements rest on the whole cluster. */
	readonly synced: boolean;
	/** Resolves when `synced` becomes true; rejects when stopped before. */
	readonly whenSynced: Promise<void>;
	readiness(): Readiness;
	/** Resolves when nothing of it runs any more. */
	stop(): Promise<void>;
}

export interface Readiness {
	readonly synced: boolean;
	/** Synced, and no watch has been down for long. */
	readonly ready: boolean;
	readonly watches: readonly WatchReadiness[];
}

export interface WatchReadiness {
	readonly kind: Kind;
	readonly synced: boolean;
	/** listing, watching, backoff, absent (the cluster does not have this kind) or stopped. */
	readonly state: string;
	/** ISO time since when no watch feeds this kind. */
	readonly staleSince?: string;
	readonly problem?: string;
	/** Waiting will not help: the right to list or watch it is lacking. */
	readonly forbidden?: true;
}
