/** A cluster in memory, made of manifests: the same face that a real one has. */

import type { Cluster } from '../cluster/cluster.ts';
import type { Kind, KindTypes } from '../cluster/kinds.ts';
import { projections } from '../cluster/projections.ts';
import { ClusterState, type DriverSettings } from '../cluster/state.ts';
import { type SandboxDelays, startControllers } from './controllers.ts';
import { SandboxEventWriter } from './event-writer.ts';
import { loadManifests, type Manifests } from './load.ts';
import { type SandboxLogger, silent } from './logger.ts';
import { SandboxPinWriter } from './pin-writer.ts';
import { project } from './project.ts';
import { keyOf, type RawObject } from './raw.ts';
import { ObjectStore, type StoreEvent } from './store.ts';
import { SandboxWriter } from './writer.ts';

export interface SandboxOptions {
	/** Files and folders of manifests. */
	readonly paths: readonly string[];
	/** What is configured for each CSI driver. */
	readonly drivers?: DriverSettings;
	/** As of `ClusterView`; by default true. */
	readonly choosesVolumes?: boolean;
	readonly logger?: SandboxLogger;
	readonly delays?: SandboxDelays;
}

export interface Sandbox extends Cluster {
	/** The raw objects: to look at, or to change from outside as a user with kubectl would. */
	readonly store: ObjectStore;
	/** What was loaded. */
	readonly summary: Omit<Manifests, 'objects'>;
}

/**
 * Loads the manifests. When this resolves, `state` holds them all, and the controllers have done what there was to do
 * without delay. Rejects with a ManifestError.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
	const { paths, drivers, choosesVolumes, logger = silent, delays = {} } = options;
	const { objects, ...summary } = await loadManifests(paths);
	const { files, counts, unused, warnings } = summary;
	for (const warning of warnings) logger.warn({}, warning);
	logger.info({ files: files.length, loaded: counts, unused }, 'sandbox: manifests in memory, no cluster is touched');
	const store = new ObjectStore();
	const state = new ClusterState(drivers, choosesVolumes);
	store.load(objects);
	for (const kind of KINDS) fill(state, store, kind);
	store.watch((event) => feed(state, event, logger));
	const stopControllers = startControllers(store, logger, delays);
	await store.quiet();
	return {
		description: `sandbox of ${objects.length} objects from ${paths.join(', ')}`,
		state,
		writer: new SandboxWriter(store),
		pins: new SandboxPinWriter(store),
		events: new SandboxEventWriter(logger),
		synced: true,
		whenSynced: Promise.resolve(),
		readiness: () => ({
			synced: true,
			ready: true,
			watches: KINDS.map((kind) => ({ kind, synced: true, state: 'watching' })),
		}),
		async stop() {
			stopControllers();
			store.close();
		},
		store,
		summary,
	};
}

const KINDS = Object.keys(projections) as Kind[];

function fill<K extends Kind>(state: ClusterState, store: ObjectStore, kind: K): void {
	const projected = new Map<string, KindTypes[K]>();
	for (const raw of store.list(kind)) {
		if (isWatched(kind, raw)) projected.set(keyOf(raw), project(kind, raw));
	}
	state.replace(kind, projected);
}

function feed(state: ClusterState, { kind, key, current }: StoreEvent, logger: SandboxLogger): void {
	if (!isProjected(kind)) return;
	try {
		if (current && isWatched(kind, current)) state.upsert(kind, project(kind, current));
		else state.remove(kind, key);
	} catch (error) {
		logger.error({ err: error }, 'the sandbox cannot read one of its own objects');
	}
}

function isProjected(kind: string): kind is Kind {
	return Object.hasOwn(projections, kind);
}

/** The cluster's watch of pods has a field selector: only those that no node is assigned to. */
function isWatched(kind: Kind, raw: RawObject): boolean {
	return kind !== 'Pod' || !(raw as unknown as { readonly spec: { readonly nodeName?: string } }).spec.nodeName;
}
