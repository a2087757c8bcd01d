/** The provisioner's part: volumes made for claims, with the place and the size of the storage there is. */

import { describe, expect, it } from 'vitest';
import { claim, DRIVER, node, recordingLogger, sandboxOf, storageClass, ZONE } from './support.ts';

const NODES = [...node('a1', 'a'), ...node('a2', 'a'), ...node('b1', 'b')];

const segment = (name: string, zone: string, capacity: string, fields: object = {}) => ({
	apiVersion: 'storage.k8s.io/v1',
	kind: 'CSIStorageCapacity',
	metadata: { name, namespace: 'kube-system' },
	storageClassName: 'disk',
	nodeTopology: { matchLabels: { [ZONE]: zone } },
	capacity,
	...fields,
});

describe('a claim with a selected node', () => {
	it('gets a volume in the segment of that node', async () => {
		const scene = await sandboxOf([
			...NODES,
			storageClass('disk', { reclaimPolicy: 'Retain' }),
			claim('c', 'disk', '3Gi'),
		]);
		const { uid } = scene.claim('c');
		await scene.select('c', 'a2');
		expect(scene.claim('c')).toMatchObject({ phase: 'Bound', volumeName: `pvc-${uid}`, selectedNode: 'a2' });
		expect(scene.sandbox.store.get('PersistentVolume', `pvc-${uid}`)).toMatchObject({
			metadata: { annotations: { 'pv.kubernetes.io/provisioned-by': DRIVER } },
			spec: {
				accessModes: ['ReadWriteOnce'],
				capacity: { storage: '3Gi' },
				claimRef: { namespace: 'default', name: 'c', uid },
				csi: { driver: DRIVER, volumeHandle: expect.any(String) },
				nodeAffinity: {
					required: { nodeSelectorTerms: [{ matchExpressions: [{ key: ZONE, operator: 'In', values: ['a'] }] }] },
				},
				persistentVolumeReclaimPolicy: 'Retain',
				storageClassName: 'disk',
				volumeMode: 'Filesystem',
			},
			status: { phase: 'Bound' },
		});
	});

	it('gets none while that is the empty name, which the provisioner passes over', async () => {
		const scene = await sandboxOf([...NODES, storageClass('disk'), claim('c', 'disk', '1Gi')]);
		await scene.select('c', '');
		expect(scene.claim('c')).toMatchObject({ phase: 'Pending', volumeName: '', selectedNode: '' });
	});

	it('waits for its driver as long as that takes', async () => {
		const scene = await sandboxOf([...NODES, storageClass('disk'), claim('c', 'disk', '1Gi')], {
			delays: { provision: 5 },
		});
		await scene.select('c', 'a1');
		expect(scene.claim('c').phase).toBe('Pending');
		await scene.until(() => scene.claim('c').phase === 'Bound');
	});

	it('loses it when the node does not exist, or is conflicted with by another write', async () => {
		const logger = recordingLogger();
		const scene = await sandboxOf([...NODES, storageClass('disk'), claim('c', 'disk', '1Gi')], { logger });
		const seen = scene.claim('c');
		await scene.select('c', 'gone');
		expect(scene.claim('c').selectedNode).toBeUndefined();
		expect(logger.warnings).toEqual(['selected node gone does not exist']);
		await expect(scene.sandbox.writer.selectNode(seen, 'a1')).rejects.toMatchObject({ failure: 'conflict' });
	});

	it('stays pinned where the class does not allow the node', async () => {
		const allowedTopologies = [{ matchLabelExpressions: [{ key: ZONE, values: ['b'] }] }];
		const logger = recordingLogger();
		const objects = [...NODES, storageClass('disk', { allowedTopologies }), claim('c', 'disk', '1Gi')];
		const scene = await sandboxOf(objects, { logger });
		await scene.select('c', 'a1');
		expect(scene.claim('c')).toMatchObject({ volumeName: '', selectedNode: 'a1' });
		expect(logger.warnings).toEqual(['selected node a1 is not in the allowed topologies of class disk']);
	});

	it('goes by the labels of allowedTopologies where no driver has registered, else is reached from everywhere', async () => {
		const bare = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', labels: { rack: 'r1', shelf: 's1' } } };
		const allowedTopologies = [{ matchLabelExpressions: [{ key: 'rack', values: ['r1', 'r2'] }] }];
		const objects = [bare, storageClass('rack', { allowedTopologies }), storageClass('any')];
		const scene = await sandboxOf([...objects, claim('c', 'rack', '1Gi'), claim('d', 'any', '1Gi')]);
		await scene.select('c', 'n');
		await scene.select('d', 'n');
		expect(scene.volumeOf('c').affinity?.text).toBe('rack in (r1)');
		expect(scene.volumeOf('d').affinity).toBeUndefined();
	});

	it('is never provisioned when its selector asks for a certain volume', async () => {
		const logger = recordingLogger();
		const picky = claim('c', 'disk', '1Gi', { selector: { matchLabels: { a: 'b' } } });
		const scene = await sandboxOf([...NODES, storageClass('disk'), picky], { logger });
		await scene.select('c', 'a1');
		expect(scene.claim('c').volumeName).toBe('');
		expect(logger.warnings).toEqual(['a claim with a selector cannot be provisioned']);
	});
});

