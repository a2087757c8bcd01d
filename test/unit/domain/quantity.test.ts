import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
	compareQuantities,
	parseQuantity,
	quantityOfBytes,
	wholeUnits,
	ZERO,
} from '../../../src/domain/storage/quantity.ts';
import table from './fixtures/quantities.json' with { type: 'json' };

interface Row {
	readonly text: string;
	/** Where Kubernetes ranks it; none for what it refuses. */
	readonly rank?: number;
	readonly value?: string;
}

const rows: readonly Row[] = table.rows;
const valid = rows.filter((row) => row.rank !== undefined);

describe('quantities, as Kubernetes reads them', () => {
	it.each(rows.filter((row) => row.rank === undefined))('refuses $text', ({ text }) => {
		expect(() => parseQuantity(text)).toThrow(`${JSON.stringify(text)} is not a quantity`);
	});

	it.each(valid)('reads $text', ({ text, value }) => {
		const quantity = parseQuantity(text);
		expect(quantity.text).toBe(text);
		if (value !== undefined) expect(String(wholeUnits(quantity))).toBe(value);
	});

	it('compares any two of them the same way', () => {
		for (const a of valid) {
			for (const b of valid) {
				const order = Math.sign(compareQuantities(parseQuantity(a.text), parseQuantity(b.text)));
				expect([a.text, b.text, order]).toEqual([a.text, b.text, Math.sign(Number(a.rank) - Number(b.rank))]);
			}
		}
	});

	it.each([
		['1n', '0.000000001'],
		['1u', '0.000001'],
		['1m', '0.001'],
		['1k', '1000'],
		['1M', '1000000'],
		['1G', '1000000000'],
		['1T', '1000000000000'],
		['1P', '1000000000000000'],
		['1E', '1000000000000000000'],
		['1Ki', '1024'],
		['1Mi', '1048576'],
		['1Gi', '1073741824'],
		['1Ti', '1099511627776'],
		['1Pi', '1125899906842624'],
		['1Ei', '1152921504606846976'],
		['8Ei', '9223372036854775807'],
		['10E', '10000000000000000000'],
		['1e20', '100000000000000000000'],
	])('takes %s for %s, exactly', (text, plain) => {
		expect(compareQuantities(parseQuantity(text), parseQuantity(plain))).toBe(0);
	});

	it.each([
		['5E', '5000000000000000000'],
		['5E9', '5000000000'],
		['.5', '1'],
		['+1Gi', '1073741824'],
		['1000000n', '1'],
		['0.0005Ki', '1'],
		['9Ei', '9223372036854775807'],
	])('reads %s as %s whole units', (text, units) => {
		expect(String(wholeUnits(parseQuantity(text)))).toBe(units);
	});

	it('refuses a text without a digit, which Kubernetes reads as 0 and then refuses as a size', () => {
		for (const text of ['Gi', '.', '+', '-', 'm', 'E5']) expect(() => parseQuantity(text)).toThrow('is not a quantity');
	});

	it('takes an absurd exponent in no time', () => {
		expect(compareQuantities(parseQuantity('1e999999999'), parseQuantity('1E'))).toBeGreaterThan(0);
		expect(compareQuantities(parseQuantity('1e-999999999'), parseQuantity('1n'))).toBe(0);
	});

	it('writes bytes in the largest unit that divides them', () => {
		const texts = [0n, 1n, 1023n, 1024n, 1536n * 2n ** 20n, 2n ** 30n, 5n * 2n ** 40n].map(
			(bytes) => quantityOfBytes(bytes).text,
		);
		expect(texts).toEqual(['0', '1', '1023', '1Ki', '1536Mi', '1Gi', '5Ti']);
	});

	it('keeps the bytes that it was made of', () => {
		fc.assert(
			fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (bytes) => {
				const quantity = quantityOfBytes(bytes);
				expect(wholeUnits(quantity)).toBe(bytes);
				expect(compareQuantities(parseQuantity(quantity.text), quantity)).toBe(0);
			}),
		);
	});

	it('compares as the exact amounts do, also where doubles cannot tell them apart', () => {
		const amount = fc.bigInt({ min: 2n ** 62n - 50n, max: 2n ** 62n + 50n });
		fc.assert(
			fc.property(amount, amount, (a, b) => {
				const order = compareQuantities(parseQuantity(`${a}`), parseQuantity(`${b}`));
				expect(Math.sign(order)).toBe(a < b ? -1 : a > b ? 1 : 0);
			}),
		);
		expect(compareQuantities(ZERO, parseQuantity('1n'))).toBeLessThan(0);
	});
});
