import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { isLabelValue } from '../../../src/domain/topology/labels.ts';
import { type RawNodeSelector, requirementOfNodeSelector } from '../../../src/domain/topology/requirement.ts';
import { build, localScenario, type Scenario, scenario } from './arbitraries.ts';
import { claim, cluster, HOST, type Manifest, node, pod, storageClass, terms, volume, ZONE } from './builders.ts';
import { references } from './source-arbitraries.ts';
import { feasible } from './verdicts.ts';

/**
 * Taking something away never gains a node, with these exceptions, which are rules:
 *
 * - A volume that is reserved for a claim keeps it from all others, also where it does not reach.
 * - A snapshot whose volume is gone can be restored wherever nothing else limits it.
 * - What asks for absence (NotIn, DoesNotExist) is met by taking a label or a value away.
 * - A value that no label can have spoils its term: without it the term counts.
 * - A node without any label of a zone can use the volumes of every zone.
 *
 * The choice of volumes is greedy, and yet no exception: where a claim loses its volume and takes another, nothing comes
 * free for the rest.
 */
interface Change {
	readonly gained: readonly string[];
	readonly lost: readonly string[];
}

/** What becomes of the pod's nodes. */
function change(pod: Manifest<'Pod'>, before: ClusterState, after: ClusterState): Change {
	const [was, is] = [feasible(pod, before), feasible(pod, after)];
	return { gained: is.filter((name) => !was.includes(name)), lost: was.filter((name) => !is.includes(name)) };
}

/**
 * Takes something away in random cases, other ones each time. What is to be seen of it, is seen among the cases of one seed:
 * a property that never saw a node come or go would show nothing.
 */
function holds<T extends unknown[]>(
	arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
	numRuns: number,
	seen: readonly (keyof Change)[],
	takeAway: (...given: T) => Change,
): void {
	const given = fc.tuple<T>(...arbitraries);
	fc.assert(
		fc.property(given, (one) => {
			takeAway(...one);
		}),
		{ numRuns },
	);
	const missing = new Set(seen);
	for (const one of fc.sample(given, { seed: 1, numRuns: 600 })) {
		if (missing.size === 0) break;
		const changed = unless(fc.PreconditionFailure, () => takeAway(...one));
		for (const what of seen) if (changed && changed[what].length > 0) missing.delete(what);
	}
	expect([...missing]).toEqual([]);
}

function unless<T>(failure: typeof fc.PreconditionFailure, run: () => T): T | undefined {
	try {
		return run();
	} catch (error) {
		if (failure.isFailure(error)) return undefined;
		throw error;
	}
}

describe('a volume less', () => {
	const without = (given: Scenario, volume: Manifest): Scenario => ({
		...given,
		volumes: given.volumes.filter((one) => one !== volume),
	});

	it.each([
		['in any cluster', scenario],
		['among local volumes', localScenario],
	])('gains no node where it was reserved for nobody, %s', (_, clusters) => {
		holds([clusters, fc.nat(8)], 250, ['lost'], (given, at) => {
			const volume = given.volumes[at];
			fc.pre(volume !== undefined && !isReserved(volume));
			const changed = change(given.pod, build(given), build(without(given, volume)));
			expect(changed.gained).toEqual([]);
			return changed;
		});
	});

	it('gains nodes that it did not reach, where it was reserved for a claim', () => {
		holds([scenario, fc.nat(6)], 250, ['gained', 'lost'], (given, at) => {
			const volume = given.volumes[at];
			fc.pre(volume !== undefined && isReserved(volume) && volume.metadata.name !== ORIGIN);
			const before = build(given);
			const changed = change(given.pod, before, build(without(given, volume)));
			const selector = selectorOf(volume);
			const reached = selector
				? [...before.nodes.select(requirementOfNodeSelector(selector))].map((id) => before.nodes.nameOf(id))
				: given.nodes.map(({ metadata }) => metadata.name);
			expect(changed.gained.filter((name) => reached.includes(name))).toEqual([]);
			return changed;
		});
	});

	it('gains no node where clones were to be made of it', () => {
		holds([scenario], 250, ['lost'], (scenario) => {
			const changed = withoutOrigin(filledFrom(references.clone, scenario));
			expect(changed.gained).toEqual([]);
			return changed;
		});
	});

	it('may gain nodes where a snapshot was taken of it', () => {
		holds([scenario], 50, ['gained'], (scenario) => withoutOrigin(filledFrom(references.snapshot, scenario)));
	});

	function withoutOrigin(given: Scenario): Change {
		const origin = given.volumes.at(-1) as Manifest;
		return change(given.pod, build(given), build(without(given, origin)));
	}
});

describe('a capacity object less', () => {
	it('gains no node', () => {
		holds([scenario, fc.nat(3)], 250, ['lost'], (given, at) => {
			const told = given.others.filter(({ kind }) => kind === 'CSIStorageCapacity')[at];
			fc.pre(told !== undefined);
			const others = given.others.filter((one) => one !== told);
			const changed = change(given.pod, build(given), build({ ...given, others }));
			expect(changed.gained).toEqual([]);
			return changed;
		});
	});
});

