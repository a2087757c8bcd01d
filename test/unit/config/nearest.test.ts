import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../src/config/nearest.ts';

describe('editDistance', () => {
	it.each([
		['', '', 0],
		['', 'abc', 3],
		['kitten', 'sitting', 3],
		['listen', 'silent', 4],
	])('%s, %s', (from, to, distance) => {
		expect(editDistance(from, to)).toBe(distance);
	});

	it('is the same both ways, 0 only for equal words, and obeys the triangle', () => {
		const word = fc.string({ maxLength: 8 });
		fc.assert(
			fc.property(word, word, word, (a, b, c) => {
				expect(editDistance(a, b)).toBe(editDistance(b, a));
				expect(editDistance(a, b) === 0).toBe(a === b);
				expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
			}),
		);
	});
});

describe('nearest', () => {
	const names = ['mode', 'listen', 'adminListen', 'bind'];
	it.each([
		['modus', 'mode'],
		['Listen', 'listen'],
		['ADMIN_LISTEN', 'adminListen'],
		['scoring', undefined],
		['x', undefined],
	])('%s', (word, expected) => {
		expect(nearest(word, names)).toBe(expected);
	});
});
