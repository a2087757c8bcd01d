import { setTimeout as delay } from 'node:timers/promises';
import { WriteError } from '../cluster/writer.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** Repeats a write while it fails for reasons that pass, with growing pauses, or as long as the API server asks. */
export async function retryTransient<T>(write: () => Promise<T>, signal: AbortSignal): Promise<T> {
	for (let attempt = 0; ; attempt++) {
		try {
			// Before the call: what begins after the end would be nobody's.
			signal.throwIfAborted();
			return await orAborted(write(), signal);
		} catch (error) {
			if (!(error instanceof WriteError) || error.failure !== 'transient') throw error;
			const growing = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + Math.random() / 2);
			await pause(Math.max(growing, error.retryAfterMs ?? 0), signal);
		}
	}
}

/** Rejects with the signal's reason, not with an AbortError of its own. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
	await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** The promise, or the signal's reason if that comes first. What the promise stands for goes on. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
	signal.throwIfAborted();
	const aborted = Promise.withResolvers<never>();
	const abort = () => aborted.reject(signal.reason);
	signal.addEventListener('abort', abort, { once: true });
	try {
		return await Promise.race([promise, aborted.promise]);
	} finally {
		signal.removeEventListener('abort', abort);
	}
}
