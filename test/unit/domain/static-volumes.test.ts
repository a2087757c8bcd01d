import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Claim, Volume } from '../../../src/domain/model.ts';
import { StaticVolumes } from '../../../src/domain/storage/static-volumes.ts';
import { claimManifest, nodeLabels, volumeManifest } from './arbitraries.ts';
import { claim, HOST, type Manifest, project, terms, volume, ZONE } from './builders.ts';
import { naiveBest } from './naive-volumes.ts';

const claims = fc.constantFrom('c0', 'c1', 'c2').chain(claimManifest).map(project);
/** Twelve names: what comes under a name that is there replaces it. */
const volumes = fc
	.nat(11)
	.chain((at) => volumeManifest(`pv${at}`))
	.map(project);
const step = fc.oneof(
	{ weight: 5, arbitrary: volumes.map((put) => ({ put })) },
	{ weight: 2, arbitrary: fc.nat(11).map((at) => ({ drop: `pv${at}` })) },
);

/** What is in the index, and the same in a plain map. */
class Both {
	readonly index = new StaticVolumes();
	readonly model = new Map<string, Volume>();

	put(next: Volume): void {
		this.drop(next.name);
		this.index.add(next);
		this.model.set(next.name, next);
	}

	drop(name: string): void {
		const known = this.model.get(name);
		if (known) this.index.remove(known);
		this.model.delete(name);
	}
}

function expectSame(both: Both, wanted: Claim, nodes: readonly Record<string, string>[]): void {
	const sameClass = [...both.model.values()].map((held) => ({ ...held, className: wanted.className }));
	const search = both.index.search(wanted);
	const taken: Volume[] = [];
	for (const labels of [...nodes, ...nodes]) {
		// One search serves all nodes, and on each of them other volumes are taken: none, or all that were found so far.
		for (const without of [[], taken]) {
			const names = new Set(without.map(({ name }) => name));
			const best = search.best(labels, new Set(without));
			expect(best?.name).toBe(naiveBest(wanted, sameClass, labels, names)?.name);
			if (best && without === taken) taken.push(best);
		}
	}
}

describe('the index of static volumes', () => {
	it('finds what looking at every volume finds, after any additions and removals', () => {
		fc.assert(
			fc.property(
				fc.array(step, { maxLength: 40 }),
				claims,
				fc.array(nodeLabels, { maxLength: 4 }),
				(steps, wanted, nodes) => {
					const both = new Both();
					for (const one of steps) {
						if ('put' in one) both.put(one.put);
						else both.drop(one.drop);
					}
					expectSame(both, wanted, nodes);
				},
			),
			{ numRuns: 500 },
		);
	});

	it('does so too where many volumes are alike', () => {
		const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 33, maxLength: 80 });
		const labels = fc.constantFrom({ tier: '1' }, { tier: '2' });
		fc.assert(
			fc.property(
				sizes,
				fc.array(labels, { minLength: 80, maxLength: 80 }),
				claims,
				fc.array(nodeLabels),
				(all, tiers, wanted, nodes) => {
					const both = new Both();
					for (const [at, size] of all.entries()) {
						both.put(project(volume(`pv${at}`, { size: `${size * 128}Mi`, labels: tiers[at] as { tier: string } })));
					}
					expectSame(both, wanted, [...nodes, {}, {}, {}]);
				},
			),
		);
	});

	it('is empty when all that was added is removed', () => {
		fc.assert(
			fc.property(fc.array(step), (steps) => {
				const both = new Both();
				for (const one of steps) if ('put' in one) both.put(one.put);
				for (const name of [...both.model.keys()]) both.drop(name);
				expect(both.index.isEmpty).toBe(true);
			}),
		);
	});

	it('asks each node by its own labels', () => {
		const index = new StaticVolumes();
		for (const name of ['n0', 'n1']) index.add(project(volume(`on-${name}`, { on: name })));
		index.add(project(volume('in-zone', { affinity: terms([ZONE, 'In', 'a']), size: '5Gi' })));
		const search = index.search(project(claim('data')));
		const best = (labels: Record<string, string>) => search.best(labels, new Set())?.name;
		expect([best({ [HOST]: 'n0' }), best({ [HOST]: 'n1', [ZONE]: 'a' }), best({ [ZONE]: 'a' }), best({})]).toEqual([
			'on-n0',
			'on-n1',
			'in-zone',
			undefined,
		]);
	});

	it('takes the smallest of several that are reserved for the claim', () => {
		const index = new StaticVolumes();
		for (const [name, size] of [
			['b', '3Gi'],
			['a', '3Gi'],
			['c', '2Gi'],
			['d', '1Mi'],
		] as const) {
			index.add(project(volume(name, { size, claimRef: { name: 'data' } })));
		}
		const search = index.search(project(claim('data')));
		const smallest = search.best({}, new Set());
		expect(smallest?.name).toBe('c');
		expect(search.best({}, new Set(smallest && [smallest]))?.name).toBe('a');
	});
});

