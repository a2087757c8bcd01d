/** Trying again what the API server did not take just now, for writes that nobody waits for. */

import { setTimeout as delay } from 'node:timers/promises';
import type { RequestOptions } from './api/client.ts';
import { ApiError, ApiUnreachable } from './api/errors.ts';

/** No try begins later than this: enough for one that meets silence, and short enough for a process that is to end. */
const PATIENCE_MS = 15_000;
const FIRST_PAUSE_MS = 100;

/** As much of the client as such writes need. */
export interface Requester {
	request<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
}

/**
 * Repeats the call while it fails for reasons that pass; `onAgain` is told before each further try what the last failed
 * for, which may have been carried out all the same.
 */
export async function insist<T>(
	call: () => Promise<T>,
	onAgain: (error: Error) => void = () => {},
	patienceMs = PATIENCE_MS,
): Promise<T> {
	const end = performance.now() + patienceMs;
	for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
		try {
			return await call();
		} catch (error) {
			const waitMs = Math.max(pauseMs * (0.5 + Math.random() / 2), retryAfterOf(error));
			if (!passes(error) || performance.now() + waitMs > end) throw error;
			await delay(waitMs);
			onAgain(error as Error);
		}
	}
}

/** Whether a failure is worth another try. */
export function passes(error: unknown): boolean {
	if (error instanceof ApiUnreachable) return true;
	if (!(error instanceof ApiError)) return false;
	// 401 passes: tokens rotate, and the client reads the new one with the next request.
	return error.status === 401 || error.status === 408 || error.status === 429 || error.status >= 500;
}

function retryAfterOf(error: unknown): number {
	return error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
}
