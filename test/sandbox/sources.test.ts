/** What a volume can be filled from: every check of external-provisioner, and that a check is made again in time. */

import { describe, expect, it } from 'vitest';
import type { DriverSettings } from '../../src/cluster/state.ts';
import { RESTORE_SIZE } from '../../src/sandbox/controllers/snapshots.ts';
import type { RawObject } from '../../src/sandbox/raw.ts';
import {
	claim,
	DRIVER,
	fromClaim,
	fromSnapshot,
	node,
	recordingLogger,
	sandboxOf,
	snapshot,
	snapshotClass,
	storageClass,
	type TestSandbox,
	ZONE,
} from './support.ts';

const OTHER_DRIVER = 'other.example.com';
const BASE = [
	...node('a1', 'a'),
	...node('b1', 'b'),
	storageClass('disk'),
	storageClass('other', { provisioner: OTHER_DRIVER }),
	snapshotClass,
	claim('origin', 'disk', '3Gi'),
];
const SNAPSHOT = snapshot('cut', { persistentVolumeClaimName: 'origin' });

type Raw = Readonly<Record<string, unknown>>;

/** Claim `restored` pinned to node a1 after `origin` was bound there; gives why it was refused, last. */
async function pin(
	objects: readonly Raw[],
	prepare: (scene: TestSandbox) => void | Promise<void> = () => {},
	drivers: DriverSettings = {},
) {
	const logger = recordingLogger();
	const scene = await sandboxOf([...BASE, ...objects], { logger, drivers });
	await scene.select('origin', 'a1');
	await prepare(scene);
	await scene.sandbox.store.quiet();
	await scene.select('restored', 'a1');
	const bound = scene.claim('restored').bindCompleted;
	return { scene, bound, refusal: bound ? undefined : logger.warnings.at(-1) };
}

/** Changes an object of the sandbox as a user or a controller would. */
function change(
	scene: TestSandbox,
	kind: 'VolumeSnapshot' | 'VolumeSnapshotContent' | 'PersistentVolume',
	key: string,
	fields: Raw,
) {
	const { store } = scene.sandbox;
	const object = store.get(kind, key) as RawObject;
	store.update(kind, {
		...object,
		...fields,
		metadata: { ...object.metadata, ...(fields.metadata as object) },
	} as never);
}

const contentKey = (scene: TestSandbox) =>
	scene.sandbox.store.get('VolumeSnapshot', 'default/cut')?.status?.boundVolumeSnapshotContentName ?? '';

