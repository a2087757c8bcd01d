import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { type RawNodeSelector, requirementOfNodeSelector } from '../../../src/domain/topology/requirement.ts';
import { build, localScenario, type Scenario, scenario } from './arbitraries.ts';
import { HOST, type Manifest, ZONE } from './builders.ts';
import { references } from './source-arbitraries.ts';
import { feasible } from './verdicts.ts';

/**
 * Taking something away never gains a node, with these exceptions, which are rules:
 *
 * - A volume that is reserved for a claim keeps it from all others, also where it does not reach.
 * - A snapshot whose volume is gone can be restored wherever nothing else limits it.
 * - What asks for absence (NotIn, DoesNotExist) is met by taking a label or a value away.
 * - A node without any label of a zone can use the volumes of every zone.
 *
 * The choice of volumes is greedy, and yet no exception: where a claim loses its volume and takes another, nothing comes
 * free for the rest.
 */
interface Change {
	readonly gained: readonly string[];
	readonly lost: readonly string[];
}

/** Adds up the changes, so that a property that never saw one fails. */
class Tally {
	gained = 0;
	lost = 0;

	/** What becomes of the pod's nodes. */
	change(pod: Manifest<'Pod'>, before: ClusterState, after: ClusterState): Change {
		const [was, is] = [feasible(pod, before), feasible(pod, after)];
		const gained = is.filter((name) => !was.includes(name));
		const lost = was.filter((name) => !is.includes(name));
		this.gained += gained.length;
		this.lost += lost.length;
		return { gained, lost };
	}
}

/** The same cases each time, so that the tallies are too. */
const runs = (numRuns: number) => ({ seed: 1, numRuns });

describe('a volume less', () => {
	const without = (given: Scenario, volume: Manifest): Scenario => ({
		...given,
		volumes: given.volumes.filter((one) => one !== volume),
	});

	it.each([
		['in any cluster', scenario],
		['among local volumes', localScenario],
	])('gains no node where it was reserved for nobody, %s', (_, clusters) => {
		const tally = new Tally();
		fc.assert(
			fc.property(clusters, fc.nat(8), (given, at) => {
				const volume = given.volumes[at];
				fc.pre(volume !== undefined && !isReserved(volume));
				const { gained } = tally.change(given.pod, build(given), build(without(given, volume)));
				expect(gained).toEqual([]);
			}),
			runs(500),
		);
		expect(tally.lost).toBeGreaterThan(30);
	});

	it('gains nodes that it did not reach, where it was reserved for a claim', () => {
		const tally = new Tally();
		fc.assert(
			fc.property(scenario, fc.nat(6), (given, at) => {
				const volume = given.volumes[at];
				fc.pre(volume !== undefined && isReserved(volume) && volume.metadata.name !== ORIGIN);
				const before = build(given);
				const { gained } = tally.change(given.pod, before, build(without(given, volume)));
				const selector = selectorOf(volume);
				const reached = selector
					? [...before.nodes.select(requirementOfNodeSelector(selector))].map((id) => before.nodes.nameOf(id))
					: given.nodes.map(({ metadata }) => metadata.name);
				expect(gained.filter((name) => reached.includes(name))).toEqual([]);
			}),
			runs(500),
		);
		expect(tally.gained).toBeGreaterThan(0);
		expect(tally.lost).toBeGreaterThan(20);
	});

	it.each([
		['gains no node where clones were to be made of it', references.clone, false],
		['may gain nodes where a snapshot was taken of it', references.snapshot, true],
	])('%s', (_, reference, mayGain) => {
		const tally = new Tally();
		fc.assert(
			fc.property(scenario, (scenario) => {
				const given = filledFrom(reference, scenario);
				const origin = given.volumes.at(-1) as Manifest;
				const { gained } = tally.change(given.pod, build(given), build(without(given, origin)));
				if (!mayGain) expect(gained).toEqual([]);
			}),
			runs(400),
		);
		if (mayGain) expect(tally.gained).toBeGreaterThan(4);
		else expect(tally.lost).toBeGreaterThan(20);
	});
});

describe('a capacity object less', () => {
	it('gains no node', () => {
		const tally = new Tally();
		fc.assert(
			fc.property(scenario, fc.nat(3), (given, at) => {
				const told = given.others.filter(({ kind }) => kind === 'CSIStorageCapacity')[at];
				fc.pre(told !== undefined);
				const others = given.others.filter((one) => one !== told);
				const { gained } = tally.change(given.pod, build(given), build({ ...given, others }));
				expect(gained).toEqual([]);
			}),
			runs(500),
		);
		expect(tally.lost).toBeGreaterThan(8);
	});
});

describe('a label less on a node', () => {
	it('changes that node alone, and gains it only for what asks for absence, or for the zones of volumes', () => {
		const tally = new Tally();
		fc.assert(
			fc.property(scenario, fc.nat(3), fc.constantFrom(ZONE, ZONE, 'num', 'constructor', HOST), (given, at, key) => {
				const node = given.nodes[at] as Manifest<'Node'>;
				const labels = node.metadata.labels ?? {};
				fc.pre(Object.hasOwn(labels, key));
				const bare = { ...node, metadata: { ...node.metadata, labels: withoutKey(labels, key) } };
				const after = build({ ...given, nodes: given.nodes.with(at, bare) });
				const { gained, lost } = tally.change(given.pod, build(given), after);
				for (const name of [...gained, ...lost]) expect(name).toBe(node.metadata.name);
				const asksForAbsence = given.volumes.some((volume) =>
					expressionsOf(volume).some((each) => each.key === key && ABSENCE.includes(each.operator)),
				);
				if (!asksForAbsence && key !== ZONE) expect(gained).toEqual([]);
			}),
			runs(800),
		);
		expect(tally.gained).toBeGreaterThan(0);
		expect(tally.lost).toBeGreaterThan(20);
	});
});

describe('a value less', () => {
	it('among those that a class allows gains no node, and loses only such as have the value', () => {
		const tally = new Tally();
		fc.assert(
			fc.property(scenario, (given) => {
				const allowing = (values: readonly string[]) => ({
					...given,
					others: given.others.map((one) =>
						one.kind === 'StorageClass' && one.metadata.name === 'csi'
							? { ...one, allowedTopologies: [{ matchLabelExpressions: [{ key: ZONE, values }] }] }
							: one,
					),
				});
				const { gained, lost } = tally.change(given.pod, build(allowing(['a', 'b'])), build(allowing(['a'])));
				expect(gained).toEqual([]);
				for (const name of lost) expect(labelOf(given, name, ZONE)).toBe('b');
			}),
			runs(300),
		);
		expect(tally.lost).toBeGreaterThan(25);
	});

	it('in the affinity of a volume changes only such nodes as have the value, and gains them only from NotIn', () => {
		const tally = new Tally();
		fc.assert(
			fc.property(scenario, fc.nat(6), (given, at) => {
				const volume = given.volumes[at];
				const found = volume && expressionsOf(volume).find(({ values }) => (values?.length ?? 0) > 1);
				fc.pre(volume !== undefined && found !== undefined);
				const [removed, ...left] = found.values ?? [];
				const volumes = given.volumes.with(at, withValues(volume as Manifest<'PersistentVolume'>, found, left));
				const { gained, lost } = tally.change(given.pod, build(given), build({ ...given, volumes }));
				for (const name of [...gained, ...lost]) expect(labelOf(given, name, found.key)).toBe(removed);
				if (found.operator === 'In') expect(gained).toEqual([]);
			}),
			runs(800),
		);
		expect(tally.gained).toBeGreaterThan(0);
		expect(tally.lost).toBeGreaterThan(30);
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
