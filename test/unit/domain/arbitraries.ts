/** Random objects, small enough to collide often. */

import fc from 'fast-check';
import type { ClusterState, DriverSettings } from '../../../src/cluster/state.ts';
import type { RawNodeSelector } from '../../../src/domain/topology/requirement.ts';
import {
	capacity,
	claim,
	configuredCluster,
	csiDriver,
	HOST,
	type Manifest,
	node,
	pod,
	storageClass,
	topologies,
	volume,
	ZONE,
} from './builders.ts';
import { filling, PROVISIONER, settings, sources } from './source-arbitraries.ts';

const NODES = ['n0', 'n1', 'n2', 'n3'];
const ZONES = ['a', 'b'];
const SIZES = ['1Gi', '1024Mi', '2Gi', '500m', '1', '3Gi', '10Gi'];
const UNSET = undefined;

const VALUES: Readonly<Record<string, readonly string[]>> = {
	[HOST]: NODES,
	[ZONE]: ZONES,
	num: ['1', '7', '007', '-3', 'x'],
	constructor: ['', 'x'],
};

/** The fields that are set. */
function defined<T extends object>(value: T): Required<{ [K in keyof T]: NonNullable<T[K]> }> {
	return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as never;
}

/** Records without the keys whose value is undefined. */
function compact<T extends object>(record: fc.Arbitrary<T>) {
	return record.map(defined);
}

export const nodeLabels: fc.Arbitrary<Record<string, string>> = compact(
	fc.record(
		Object.fromEntries(Object.entries(VALUES).map(([key, values]) => [key, fc.constantFrom(UNSET, ...values)])),
	),
) as fc.Arbitrary<Record<string, string>>;

const expression = fc.constantFrom(...Object.keys(VALUES)).chain((key) => {
	const values = VALUES[key] as readonly string[];
	const some = fc.uniqueArray(fc.constantFrom(...values, 'elsewhere'), { maxLength: 3 });
	const one = fc.constantFrom(...values).map((value) => [value]);
	return fc.oneof(
		{
			weight: 4,
			arbitrary: fc.record({ key: fc.constant(key), operator: fc.constantFrom('In', 'NotIn'), values: some }),
		},
		fc.record({ key: fc.constant(key), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
		fc.record({ key: fc.constant(key), operator: fc.constantFrom('Gt', 'Lt'), values: one }),
	);
});

export const nodeSelector: fc.Arbitrary<RawNodeSelector> = fc.record({
	nodeSelectorTerms: fc.array(fc.record({ matchExpressions: fc.array(expression, { maxLength: 2 }) }), {
		maxLength: 3,
	}),
});

const ONCE = ['ReadWriteOnce'];
const modes = fc.constantFrom(ONCE, ONCE, ['ReadWriteOnce', 'ReadOnlyMany'], ['ReadOnlyMany', 'ReadWriteOnce'], []);
/** Mostly what objects leave unset. */
const rarely = <T>(...values: T[]) =>
	fc.oneof({ weight: 4, arbitrary: fc.constant(UNSET) }, fc.constantFrom(...values));

const seldom = <T>(...values: T[]) =>
	fc.oneof({ weight: 12, arbitrary: fc.constant(UNSET) }, fc.constantFrom(...values));

const among = (key: string) =>
	fc
		.uniqueArray(fc.constantFrom(...(VALUES[key] as readonly string[])), { minLength: 1, maxLength: 3 })
		.map((values) => ({
			nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values }] }],
		}));

/** Mostly as drivers write it, one host or zone or a few of them; sometimes whatever a selector may say. */
const affinity: fc.Arbitrary<RawNodeSelector | undefined> = fc.oneof(
	{ weight: 2, arbitrary: fc.constant(UNSET) },
	{ weight: 3, arbitrary: among(HOST) },
	{ weight: 2, arbitrary: among(ZONE) },
	{ weight: 3, arbitrary: nodeSelector },
);

const claimName = fc.constantFrom('c0', 'c1', 'c2');

export const volumeOptions = fc.record({
	size: fc.constantFrom(...SIZES),
	class: fc.constantFrom('local', 'local', 'local', 'csi'),
	phase: fc.constantFrom('Available', 'Available', 'Available', 'Released'),
	modes,
	volumeMode: seldom('Block', 'Filesystem'),
	attributesClass: seldom('gold', ''),
	deleting: seldom(true),
	labels: fc.constantFrom(UNSET, { tier: '1' }, { tier: '2' }, { [ZONE]: 'a' }, { [ZONE]: 'a__b' }),
	affinity,
	claimRef: rarely(
		{ name: 'c0' },
		{ name: 'c1', uid: 'uid-c1' },
		{ name: 'c1', uid: 'another' },
		{ name: 'c2', namespace: 'elsewhere' },
		{ name: 'c2' },
	),
});

export function volumeManifest(name: string): fc.Arbitrary<Manifest<'PersistentVolume'>> {
	return compact(volumeOptions).map((options) => volume(name, options));
}