describe('a snapshot', () => {
	it('gets a content with all that a restore asks for, once its source is bound', async () => {
		const scene = await sandboxOf([...BASE, SNAPSHOT]);
		const { store } = scene.sandbox;
		expect(store.get('VolumeSnapshot', 'default/cut')?.status).toBeUndefined();
		await scene.select('origin', 'a1');
		const taken = store.get('VolumeSnapshot', 'default/cut');
		const content = store.get('VolumeSnapshotContent', `snapcontent-${taken?.metadata.uid}`);
		expect(taken?.status).toEqual({
			boundVolumeSnapshotContentName: content?.metadata.name,
			readyToUse: true,
			restoreSize: '3Gi',
			creationTime: expect.any(String),
		});
		expect(content).toMatchObject({
			spec: {
				driver: DRIVER,
				deletionPolicy: 'Delete',
				source: { volumeHandle: scene.volumeOf('origin').csi?.handle },
				sourceVolumeMode: 'Filesystem',
				volumeSnapshotClassName: 'cut',
				volumeSnapshotRef: { kind: 'VolumeSnapshot', namespace: 'default', name: 'cut', uid: taken?.metadata.uid },
			},
			status: { readyToUse: true, snapshotHandle: expect.any(String), restoreSize: 3 * 2 ** 30 },
		});
	});

	it('is bound first and ready when it is cut', async () => {
		const scene = await sandboxOf([...BASE, SNAPSHOT], { delays: { snapshot: 5 } });
		const cut = () => scene.sandbox.store.get('VolumeSnapshot', 'default/cut')?.status;
		await scene.select('origin', 'a1');
		expect(cut()).toMatchObject({ boundVolumeSnapshotContentName: expect.any(String), readyToUse: false });
		await scene.until(() => cut()?.readyToUse === true);
	});

	it('takes the default class of its driver, and no class of another', async () => {
		const isDefault = { annotations: { 'snapshot.storage.kubernetes.io/is-default-class': 'true' } };
		const without = { ...SNAPSHOT, spec: { source: { persistentVolumeClaimName: 'origin' } } };
		const logger = recordingLogger();
		const scene = await sandboxOf([...BASE, without], { logger });
		await scene.select('origin', 'a1');
		expect(logger.warnings.at(-1)).toBe(`no default VolumeSnapshotClass for driver ${DRIVER}`);
		const usual = { ...snapshotClass, metadata: { name: 'usual', ...isDefault } };
		scene.sandbox.store.create('VolumeSnapshotClass', usual as never);
		await scene.sandbox.store.quiet();
		expect(scene.sandbox.store.get('VolumeSnapshot', 'default/cut')?.status?.readyToUse).toBe(true);

		const foreign = { ...snapshotClass, metadata: { name: 'foreign' }, driver: OTHER_DRIVER };
		const named = snapshot('cut', { persistentVolumeClaimName: 'origin' });
		const spec = { ...(named.spec as object), volumeSnapshotClassName: 'foreign' };
		const refused = recordingLogger();
		const other = await sandboxOf([...BASE, foreign, { ...named, spec }], { logger: refused });
		await other.select('origin', 'a1');
		expect(refused.warnings.at(-1)).toBe(`class foreign is of driver ${OTHER_DRIVER}, the source of ${DRIVER}`);
	});

	it('of a content that was there before is bound to it', async () => {
		const content = {
			apiVersion: 'snapshot.storage.k8s.io/v1',
			kind: 'VolumeSnapshotContent',
			metadata: { name: 'kept' },
			spec: {
				driver: DRIVER,
				deletionPolicy: 'Retain',
				source: { snapshotHandle: 'handle-1' },
				volumeSnapshotRef: { namespace: 'default', name: 'cut' },
			},
		};
		const kept = snapshot('cut', { volumeSnapshotContentName: 'kept' });
		const { bound, scene } = await pin([content, kept, claim('restored', 'disk', '1Gi', fromSnapshot('cut'))]);
		expect(bound).toBe(true);
		const { store } = scene.sandbox;
		expect(store.get('VolumeSnapshotContent', 'kept')).toMatchObject({
			spec: { volumeSnapshotRef: { uid: store.get('VolumeSnapshot', 'default/cut')?.metadata.uid } },
			status: { readyToUse: true, snapshotHandle: 'handle-1' },
		});
	});
});

