import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { orAborted, retryTransient } from '../../../src/binder/retry.ts';
import { WriteError } from '../../../src/cluster/writer.ts';

vi.mock('node:timers/promises', async (original) => {
	const real = await original<typeof import('node:timers/promises')>();
	return { ...real, setTimeout: vi.fn(real.setTimeout) };
});

/** Fails so often, then succeeds. */
function failing(times: number, retryAfterMs?: number) {
	let left = times;
	return vi.fn(async () => {
		if (left-- > 0) throw new WriteError('transient', 'busy', { ...(retryAfterMs && { retryAfterMs }) });
	});
}

it('pauses grow to two seconds and no further', async () => {
	const pauses: number[] = [];
	vi.mocked(delay).mockImplementation(async (ms = 0) => {
		pauses.push(ms);
		return undefined as never;
	});
	await retryTransient(failing(12), new AbortController().signal).finally(() => vi.mocked(delay).mockReset());
	for (const [i, ms] of pauses.entries()) {
		const limit = Math.min(2_000, 50 * 2 ** i);
		expect(ms).toBeGreaterThanOrEqual(limit / 2);
		expect(ms).toBeLessThanOrEqual(limit);
	}
});

it('a pause ends with the signal, and so does the retry', async () => {
	const real = await vi.importActual<typeof import('node:timers/promises')>('node:timers/promises');
	vi.mocked(delay).mockImplementation(real.setTimeout as never);
	const stop = new AbortController();
	const write = failing(1, 60_000);
	const end = retryTransient(write, stop.signal);
	await vi.waitUntil(() => write.mock.calls.length === 1);
	stop.abort(new Error('over'));
	await expect(end).rejects.toThrow('over');
	expect(write).toHaveBeenCalledTimes(1);
});

it('a signal that outlives many calls gathers no listeners', async () => {
	const { signal } = new AbortController();
	for (let i = 0; i < 20; i++) await orAborted(Promise.resolve(), signal);
	await orAborted(Promise.reject(new Error('no')), signal).catch(() => {});
	expect(getEventListeners(signal, 'abort')).toEqual([]);
});
