import { expect, test, vi } from 'vitest';
import { Problems } from '../../soak/bounded.ts';

test('every problem counts, and the first ten are told, at once too', () => {
	const told = vi.spyOn(console, 'error').mockReturnValue();
	const problems = new Problems();
	expect(problems.all).toEqual([]);
	for (let i = 1; i <= 10; i++) problems.add(`wrong ${i}`);
	expect(problems.all).toHaveLength(10);
	for (let i = 11; i <= 13; i++) problems.add(`wrong ${i}`);
	expect(problems.all).toHaveLength(11);
	expect(problems.all.slice(-2)).toEqual([expect.stringMatching(/Z wrong 10$/), 'and 3 more like these']);
	expect(told).toHaveBeenCalledTimes(10);
});