describe('a label less on a node', () => {
	it('changes that node alone, and gains it only for what asks for absence, or for the zones of volumes', () => {
		const keys = fc.constantFrom(ZONE, ZONE, 'num', 'constructor', HOST);
		holds([scenario, fc.nat(3), keys], 300, ['lost'], (given, at, key) => {
			const one = given.nodes[at] as Manifest<'Node'>;
			const labels = one.metadata.labels ?? {};
			fc.pre(Object.hasOwn(labels, key));
			const bare = { ...one, metadata: { ...one.metadata, labels: withoutKey(labels, key) } };
			const changed = change(given.pod, build(given), build({ ...given, nodes: given.nodes.with(at, bare) }));
			for (const name of [...changed.gained, ...changed.lost]) expect(name).toBe(one.metadata.name);
			const asksForAbsence = given.volumes.some((volume) =>
				expressionsOf(volume).some((each) => each.key === key && ABSENCE.includes(each.operator)),
			);
			if (!asksForAbsence && key !== ZONE) expect(changed.gained).toEqual([]);
			return changed;
		});
	});
});

describe('a node is gained', () => {
	const waiting = (labels: Record<string, string>, ...values: string[]) =>
		cluster(
			node('n0', labels),
			storageClass('local'),
			claim('c'),
			volume('pv', { affinity: terms(['num', 'NotIn', ...values]) }),
		);
	const bound = (labels: Record<string, string>) =>
		cluster(node('n0', labels), claim('c', { bound: 'pv' }), volume('pv', { labels: { [ZONE]: 'a' } }));

	it.each<[string, ClusterState, ClusterState]>([
		['by a label less, where NotIn asks for it', waiting({ num: '1' }, '1'), waiting({}, '1')],
		['by a value less, where NotIn asks for it', waiting({ num: '1' }, '1', '7'), waiting({ num: '1' }, '7')],
		['by a value less that no label can have, and that spoils its term', waiting({}, '-3', '1'), waiting({}, '1')],
		['by its last label of a zone', bound({ [ZONE]: 'b' }), bound({})],
	])('%s', (_, before, after) => expect(change(pod('p', 'c'), before, after).gained).toEqual(['n0']));
});

describe('a value less', () => {
	it('among those that a class allows gains no node, and loses only such as have the value', () => {
		holds([scenario], 200, ['lost'], (given) => {
			const allowing = (values: readonly string[]) => ({
				...given,
				others: given.others.map((one) =>
					one.kind === 'StorageClass' && one.metadata.name === 'csi'
						? { ...one, allowedTopologies: [{ matchLabelExpressions: [{ key: ZONE, values }] }] }
						: one,
				),
			});
			const changed = change(given.pod, build(allowing(['a', 'b'])), build(allowing(['a'])));
			expect(changed.gained).toEqual([]);
			for (const name of changed.lost) expect(labelOf(given, name, ZONE)).toBe('b');
			return changed;
		});
	});

	it('in the affinity of a volume changes only such nodes as have the value, and gains them only from NotIn', () => {
		holds([scenario, fc.nat(6)], 300, ['lost'], (given, at) => {
			const volume = given.volumes[at];
			const found = volume && expressionsOf(volume).find(({ values }) => (values?.length ?? 0) > 1);
			fc.pre(volume !== undefined && found !== undefined);
			const [removed = '', ...left] = found.values ?? [];
			fc.pre(isLabelValue(removed));
			const volumes = given.volumes.with(at, withValues(volume as Manifest<'PersistentVolume'>, found, left));
			const changed = change(given.pod, build(given), build({ ...given, volumes }));
			for (const name of [...changed.gained, ...changed.lost]) expect(labelOf(given, name, found.key)).toBe(removed);
			if (found.operator === 'In') expect(changed.gained).toEqual([]);
			return changed;
		});
	});
});

const ORIGIN = 'pv-origin';
const ABSENCE: readonly string[] = ['NotIn', 'DoesNotExist'];

function filledFrom(reference: object, given: Scenario): Scenario {
	const others = given.others.map((one) => {
		const isOrigin = one.metadata.name === 'origin';
		if (one.kind !== 'PersistentVolumeClaim' || isOrigin) return one;
		return { ...one, spec: { ...(one.spec as object), ...reference } };
	});
	return { ...given, others };
}

/** The volume that snapshots were taken of stands for one that is reserved as well: it is bound. */
function isReserved({ spec }: Manifest): boolean {
	return (spec as { claimRef?: object }).claimRef !== undefined;
}

function labelOf({ nodes }: Scenario, name: string, key: string): string | undefined {
	return nodes.find(({ metadata }) => metadata.name === name)?.metadata.labels?.[key];
}

function withoutKey(labels: Record<string, string>, key: string): Record<string, string> {
	const { [key]: _, ...others } = labels;
	return others;
}

function selectorOf({ spec }: Manifest): RawNodeSelector | undefined {
	return (spec as { nodeAffinity?: { required?: RawNodeSelector } }).nodeAffinity?.required;
}

function expressionsOf(volume: Manifest) {
	return (selectorOf(volume)?.nodeSelectorTerms ?? []).flatMap(({ matchExpressions }) => matchExpressions ?? []);
}

function withValues(
	volume: Manifest<'PersistentVolume'>,
	expression: object,
	values: readonly string[],
): Manifest<'PersistentVolume'> {
	const terms = (selectorOf(volume)?.nodeSelectorTerms ?? []).map(({ matchExpressions }) => ({
		matchExpressions: (matchExpressions ?? []).map((each) => (each === expression ? { ...each, values } : each)),
	}));
	return { ...volume, spec: { ...(volume.spec as object), nodeAffinity: { required: { nodeSelectorTerms: terms } } } };
}
