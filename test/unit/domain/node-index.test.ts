import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NodeIndex } from '../../../src/domain/topology/node-index.ts';
import { matchesRequirement, requirementOfNodeSelector } from '../../../src/domain/topology/requirement.ts';
import { nodeLabels, nodeSelector } from './arbitraries.ts';
import { terms } from './builders.ts';

const names = fc.constantFrom('n0', 'n1', 'n2', 'n3', 'n4');
const step = fc.oneof(
	{ weight: 3, arbitrary: fc.record({ name: names, labels: nodeLabels }) },
	{ weight: 1, arbitrary: fc.record({ name: names, labels: fc.constant(undefined) }) },
);

describe('the index of nodes', () => {
	it('selects what matching every node by itself selects, after any changes', () => {
		fc.assert(
			fc.property(fc.array(step), fc.array(nodeSelector, { minLength: 1, maxLength: 4 }), (steps, selectors) => {
				const index = new NodeIndex();
				const model = new Map<string, Record<string, string>>();
				const requirements = selectors.map(requirementOfNodeSelector);
				for (const { name, labels } of steps) {
					if (labels) {
						index.upsert(name, labels);
						model.set(name, labels);
					} else {
						index.remove(name);
						model.delete(name);
					}
					for (const requirement of requirements) {
						const expected = [...model]
							.filter(([, held]) => matchesRequirement(requirement, held))
							.map(([held]) => held);
						const selected = [...index.select(requirement)].map((id) => index.nameOf(id));
						expect(selected.sort()).toEqual(expected.sort());
						const oneByOne = [...index.idsMeeting(requirement)].map((id) => index.nameOf(id));
						expect(oneByOne.sort()).toEqual(expected);
					}
				}
				expect(index.size).toBe(model.size);
				expect([...index.all].map((id) => index.nameOf(id)).sort()).toEqual([...model.keys()].sort());
				for (const [name, labels] of model) expect(index.labelsOf(index.idOf(name) ?? -1)).toEqual(labels);
			}),
		);
	});

	it('keeps a node at its id for as long as it is there, and forgets it then', () => {
		const index = new NodeIndex();
		index.upsert('a', {});
		index.upsert('b', {});
		const id = index.idOf('b');
		index.remove('a');
		index.upsert('b', { zone: 'x' });
		expect(index.idOf('b')).toBe(id);
		expect(index.idOf('a')).toBeUndefined();
	});

	it('gives ids of nodes that have gone to new ones: it is as large as the most nodes that there were at once', () => {
		const index = new NodeIndex();
		const ids = new Set<number | undefined>();
		for (let i = 0; i < 1_000; i++) {
			index.upsert(`n${i}`, {});
			index.remove(`n${i - 3}`);
			ids.add(index.idOf(`n${i}`));
		}
		expect(ids).toEqual(new Set([0, 1, 2, 3]));
	});

	it('does not change a set that was given out', () => {
		const index = new NodeIndex();
		index.upsert('a', { zone: 'x' });
		const everything = index.all;
		const selected = index.select(requirementOfNodeSelector(terms(['zone', 'In', 'x'])));
		index.upsert('b', { zone: 'x' });
		index.remove('a');
		expect([everything.size, selected.size]).toEqual([1, 1]);
	});

	it('takes in nodes one by one at a cost that does not grow with those it has', () => {
		const index = new NodeIndex();
		const start = performance.now();
		for (let i = 0; i < 50_000; i++) index.upsert(`n${i}`, { zone: 'x' });
		// Some 30 ms. Copying the set of all nodes for each, or clearing what was never kept, takes more than ten seconds.
		expect(performance.now() - start).toBeLessThan(2000);
	});

	it('counts the nodes behind each value of a label', () => {
		const index = new NodeIndex();
		for (const [name, zone] of [
			['a', 'x'],
			['b', 'x'],
			['c', 'y'],
		] as const)
			index.upsert(name, { zone });
		index.upsert('c', { zone: 'x' });
		index.remove('a');
		expect([...index.valuesOf('zone')]).toEqual([['x', 2]]);
	});

	it('is not misled by labels that are called like members of Object', () => {
		const index = new NodeIndex();
		index.upsert('a', {});
		index.upsert('b', { constructor: 'x' });
		expect([...index.select(requirementOfNodeSelector(terms(['constructor', 'Exists'])))]).toEqual([1]);
	});
});
