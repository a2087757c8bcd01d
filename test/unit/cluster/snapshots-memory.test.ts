import { expect, it } from 'vitest';
import { snapshotHeap } from '../../../bench/snapshots.ts';

it('10,000 snapshots with their contents cost less than 40 MB', () => {
	// What is made once whatever the number: compiled code, caches.
	snapshotHeap(100);
	const heap = snapshotHeap(10_000);
	expect(heap).toBeLessThan(40);
	expect(heap, 'so little that they cannot have been there').toBeGreaterThan(1);
});
