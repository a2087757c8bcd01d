import { describe, expect, it } from 'vitest';
import { Assumptions } from '../../../src/cluster/assumptions.ts';

interface Thing {
	readonly resourceVersion: string;
	readonly text: string;
}

const thing = (resourceVersion: string, text = ''): Thing => ({ resourceVersion, text });
const base = thing('1', 'base');
const assumed = thing('1', 'assumed');
const written = thing('2', 'written');

function assuming(): Assumptions<Thing> {
	const assumptions = new Assumptions<Thing>();
	expect(assumptions.assume('key', assumed, base, base)).toBe(true);
	return assumptions;
}

describe('an assumption', () => {
	it('stands while the watch shows its base', () => {
		const assumptions = assuming();
		assumptions.observe('key', thing('1'));
		assumptions.observe('other', undefined);
		expect([assumptions.get('key'), assumptions.has('key'), assumptions.size]).toEqual([assumed, true, 1]);
	});

	it.each<[string, Thing | undefined]>([
		['another version', thing('2')],
		['an older one', thing('0')],
		['nothing', undefined],
	])('ends when the watch shows %s', (_, seen) => {
		const assumptions = assuming();
		assumptions.observe('key', seen);
		expect([assumptions.get('key'), assumptions.has('key'), assumptions.size]).toEqual([undefined, false, 0]);
	});

	it('becomes what was written, and still ends when the watch shows that', () => {
		const assumptions = assuming();
		assumptions.confirm('key', written, assumed);
		expect(assumptions.get('key')).toBe(written);
		assumptions.observe('key', thing('1'));
		expect(assumptions.get('key')).toBe(written);
		assumptions.observe('key', thing('2'));
		expect(assumptions.has('key')).toBe(false);
	});

	it('is not raised again by an answer that comes after the watch', () => {
		const assumptions = assuming();
		assumptions.observe('key', thing('2'));
		assumptions.confirm('key', written, assumed);
		expect(assumptions.has('key')).toBe(false);
	});

	it('is not made on a base that is no longer what is seen', () => {
		const assumptions = new Assumptions<Thing>();
		expect(assumptions.assume('key', assumed, base, thing('2'))).toBe(false);
		expect(assumptions.assume('key', assumed, base, undefined)).toBe(false);
		expect(assumptions.size).toBe(0);
	});

	it('is one an object', () => {
		const assumptions = assuming();
		expect(assumptions.assume('key', thing('1', 'second'), base, base)).toBe(false);
		expect(assumptions.get('key')).toBe(assumed);
	});

	it('is taken back by its holder alone', () => {
		const assumptions = assuming();
		assumptions.revert('key', thing('1', 'assumed'));
		expect(assumptions.has('key')).toBe(true);
		assumptions.revert('key', assumed);
		expect(assumptions.has('key')).toBe(false);
	});

	it('of a former holder does not touch that of a later one', () => {
		const assumptions = assuming();
		assumptions.observe('key', thing('3'));
		const later = thing('3', 'later');
		assumptions.assume('key', later, thing('3'), thing('3'));
		assumptions.revert('key', assumed);
		assumptions.confirm('key', written, assumed);
		expect(assumptions.get('key')).toBe(later);
	});

	it("that was confirmed is no longer its holder's to take back", () => {
		const assumptions = assuming();
		assumptions.confirm('key', written, assumed);
		assumptions.revert('key', assumed);
		expect(assumptions.get('key')).toBe(written);
	});
});
