/** Random sources of claims: mostly sound, each with at most a flaw or two. */

import fc from 'fast-check';
import type { DriverSettings } from '../../../src/cluster/state.ts';
import { HOST, type Manifest, terms, topologies, ZONE } from './builders.ts';
import { content, grant, MODE_CHANGE, origin, REACH, registered, snapshot, snapshotClass } from './source-builders.ts';

/** The provisioner of class `csi`. */
export const PROVISIONER = 'driver';

const UNSET = undefined;
/** Mostly as it should be. */
const seldom = <T>(...values: T[]) =>
	fc.oneof({ weight: 8, arbitrary: fc.constant(UNSET) }, fc.constantFrom(...values));
const reach = fc.constantFrom('anywhere', 'source-volume', 'managed-by-node', 'everywhere');
const limit = fc.constantFrom([], topologies({ [ZONE]: ['a'] }), topologies({ [HOST]: ['n0', 'n2'] }));

/** What a claim may say it is to be filled from, in its spec. */
export const references = {
	snapshot: { dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's0' } },
	foreign: {
		dataSourceRef: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's1', namespace: 'elsewhere' },
	},
	missing: { dataSourceRef: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'nowhere' } },
	clone: { dataSource: { kind: 'PersistentVolumeClaim', name: 'origin' } },
	twin: { dataSource: { kind: 'PersistentVolumeClaim', name: 'c0' } },
	turned: { dataSourceRef: { apiGroup: 'example.com', kind: 'PersistentVolumeClaim', name: 'c1' } },
	grouped: { dataSourceRef: { apiGroup: 'example.com', kind: 'VolumeSnapshot', name: 's0' } },
	populated: { dataSourceRef: { apiGroup: 'populators.example.com', kind: 'Image', name: 'alpine' } },
} as const;

const anyReference = fc.oneof(
	{ weight: 9, arbitrary: fc.constant(UNSET) },
	{ weight: 6, arbitrary: fc.constant('snapshot' as const) },
	{ weight: 4, arbitrary: fc.constant('clone' as const) },
	{ weight: 2, arbitrary: fc.constantFrom('twin' as const, 'turned' as const) },
	fc.constantFrom('foreign' as const, 'missing' as const, 'grouped' as const, 'populated' as const),
);

/** Gives the claim a source, or none. */
export const filling: fc.Arbitrary<(claim: Manifest<'PersistentVolumeClaim'>) => Manifest<'PersistentVolumeClaim'>> =
	anyReference.map((name) => (claim) => ({
		...claim,
		spec: { ...(claim.spec as object), ...(name && references[name]) },
	}));

const snapshotFlaw = seldom<object | null>(
	{ readyToUse: false },
	{ boundVolumeSnapshotContentName: '' },
	{ boundVolumeSnapshotContentName: 'gone' },
	{ restoreSize: '3Gi' },
	null,
);
const contentFlaw = seldom<object>(
	{ driver: 'another' },
	{ volumeSnapshotRef: { namespace: 'ns', name: 's0', uid: 'before' } },
	{ volumeSnapshotRef: { namespace: 'ns', name: 'another', uid: 'uid-s0' } },
	{ sourceVolumeMode: 'Block' },
);