describe('free storage', () => {
	const objects = [...NODES, storageClass('disk'), claim('c', 'disk', '3Gi'), claim('d', 'disk', '3Gi')];
	const capacityOf = (scene: Awaited<ReturnType<typeof sandboxOf>>, name: string) => {
		const { capacity, maximumVolumeSize } = scene.sandbox.store.get('CSIStorageCapacity', `kube-system/${name}`) ?? {};
		return [capacity, maximumVolumeSize];
	};

	it('shrinks with each volume, in its segment alone', async () => {
		const limits = { maximumVolumeSize: '4Gi' };
		const scene = await sandboxOf([...objects, segment('a', 'a', '5Gi', limits), segment('b', 'b', '5Gi')]);
		await scene.select('c', 'a1');
		expect(capacityOf(scene, 'a')).toEqual(['2Gi', '2Gi']);
		expect(capacityOf(scene, 'b')).toEqual(['5Gi', undefined]);
	});

	it('that is exhausted gives the claim back, and it can go elsewhere', async () => {
		const logger = recordingLogger();
		const scene = await sandboxOf([...objects, segment('a', 'a', '5Gi'), segment('b', 'b', '5Gi')], { logger });
		await scene.select('c', 'a1');
		await scene.select('d', 'a2');
		expect(scene.claim('d')).toMatchObject({ selectedNode: undefined, volumeName: '', phase: 'Pending' });
		expect(logger.warnings).toEqual(['ResourceExhausted: not enough storage at selected node a2']);
		await scene.select('d', 'b1');
		expect(scene.claim('d').phase).toBe('Bound');
		expect(capacityOf(scene, 'b')).toEqual(['2Gi', undefined]);
	});
});

describe('a claim that waits for no pod', () => {
	it('gets a volume at once, where the class allows and there is room', async () => {
		const allowedTopologies = [{ matchLabelExpressions: [{ key: ZONE, values: ['a', 'b'] }] }];
		const disk = storageClass('disk', { volumeBindingMode: 'Immediate', allowedTopologies });
		const room = [segment('a', 'a', '1Gi'), segment('b', 'b', '5Gi')];
		const scene = await sandboxOf([...NODES, disk, ...room, claim('c', 'disk', '3Gi')]);
		expect(scene.volumeOf('c').affinity?.text).toBe(`${ZONE} in (b)`);
	});

	it('waits for a place when there is none', async () => {
		const disk = storageClass('disk', { volumeBindingMode: 'Immediate' });
		const logger = recordingLogger();
		const scene = await sandboxOf([...node('a1', 'a'), disk, segment('a', 'a', '1Gi'), claim('c', 'disk', '3Gi')], {
			logger,
		});
		expect(scene.claim('c').phase).toBe('Pending');
		expect(logger.warnings).toEqual(['no node has a place for the volume']);
		const { store } = scene.sandbox;
		for (const object of node('b1', 'b')) store.create(object.kind as 'Node', object as never);
		await store.quiet();
		expect(scene.volumeOf('c').affinity?.text).toBe(`${ZONE} in (b)`);
	});

	it('waits for its class', async () => {
		const scene = await sandboxOf([...NODES, claim('c', 'disk', '3Gi')]);
		expect(scene.claim('c').phase).toBe('Pending');
		scene.sandbox.store.create('StorageClass', storageClass('disk', { volumeBindingMode: 'Immediate' }) as never);
		await scene.sandbox.store.quiet();
		expect(scene.claim('c').phase).toBe('Bound');
	});
});
