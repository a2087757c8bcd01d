import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect, it, vi } from 'vitest';
import { ApiError, ApiUnreachable } from '../../../src/cluster/api/errors.ts';
import { insist } from '../../../src/cluster/insist.ts';

vi.mock('node:timers/promises');

const ATTEMPT = { method: 'PATCH', path: '/x' };
const status = (code: number, seconds?: number) =>
	new ApiError(ATTEMPT, code, { ...(seconds && { details: { retryAfterSeconds: seconds } }) });
const unreachable = () => new ApiUnreachable('https://api.test', ATTEMPT, new Error('reset'));

let now = 0;
const pauses: number[] = [];
beforeEach(() => {
	pauses.length = 0;
	now = 1_000_000;
	vi.spyOn(performance, 'now').mockImplementation(() => now);
	vi.mocked(delay).mockImplementation(async (ms = 0) => {
		pauses.push(ms);
		now += ms;
		return undefined as never;
	});
	return () => vi.restoreAllMocks();
});

/** Fails in turn with these, then succeeds. */
function call(...failures: readonly unknown[]) {
	const left = [...failures];
	return vi.fn(async () => {
		const failure = left.shift();
		if (failure) throw failure;
		return 'done';
	});
}

it.each<[string, Error]>([
	['no answer', unreachable()],
	...[401, 408, 429, 500, 502, 503, 504].map((code): [string, Error] => [String(code), status(code)]),
])('%s is tried again, and who asked is told before', async (_, failure) => {
	const again = vi.fn();
	const made = call(failure, failure);
	await expect(insist(made, again)).resolves.toBe('done');
	expect(made).toHaveBeenCalledTimes(3);
	expect(again).toHaveBeenCalledTimes(2);
});

it.each([400, 403, 404, 409, 410, 422])('%i is not', async (code) => {
	const made = call(status(code));
	await expect(insist(made)).rejects.toMatchObject({ status: code });
	expect(made).toHaveBeenCalledTimes(1);
});

it('pauses grow', async () => {
	await insist(call(...Array.from({ length: 5 }, unreachable)));
	for (const [i, ms] of pauses.entries()) {
		expect(ms).toBeGreaterThanOrEqual(50 * 2 ** i);
		expect(ms).toBeLessThanOrEqual(100 * 2 ** i);
	}
});

it('is not tried before the API server asked for', async () => {
	await insist(call(status(429, 3)));
	expect(pauses).toEqual([3_000]);
});

it('a fault of ours is not tried again', async () => {
	const made = call(new TypeError('x'));
	await expect(insist(made)).rejects.toThrow(TypeError);
	expect(made).toHaveBeenCalledTimes(1);
});

it('gives up after fifteen seconds with the last failure, and at once where it was asked to stay away for longer', async () => {
	await expect(insist(call(...Array.from({ length: 100 }, unreachable)))).rejects.toThrow('reset');
	expect(now - 1_000_000).toBeLessThanOrEqual(15_000);
	// Not long before, either: the next pause would have been too long.
	expect(now - 1_000_000).toBeGreaterThan(2_000);
	pauses.length = 0;
	await expect(insist(call(status(429, 16)))).rejects.toMatchObject({ status: 429 });
	expect(pauses).toEqual([]);
});

it('a call that met ten seconds of silence has one more try', async () => {
	const made = call(unreachable());
	const silent = vi.fn(async () => {
		// And a machine that was busy.
		if (silent.mock.calls.length === 1) now += 14_000;
		return made();
	});
	await expect(insist(silent)).resolves.toBe('done');
});
