import { setTimeout as delay } from 'node:timers/promises';

/** How patient a reflector is. All in milliseconds unless the name says otherwise. */
export interface Timing {
	/** The longest wait after the first failure; doubled for each further one. */
	readonly backoffBaseMs: number;
	readonly backoffMaxMs: number;
	/** How long the server is asked to keep a watch open, ± 10 %. */
	readonly watchTimeoutSeconds: number;
	/** After a silence of so long a watch is not believed, and the kind listed anew. Servers send a bookmark about once a minute. */
	readonly idleTimeoutMs: number;
	/** A watch that ends sooner counts as a failure, or a server that ends each at once would be stormed. */
	readonly shortWatchMs: number;
	/** How often to look whether an absent optional kind is there now, ± 20 %. */
	readonly absentRecheckMs: number;
	/** Objects a page of a list. */
	readonly pageSize: number;
	readonly now: () => number;
	/** In [0, 1). */
	readonly random: () => number;
	/** Rejects once the signal is aborted. */
	readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export const DEFAULT_TIMING: Timing = {
	backoffBaseMs: 800,
	backoffMaxMs: 30_000,
	watchTimeoutSeconds: 290,
	idleTimeoutMs: 90_000,
	shortWatchMs: 1_000,
	absentRecheckMs: 10_000,
	pageSize: 500,
	now: Date.now,
	random: Math.random,
	sleep: (ms, signal) => delay(ms, undefined, { signal }),
};

/** A server may ask for a long absence, but not for one that looks like ours. */
const LONGEST_RETRY_AFTER_MS = 5 * 60_000;

/** The wait after the nth failure in a row (n from 1): between half and all of an exponential limit. */
export function backoffMs(timing: Timing, failures: number, retryAfterMs = 0): number {
	const limit = Math.min(timing.backoffMaxMs, timing.backoffBaseMs * 2 ** (failures - 1));
	const own = limit * (0.5 + timing.random() / 2);
	return Math.max(own, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS));
}

/** `value` ± `share` of it. */
export function jittered(timing: Timing, value: number, share: number): number {
	return value * (1 - share + 2 * share * timing.random());
}
