import { getEventListeners } from 'node:events';
import { expect, test, vi } from 'vitest';
import { Deadline } from '../../../src/cluster/api/deadline.ts';

const over = () => new Error('over');
const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

test('a parent that was aborted before aborts it at once, with its reason', async () => {
	const deadline = new Deadline(AbortSignal.abort(new Error('gone')), over);
	expect(deadline.signal.aborted).toBe(true);
	await expect(deadline.race(new Promise(() => {}))).rejects.toThrow('gone');
});

test('a parent that outlives it keeps nothing of it, nor does its own signal of what was raced', async () => {
	const { signal } = new AbortController();
	const deadline = new Deadline(signal, over);
	for (let i = 0; i < 5; i++) await deadline.race(Promise.resolve());
	await deadline.race(Promise.reject(new Error('no'))).catch(() => {});
	expect(listeners(deadline.signal)).toBe(0);
	expect(listeners(signal)).toBe(1);
	deadline.release();
	expect(listeners(signal)).toBe(0);
});

test('who loses the race and fails later is no unhandled rejection', async () => {
	const unhandled = vi.fn();
	process.on('unhandledRejection', unhandled);
	const deadline = new Deadline(undefined, over);
	const late = Promise.withResolvers<void>();
	const race = deadline.race(late.promise);
	deadline.start(1);
	await expect(race).rejects.toThrow('over');
	late.reject(new Error('late'));
	await expect(deadline.race(Promise.reject(new Error('too late')))).rejects.toThrow('over');
	await new Promise((resolve) => setImmediate(resolve));
	expect(unhandled).not.toHaveBeenCalled();
	process.off('unhandledRejection', unhandled);
});

test('restart gives the whole time again; lifted or released it never ends', async () => {
	vi.useFakeTimers();
	const [restarted, lifted, released] = [0, 1, 2].map(() => new Deadline(undefined, over));
	for (const each of [restarted, lifted, released]) each?.start(100);
	vi.advanceTimersByTime(80);
	restarted?.restart();
	lifted?.lift();
	released?.release();
	vi.advanceTimersByTime(80);
	expect(restarted?.signal.aborted).toBe(false);
	vi.advanceTimersByTime(1_000);
	expect([restarted, lifted, released].map((each) => each?.signal.aborted)).toEqual([true, false, false]);
	vi.useRealTimers();
});