describe('volumes on one node', () => {
	const index = (...volumes: readonly Manifest<'PersistentVolume'>[]) => {
		const made = new StaticVolumes();
		for (const one of volumes) made.add(project(one));
		return made;
	};
	const best = (of: StaticVolumes, options: Parameters<typeof claim>[1], labels: Record<string, string> = {}) =>
		of.search(project(claim('c', options))).best(labels, new Set())?.name;

	it('are kept apart by their mode and their attributes class', () => {
		const volumes = index(volume('a', { volumeMode: 'Block' }), volume('b', { attributesClass: 'gold' }), volume('c'));
		expect(best(volumes, {})).toBe('c');
		expect(best(volumes, { volumeMode: 'Block' })).toBe('a');
		expect(best(volumes, { attributesClass: 'gold' })).toBe('b');
		expect(best(volumes, { volumeMode: 'Block', attributesClass: 'gold' })).toBeUndefined();
	});

	it('come and go under the eyes of a node that has been looked at', () => {
		const labels = { [HOST]: 'n0' };
		const volumes = index();
		expect(best(volumes, {}, labels)).toBeUndefined();
		const there = project(volume('there', { on: 'n0' }));
		volumes.add(there);
		expect(best(volumes, {}, labels)).toBe('there');
		volumes.remove(there);
		expect(best(volumes, {}, labels)).toBeUndefined();
		const other = project(volume('other', { on: 'n0', volumeMode: 'Block' }));
		volumes.add(other);
		expect(best(volumes, { volumeMode: 'Block' }, labels)).toBe('other');
	});

	it('are judged by the whole of each term', () => {
		const affinity = terms(
			[ZONE, 'In', 'a'],
			[
				[HOST, 'In', 'n0'],
				['disk', 'Exists'],
			],
		);
		const volumes = index(volume('pv', { affinity }));
		expect(best(volumes, {}, { [HOST]: 'n0' })).toBeUndefined();
		expect(best(volumes, {}, { [HOST]: 'n0', disk: 'ssd' })).toBe('pv');
		expect(best(volumes, {}, { [ZONE]: 'a' })).toBe('pv');
	});

	it('are large enough to the last unit, beyond what a double tells apart', () => {
		const volumes = index(volume('pv', { size: '9007199254740992n' }));
		expect(best(volumes, { size: '9007199254740992n' })).toBe('pv');
		expect(best(volumes, { size: '9007199254740993n' })).toBeUndefined();
	});
});

describe('claims that differ in size only', () => {
	const index = new StaticVolumes();
	index.add(project(volume('pv', { claimRef: { name: 'c2', uid: 'uid-c2' } })));
	const one = claim('c0', { size: '1Gi' });

	it.each<[string, Parameters<typeof claim>[1], boolean]>([
		['are alike', { size: '2Gi' }, true],
		['in another class are not', { class: 'other' }, false],
		['of another volumeMode are not', { volumeMode: 'Block' }, false],
		['of another attributes class are not', { attributesClass: 'gold' }, false],
		['with other access modes are not', { modes: ['ReadOnlyMany'] }, false],
		['with a selector are not', { selector: {} }, false],
	])('%s', (_, options, alike) => {
		const other = claim('c1', options);
		expect(index.searchAlike([one, other].map(project)) !== undefined).toBe(alike);
		expect(index.searchAlike([other, one].map(project)) !== undefined).toBe(alike);
	});

	it('are counted without a look at volumes on one exact shelf only', () => {
		const served = (labels: Record<string, string>, ...options: readonly Parameters<typeof volume>[1][]) => {
			const volumes = new StaticVolumes();
			for (const [at, each] of options.entries()) volumes.add(project(volume(`v${at}`, each)));
			return volumes.searchAlike([one, claim('c1', { size: '2Gi' })].map(project))?.served(labels);
		};
		const here = { [HOST]: 'n0' };
		expect(served(here)).toBe(0);
		expect(served(here, { on: 'n0', size: '1Gi' })).toBe(1);
		expect(served(here, { on: 'n0', size: '1Gi' }, { on: 'n0', size: '2Gi' })).toBe(2);
		expect(served(here, { on: 'n0' }, { on: 'n0', modes: ['ReadWriteOnce', 'ReadOnlyMany'] })).toBeUndefined();
		const affinity = terms([
			[HOST, 'In', 'n0'],
			['disk', 'Exists'],
		]);
		expect(served(here, { affinity })).toBeUndefined();
	});

	it('are not alike where a volume is reserved for one', () => {
		expect(index.searchAlike([one, claim('c2')].map(project))).toBeUndefined();
	});
});
