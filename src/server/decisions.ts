/** The last filter decisions, for people to look at. */

import { LRUCache } from 'lru-cache';
import type { Mode } from '../config/config.ts';
import type { ReasonCode } from '../domain/decision/reasons.ts';
import type { Pod } from '../domain/model.ts';
import type { Judgement } from './judgement.ts';

export interface Decision {
	/** RFC 3339, in UTC. */
	readonly time: string;
	readonly mode: Mode;
	readonly namespace: string;
	readonly pod: string;
	readonly uid: string;
	/** How many nodes the scheduler asked about, and how many of them passed. */
	readonly nodes: number;
	readonly passed: number;
	/** The most frequent first. */
	readonly reasons: readonly DecisionReason[];
}

export interface DecisionReason {
	readonly code: ReasonCode;
	readonly message: string;
	readonly nodes: number;
	/** The first few of the nodes. */
	readonly examples: readonly string[];
}

const EXAMPLES = 5;
const REASONS = 20;
// The longest node name that Kubernetes takes; longer ones are not kept, so that a record stays small.
const NAME_LENGTH = 253;

export function decisionOf({ pod, judgement }: { pod: Pod; judgement: Judgement }, mode: Mode): Decision {
	const refused = judgement.refused.toSorted((a, b) => b.nodes.length - a.nodes.length);
	const count = refused.reduce((sum, { nodes }) => sum + nodes.length, 0);
	return {
		time: new Date().toISOString(),
		mode,
		namespace: pod.namespace,
		pod: pod.name,
		uid: pod.uid,
		nodes: judgement.passed.length + count,
		passed: judgement.passed.length,
		reasons: refused.slice(0, REASONS).map(({ code, message, nodes }) => ({
			code,
			message,
			nodes: nodes.length,
			examples: nodes.slice(0, EXAMPLES).filter((name) => name.length <= NAME_LENGTH),
		})),
	};
}

/** Which decisions are asked for. `limit` defaults to 100. */
export interface DecisionQuery {
	readonly namespace?: string;
	readonly pod?: string;
	readonly limit?: number;
}

/** A bounded memory: the oldest decision is forgotten first, and each one after its time. */
export class Decisions {
	readonly #records: LRUCache<number, Decision>;
	#next = 0;

	constructor(bounds: { readonly max: number; readonly ttlSeconds: number }) {
		this.#records = new LRUCache({ max: bounds.max, ttl: bounds.ttlSeconds * 1000 });
	}

	add(decision: Decision): void {
		this.#records.set(this.#next++, decision);
	}

	/** Newest first. */
	list({ namespace, pod, limit = 100 }: DecisionQuery = {}): Decision[] {
		// Nothing is ever read by key, so the cache's order, most recently used first, is the order of arrival.
		return this.#records
			.values()
			.filter((decision) => namespace === undefined || decision.namespace === namespace)
			.filter((decision) => pod === undefined || decision.pod === pod)
			.take(limit)
			.toArray();
	}
}