/** Snapshot s0, and s1 in another namespace; their contents, of which one was taken of the volume with handle `h`. */
const snapshots = fc
	.record({
		flaw: snapshotFlaw,
		size: fc.constantFrom('500m', '1', '1Gi'),
		deleting: seldom(true),
		restoring: fc.boolean(),
		contentFlaw,
		handle: fc.constantFrom('h', 'h', 'gone', ''),
		hasHandle: seldom(null),
		reach: fc.option(reach, { nil: UNSET }),
		modeChange: seldom('true', 'false'),
		classReach: fc.option(reach, { nil: UNSET }),
		affinity: fc.oneof({ weight: 3, arbitrary: fc.constant(UNSET) }, limit),
		managedBy: seldom('n0', 'n1', 'n9'),
		granted: fc.boolean(),
	})
	.map((given): Manifest[] => {
		const { flaw, deleting, restoring, managedBy, affinity } = given;
		const finalizers = ['provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection'];
		const spec = { driver: PROVISIONER, source: { volumeHandle: given.handle } };
		const annotations = {
			...(given.reach && { [REACH]: given.reach }),
			...(given.modeChange && { [MODE_CHANGE]: given.modeChange }),
		};
		return [
			snapshot('s0', {
				status: flaw === null ? null : { restoreSize: given.size, ...flaw },
				...(deleting && { deleting, ...(restoring && { finalizers }) }),
			}),
			content('s0', {
				spec: { ...spec, ...given.contentFlaw },
				annotations,
				...(given.hasHandle === null && { status: null }),
				...(affinity && { affinity }),
				...(managedBy !== UNSET && { managedBy }),
			}),
			snapshot('s1', { namespace: 'elsewhere', status: { restoreSize: given.size } }),
			content('s1', { spec: { ...spec, volumeSnapshotRef: { namespace: 'elsewhere', name: 's1', uid: 'uid-s1' } } }),
			snapshotClass(given.classReach && { [REACH]: given.classReach }),
			...(given.granted ? [grant('elsewhere', [{ namespace: 'ns' }], [{ name: 's1' }])] : []),
		];
	});

/** A claim `origin` and its volume, which a clone may be made of and s0 was taken of. */
const origins = fc
	.record({
		phase: seldom('Pending', 'Lost'),
		deleting: seldom(true),
		size: fc.constantFrom('500m', '1', '1Gi', '2Gi'),
		volumePhase: seldom('Released'),
		volumeMode: seldom('Block'),
		driver: seldom('another'),
		uid: seldom('before'),
		on: fc.constantFrom(UNSET, ['n0'], ['n1', 'n2']),
	})
	.map(({ phase, deleting, size, volumePhase, volumeMode, driver, uid, on }) =>
		origin({
			claim: { size, bound: 'pv-origin', ...(phase && { phase }), ...(deleting && { deleting }) },
			volume: {
				...(volumePhase && { phase: volumePhase }),
				...(volumeMode && { volumeMode }),
				affinity: on ? terms([HOST, 'In', ...on]) : terms([HOST, 'Exists']),
				claimRef: { name: 'origin', uid: uid ?? 'uid-origin' },
			},
			csi: { driver: driver ?? PROVISIONER, volumeHandle: 'h' },
		}),
	);

/** Of another name than the volumes that claims are bound to. */
const ORIGIN_VOLUME = { name: 'pv-origin', uid: 'uid-pv-origin', resourceVersion: '1' };

export interface SourceObjects {
	readonly volume: Manifest<'PersistentVolume'>;
	readonly others: readonly Manifest[];
}

const keys = fc.constantFrom(UNSET, [HOST], [HOST], [ZONE], [ZONE, HOST], []);

/** What the driver has registered on nodes; mostly the same on all. */
const registrations = fc
	.oneof(
		keys.map((one) => [one, one, one, one]),
		fc.tuple(keys, keys, keys, keys),
	)
	.map((each) =>
		each.flatMap((topologyKeys, at) => (topologyKeys ? registered(`n${at}`, PROVISIONER, topologyKeys) : [])),
	);

export const sources: fc.Arbitrary<SourceObjects> = fc
	.tuple(snapshots, origins, registrations)
	.map(([made, [claim, volume], csiNodes]) => ({
		volume: { ...(volume as Manifest<'PersistentVolume'>), metadata: ORIGIN_VOLUME },
		others: [...made, claim as Manifest, ...csiNodes],
	}));

export const settings: fc.Arbitrary<DriverSettings> = fc
	.tuple(
		fc.constantFrom(UNSET, UNSET, 'anywhere' as const, 'source-volume' as const, 'managed-by-node' as const),
		seldom(false),
	)
	.map(([snapshots, prevented]): DriverSettings => {
		const preventing = prevented === false ? { preventVolumeModeConversion: prevented } : {};
		return { [PROVISIONER]: { ...(snapshots && { snapshots }), ...preventing } };
	});
