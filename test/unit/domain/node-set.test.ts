import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NodeSet } from '../../../src/domain/topology/node-set.ts';

const ids = fc.uniqueArray(fc.oneof(fc.nat(130), fc.constantFrom(0, 31, 32, 63, 64, 5000)));
const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);

it('is what a Set of numbers is', () => {
	fc.assert(
		fc.property(ids, ids, fc.nat(200), (a, b, size) => {
			const [left, right] = [NodeSet.of(a, size), NodeSet.of(b)];
			const [inA, inB] = [new Set(a), new Set(b)];
			expect([...left]).toEqual(sorted(inA));
			expect([...left.union(right)]).toEqual(sorted(inA.union(inB)));
			expect([...left.intersection(right)]).toEqual(sorted(inA.intersection(inB)));
			expect([...left.difference(right)]).toEqual(sorted(inA.difference(inB)));
			expect(left.size).toBe(inA.size);
			expect(left.isEmpty).toBe(inA.size === 0);
			expect(b.every((id) => left.has(id) === inA.has(id))).toBe(true);
			expect([...left]).toEqual(sorted(inA));
		}),
	);
});

it('follows additions and removals', () => {
	const step = fc.record({ add: fc.boolean(), id: fc.nat(100) });
	fc.assert(
		fc.property(fc.array(step), (steps) => {
			const set = new NodeSet();
			const model = new Set<number>();
			for (const { add, id } of steps) {
				set[add ? 'add' : 'delete'](id);
				model[add ? 'add' : 'delete'](id);
			}
			expect([...set]).toEqual(sorted(model));
		}),
	);
});

it('gives copies that lead their own lives', () => {
	const set = NodeSet.of([1, 40]);
	const copy = set.copy();
	copy.add(2);
	copy.delete(40);
	expect([[...set], [...copy]]).toEqual([
		[1, 40],
		[1, 2],
	]);
});
