/** What the extender endpoints need answered; server/ decodes, calls one of these, encodes. */

import type { Reason } from '../domain/decision/reasons.ts';
import type { Labels, Pod } from '../domain/model.ts';

/** The nodes a call is about, in the order of the request. */
export interface Candidates {
	readonly names: readonly string[];
	/** Labels of nodes sent whole; read only for a node that the cache does not hold. Absent when only names were sent. */
	readonly labelsOf?: (name: string) => Labels | undefined;
}

export interface BindRequest {
	readonly namespace: string;
	readonly name: string;
	/** '' where the caller does not tell it. */
	readonly uid: string;
	readonly node: string;
}

/** incomplete: not every watch has synced yet. outdated: one has been down for long. */
export type Knowledge = 'incomplete' | 'outdated' | 'current';

/** Filter, prioritize and preempt are synchronous, free of side effects and read one consistent state. */
export interface Scheduling {
	/** Why each candidate cannot serve the pod's storage, aligned with `candidates.names`; undefined where it can. */
	filter(pod: Pod, candidates: Candidates): readonly (Reason | undefined)[];
	/** Scores 0..10 (integers), aligned with `candidates.names`. */
	prioritize(pod: Pod, candidates: Candidates): readonly number[];
	/** Binds the pod's claims, then the pod. Rejects with an Error whose message a person can act on. */
	bind(request: BindRequest): Promise<void>;
	/** Whether the pod has claims, as the API server holds it now. Rejects where it cannot be read. */
	hasClaims(pod: BindRequest): Promise<boolean>;
	/** What is known of the cluster; unless it is current, judgements may rest on what is no longer so. */
	knowledge(): Knowledge;
}