export const claimOptions = fc.record({
	size: fc.constantFrom(...SIZES, ''),
	class: fc.constantFrom('local', 'csi'),
	modes: fc.constantFrom(ONCE, ONCE, ['ReadWriteOnce', 'ReadOnlyMany'], []),
	volumeMode: seldom('Block', 'Filesystem'),
	attributesClass: seldom('gold', ''),
	selector: seldom(
		{ matchLabels: { tier: '1' } },
		{ matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
		{},
	),
	selectedNode: seldom('n0', 'n1', 'n2', ''),
	bound: rarely('pv0', 'pv1', 'pv2'),
});

export function claimManifest(name: string): fc.Arbitrary<Manifest<'PersistentVolumeClaim'>> {
	return compact(claimOptions).map((options) => claim(name, options));
}

const nodeTopology = fc.constantFrom(
	UNSET,
	{ matchLabels: { [ZONE]: 'a' } },
	{ matchLabels: { [HOST]: 'n1' } },
	{ matchLabels: { [HOST]: 'n2' } },
	null,
);

const csiObjects = fc.record({
	zones: fc.constantFrom(UNSET, UNSET, ['a'], ['a', 'b']),
	tellsCapacity: fc.constantFrom(UNSET, true, true, false),
	segments: fc.array(fc.record({ size: fc.constantFrom(...SIZES), nodes: nodeTopology }), { maxLength: 4 }),
});

export interface Scenario {
	readonly nodes: readonly Manifest<'Node'>[];
	readonly volumes: readonly Manifest<'PersistentVolume'>[];
	readonly others: readonly Manifest[];
	/** What is configured. */
	readonly drivers: DriverSettings;
	readonly pod: Manifest<'Pod'>;
}

export function build({ nodes, volumes, others, drivers }: Scenario): ClusterState {
	return configuredCluster(drivers, ...nodes, ...volumes, ...others);
}

/** A cluster of four nodes, and a pod with up to three mounts of its claims. */
export const scenario: fc.Arbitrary<Scenario> = fc
	.record({
		labels: fc.tuple(...NODES.map(() => nodeLabels)),
		volumes: fc.tuple(...Array.from({ length: 7 }, (_, at) => volumeManifest(`pv${at}`))),
		count: fc.integer({ min: 2, max: 7 }),
		claims: fc.tuple(claimManifest('c0'), claimManifest('c1'), claimManifest('c2')),
		fillings: fc.tuple(filling, filling, filling),
		sources,
		drivers: settings,
		csi: csiObjects,
		mounts: fc.oneof(
			{ weight: 2, arbitrary: fc.array(claimName, { minLength: 1, maxLength: 1 }) },
			fc.array(claimName, { minLength: 1, maxLength: 3 }),
		),
	})
	.map(({ labels, volumes, count, claims, fillings, sources, drivers, csi, mounts }) => ({
		nodes: NODES.map((name, at) => node(name, { ...labels[at], [HOST]: name })),
		volumes: [...volumes.slice(0, count), sources.volume],
		others: [
			...claims.map((one, at) => (fillings[at] as (typeof fillings)[0])(one)),
			...sources.others,
			storageClass('local'),
			storageClass('csi', {
				provisioner: PROVISIONER,
				...(csi.zones && { topologies: topologies({ [ZONE]: csi.zones }) }),
			}),
			csiDriver(PROVISIONER, csi.tellsCapacity),
			...csi.segments.map(({ size, nodes }, at) =>
				capacity(`s${at}`, { capacity: size, ...(nodes !== UNSET && { nodes }) }),
			),
		],
		drivers,
		pod: pod('p', ...mounts),
	}));

/** A cluster, and all of its objects in any order. */
export function shuffled(clusters: fc.Arbitrary<Scenario>): fc.Arbitrary<[Scenario, Manifest[]]> {
	return clusters.chain((given) => {
		const objects: Manifest[] = [...given.nodes, ...given.volumes, ...given.others];
		return fc.tuple(fc.constant(given), fc.shuffledSubarray(objects, { minLength: objects.length }));
	});
}

const localClaim = fc.record({
	size: fc.constantFrom(...SIZES),
	modes: rarely(['ReadOnlyMany']),
	selector: rarely({}),
});
const localVolume = fc.record({ size: fc.constantFrom(...SIZES), on: fc.constantFrom('n0', 'n0', 'n1', 'n2') });

/** Volumes of one node each, as local ones are, and claims that differ in little but their size. */
export const localScenario: fc.Arbitrary<Scenario> = fc
	.record({
		claims: fc
			.tuple(localClaim, localClaim, localClaim)
			.map((all) => all.map((options, at) => claim(`c${at}`, defined(options)))),
		volumes: fc.array(localVolume, { maxLength: 9 }),
		wide: rarely({ size: '3Gi' }),
		reserved: rarely({ name: 'c0' }, { name: 'c1', uid: 'another' }),
		mounts: fc.array(claimName, { minLength: 1, maxLength: 4 }),
	})
	.map(({ claims, volumes, wide, reserved, mounts }) => ({
		nodes: NODES.map((name) => node(name)),
		volumes: [
			...volumes.map((options, at) =>
				volume(`pv${at}`, { ...options, ...(at === 0 && reserved && { claimRef: reserved }) }),
			),
			...(wide ? [volume('wide', wide)] : []),
		],
		others: [...claims, storageClass('local')],
		drivers: {},
		pod: pod('p', ...mounts),
	}));