describe('a restore', () => {
	const restored = (fields: { class?: string; size?: string; spec?: Raw } = {}) =>
		claim('restored', fields.class ?? 'disk', fields.size ?? '3Gi', { ...fromSnapshot('cut'), ...fields.spec });

	it('is made of a ready snapshot, in the zone of the node', async () => {
		const { bound, scene } = await pin([SNAPSHOT, restored()]);
		expect(bound).toBe(true);
		expect(scene.volumeOf('restored').affinity?.text).toBe(`${ZONE} in (a)`);
	});

	it.each([
		['the snapshot must exist', [restored()], 'snapshot default/cut does not exist'],
		[
			'the class must be of its driver',
			[SNAPSHOT, restored({ class: 'other' })],
			`snapshot default/cut is of driver ${DRIVER}, the class of ${OTHER_DRIVER}`,
		],
		[
			'the claim must be as large',
			[SNAPSHOT, restored({ size: '2Gi' })],
			'snapshot default/cut needs 3Gi to be restored, the claim asks for 2Gi',
		],
		[
			'the volumeMode must be the same',
			[SNAPSHOT, restored({ spec: { volumeMode: 'Block' } })],
			'snapshot default/cut is of a Filesystem volume, the claim asks for Block',
		],
		[
			'the snapshot must be bound',
			[snapshot('cut', { persistentVolumeClaimName: 'nobody' }), restored()],
			'snapshot default/cut is not bound',
		],
	])('%s', async (_, objects, refusal) => {
		expect((await pin(objects)).refusal).toBe(refusal);
	});

	it('may be smaller where the driver tells so', async () => {
		const small = snapshot('cut', { persistentVolumeClaimName: 'origin' }, { annotations: { [RESTORE_SIZE]: '1Gi' } });
		expect((await pin([small, restored({ size: '2Gi' })])).bound).toBe(true);
	});

	it('may change the volumeMode where the content says so', async () => {
		const annotations = { 'snapshot.storage.kubernetes.io/allow-volume-mode-change': 'T' };
		const { bound } = await pin([SNAPSHOT, restored({ spec: { volumeMode: 'Block' } })], async (scene) => {
			change(scene, 'VolumeSnapshotContent', contentKey(scene), { metadata: { annotations } });
		});
		expect(bound).toBe(true);
	});

	it('may change the volumeMode where the provisioner is configured not to mind', async () => {
		const objects = [SNAPSHOT, restored({ spec: { volumeMode: 'Block' } })];
		const of = async (driver: string) =>
			(await pin(objects, undefined, { [driver]: { preventVolumeModeConversion: false } })).bound;
		expect(await of(DRIVER)).toBe(true);
		expect(await of(OTHER_DRIVER)).toBe(false);
	});

	it('is of one API group only', async () => {
		const dataSourceRef = { apiGroup: 'example.com', kind: 'VolumeSnapshot', name: 'cut' };
		const { refusal } = await pin([SNAPSHOT, restored({ spec: { dataSource: undefined, dataSourceRef } })]);
		expect(refusal).toBe('its source is of API group example.com, not snapshot.storage.k8s.io');
	});

	it.each<[string, (scene: TestSandbox) => void, string | undefined]>([
		[
			'is being deleted',
			(scene) =>
				change(scene, 'VolumeSnapshot', 'default/cut', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
			'snapshot default/cut is being deleted',
		],
		[
			'is being deleted, but protected as a source',
			(scene) =>
				change(scene, 'VolumeSnapshot', 'default/cut', {
					metadata: {
						deletionTimestamp: '2026-01-01T00:00:00Z',
						finalizers: ['provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection'],
					},
				}),
			undefined,
		],
		[
			'has lost its content',
			(scene) => scene.sandbox.store.delete('VolumeSnapshotContent', contentKey(scene)),
			'which does not exist',
		],
		[
			'has no handle',
			(scene) => change(scene, 'VolumeSnapshotContent', contentKey(scene), { status: {} }),
			'snapshot default/cut has no handle',
		],
		[
			'can be reached from another zone only (KEP-5943)',
			(scene) => {
				const content = scene.sandbox.store.get('VolumeSnapshotContent', contentKey(scene));
				const nodeAffinity = [{ matchLabelExpressions: [{ key: ZONE, values: ['b'] }] }];
				change(scene, 'VolumeSnapshotContent', contentKey(scene), { spec: { ...content?.spec, nodeAffinity } });
			},
			`the source cannot be reached from selected node a1: it needs ${ZONE} in (b)`,
		],
	])('of a snapshot that %s', async (_, prepare, refusal) => {
		const result = await pin([SNAPSHOT, restored()], prepare);
		if (refusal === undefined) expect(result.bound).toBe(true);
		else expect(result.refusal).toContain(refusal);
	});

	it('is tried again when the snapshot gets ready, on the node it was pinned to', async () => {
		const { bound, scene } = await pin([restored()]);
		expect(bound).toBe(false);
		scene.sandbox.store.create('VolumeSnapshot', {
			...SNAPSHOT,
			metadata: { name: 'cut', namespace: 'default' },
		} as never);
		await scene.sandbox.store.quiet();
		expect(scene.claim('restored')).toMatchObject({ phase: 'Bound', selectedNode: 'a1' });
	});

	it('from another namespace needs a ReferenceGrant there', async () => {
		const there = (object: Raw) => ({ ...object, metadata: { ...(object.metadata as object), namespace: 'there' } });
		const dataSourceRef = {
			apiGroup: 'snapshot.storage.k8s.io',
			kind: 'VolumeSnapshot',
			name: 'cut',
			namespace: 'there',
		};
		const objects = [
			there(SNAPSHOT),
			there(claim('origin', 'disk', '3Gi')),
			claim('restored', 'disk', '3Gi', { dataSourceRef }),
		];
		const { scene, refusal } = await pin(objects, async ({ sandbox }) => {
			const source = sandbox.state.claim('there', 'origin');
			if (source) await sandbox.writer.selectNode(source, 'a1');
		});
		expect(refusal).toBe('no ReferenceGrant in there lets default use VolumeSnapshot cut');
		scene.sandbox.store.create('ReferenceGrant', {
			apiVersion: 'gateway.networking.k8s.io/v1beta1',
			kind: 'ReferenceGrant',
			metadata: { name: 'g', namespace: 'there' },
			spec: {
				from: [{ group: '', kind: 'PersistentVolumeClaim', namespace: 'default' }],
				to: [{ group: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot' }],
			},
		});
		await scene.sandbox.store.quiet();
		expect(scene.claim('restored').phase).toBe('Bound');
	});
});

describe('a clone', () => {
	const cloned = (fields: { class?: string; size?: string; spec?: Raw } = {}) =>
		claim('restored', fields.class ?? 'disk', fields.size ?? '3Gi', { ...fromClaim('origin'), ...fields.spec });

	it('is made of a bound claim', async () => {
		expect((await pin([cloned()])).bound).toBe(true);
	});

	it('is made of it whatever API group it is named with', async () => {
		const dataSourceRef = { apiGroup: 'example.com', kind: 'PersistentVolumeClaim', name: 'origin' };
		expect((await pin([cloned({ spec: { dataSource: undefined, dataSourceRef } })])).bound).toBe(true);
	});

	it.each([
		[
			'the source must exist',
			claim('restored', 'disk', '3Gi', fromClaim('nobody')),
			'source claim default/nobody does not exist',
		],
		[
			'the clone must be as large',
			cloned({ size: '2Gi' }),
			'source claim default/origin asks for 3Gi, its clone for less',
		],
		[
			'the class must be of the same driver',
			cloned({ class: 'other' }),
			`source claim default/origin is not on a volume of ${OTHER_DRIVER}`,
		],
		[
			'the volumeMode must be the same',
			cloned({ spec: { volumeMode: 'Block' } }),
			'source claim default/origin is a Filesystem volume, its clone is to be Block',
		],
		[
			'other kinds are left to populators',
			claim('restored', 'disk', '3Gi', { dataSourceRef: { apiGroup: 'example.com', kind: 'Backup', name: 'b' } }),
			'its source is a Backup, which is left to a volume populator',
		],
	])('%s', async (_, object, refusal) => {
		expect((await pin([object])).refusal).toBe(refusal);
	});

	it('waits until its source is bound', async () => {
		const scene = await sandboxOf([...BASE, cloned()]);
		await scene.select('restored', 'a1');
		expect(scene.claim('restored').phase).toBe('Pending');
		await scene.select('origin', 'a1');
		expect(scene.claim('restored').phase).toBe('Bound');
	});

	it('cannot be made where its source is not, and the claim stays pinned', async () => {
		const logger = recordingLogger();
		const scene = await sandboxOf([...BASE, cloned()], { logger });
		await scene.select('origin', 'b1');
		await scene.select('restored', 'a1');
		expect(scene.claim('restored')).toMatchObject({ volumeName: '', selectedNode: 'a1' });
		expect(logger.warnings).toEqual([`the source cannot be reached from selected node a1: it needs ${ZONE} in (b)`]);
	});
});
