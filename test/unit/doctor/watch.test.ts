import { afterEach, expect, it, vi } from 'vitest';
import { countPins, watchPins } from '../../../src/doctor/watch.ts';
import { put } from '../domain/builders.ts';
import { DRIVER } from '../domain/source-builders.ts';
import { cluster, csiNode, pinned, SCENES } from './support.ts';

afterEach(() => vi.useRealTimers());

it('counts by code, those of none included', () => {
	const counts = countPins(cluster(pinned('a', 'n9'), pinned('b', 'n9')));
	expect(counts.get('PIN_NODE_GONE')).toBe(2);
	expect(counts.get('PIN_CLASS_TOPOLOGY')).toBe(0);
});

it('tells a finding once, when it stands for a second round, and again when it comes back', () => {
	vi.useFakeTimers();
	const state = SCENES.PIN_DRIVER_MISSING();
	const found: string[] = [];
	let synced = false;
	const end = watchPins(state, {
		onFinding: ({ code }) => found.push(code),
		isSynced: () => synced,
		intervalMs: 1000,
	});
	vi.advanceTimersByTime(5000);
	expect(found).toEqual([]);
	synced = true;
	vi.advanceTimersByTime(1000);
	expect(found).toEqual([]);
	vi.advanceTimersByTime(3000);
	expect(found).toEqual(['PIN_DRIVER_MISSING']);
	put(state, csiNode('n1', DRIVER));
	vi.advanceTimersByTime(1000);
	put(state, csiNode('n1'));
	vi.advanceTimersByTime(2000);
	expect(found).toHaveLength(2);
	end();
	vi.advanceTimersByTime(9000);
	expect(found).toHaveLength(2);
});
