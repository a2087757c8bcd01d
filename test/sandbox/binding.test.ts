/** The PV controller's part, and the writes that lead to it. */

import { describe, expect, it } from 'vitest';
import { BIND_COMPLETED, BOUND_BY_CONTROLLER } from '../../src/sandbox/raw.ts';
import { claim, node, pod, recordingLogger, sandboxOf, storageClass, volume } from './support.ts';

const MANUAL = storageClass('manual', { provisioner: 'kubernetes.io/no-provisioner' });
const AT_ONCE = storageClass('at-once', {
	provisioner: 'kubernetes.io/no-provisioner',
	volumeBindingMode: 'Immediate',
});
const claimRef = (name: string) => ({ claimRef: { namespace: 'default', name } });

describe('a volume claimed by topobind', () => {
	it('is bound: claimRef, annotations and phases as the real ones write them', async () => {
		const scene = await sandboxOf([MANUAL, volume('v', 'manual', '2Gi'), claim('c', 'manual', '1Gi')]);
		const before = scene.claim('c');
		await scene.claimVolume('v', 'c');
		expect(scene.claim('c')).toMatchObject({ volumeName: 'v', bindCompleted: true, phase: 'Bound' });
		const { store } = scene.sandbox;
		expect(store.get('PersistentVolume', 'v')).toMatchObject({
			metadata: { annotations: { [BOUND_BY_CONTROLLER]: 'yes' } },
			spec: {
				claimRef: {
					kind: 'PersistentVolumeClaim',
					apiVersion: 'v1',
					namespace: 'default',
					name: 'c',
					uid: before.uid,
					resourceVersion: before.resourceVersion,
				},
			},
			status: { phase: 'Bound' },
		});
		expect(store.get('PersistentVolumeClaim', 'default/c')).toMatchObject({
			metadata: { annotations: { [BIND_COMPLETED]: 'yes', [BOUND_BY_CONTROLLER]: 'yes' } },
			status: { phase: 'Bound', capacity: { storage: '2Gi' }, accessModes: ['ReadWriteOnce'] },
		});
	});

	it.each([
		['is too small', { capacity: { storage: '500Mi' } }],
		['lacks an access mode', { accessModes: ['ReadOnlyMany'] }],
		['has another volumeMode', { volumeMode: 'Block' }],
	])('is not bound when it %s', async (_, spec) => {
		const scene = await sandboxOf([MANUAL, volume('v', 'manual', '2Gi', spec), claim('c', 'manual', '1Gi')]);
		await scene.claimVolume('v', 'c');
		expect(scene.claim('c')).toMatchObject({ volumeName: '', bindCompleted: false });
	});

	it('was not changed since it was judged, or the write is a conflict', async () => {
		const scene = await sandboxOf([
			MANUAL,
			volume('v', 'manual', '2Gi'),
			claim('c', 'manual', '1Gi'),
			claim('d', 'manual', '1Gi'),
		]);
		const [seen, c, d] = [scene.volume('v'), scene.claim('c'), scene.claim('d')];
		const { writer, store } = scene.sandbox;
		const written = await writer.claimVolume(seen, c);
		expect(written.claimRef).toEqual({ namespace: 'default', name: 'c', uid: c.uid });
		await expect(writer.claimVolume(seen, d)).rejects.toMatchObject({ name: 'WriteError', failure: 'conflict' });
		store.delete('PersistentVolume', 'v');
		await expect(writer.claimVolume(written, d)).rejects.toMatchObject({ failure: 'gone' });
	});

	it('reaches the state through the watch, never within the write', async () => {
		const scene = await sandboxOf([MANUAL, volume('v', 'manual', '2Gi'), claim('c', 'manual', '1Gi')], {
			delays: { bind: 1 },
		});
		const seen = scene.volume('v');
		await scene.sandbox.writer.claimVolume(seen, scene.claim('c'));
		expect(scene.volume('v')).toBe(seen);
		expect(scene.sandbox.store.get('PersistentVolume', 'v')?.spec.claimRef).toBeDefined();
		await scene.until(() => scene.claim('c').phase === 'Bound');
	});
});

describe('claims of the manifests', () => {
	it('take the volume reserved for them, and no mark of the controller is left on it', async () => {
		const scene = await sandboxOf([MANUAL, volume('v', 'manual', '2Gi', claimRef('c')), claim('c', 'manual', '1Gi')]);
		expect(scene.claim('c')).toMatchObject({ volumeName: 'v', bindCompleted: true });
		expect(scene.sandbox.store.get('PersistentVolume', 'v')?.metadata.annotations).toBeUndefined();
	});

	it('take the volume they name, unless it is another claim’s', async () => {
		const named = claim('c', 'manual', '1Gi', { volumeName: 'v' });
		const scene = await sandboxOf([MANUAL, volume('v', 'manual', '2Gi'), named]);
		expect(scene.claim('c')).toMatchObject({ volumeName: 'v', bindCompleted: true });
		const logger = recordingLogger();
		const taken = await sandboxOf([MANUAL, volume('v', 'manual', '2Gi', claimRef('other')), named], { logger });
		expect(taken.claim('c').bindCompleted).toBe(false);
		expect(logger.warnings).toEqual(['names volume v, which is claimed by another']);
	});

	it('take the smallest that fits, if their class does not wait', async () => {
		const volumes = [
			volume('large', 'at-once', '9Gi'),
			volume('small', 'at-once', '2Gi'),
			volume('tiny', 'at-once', '1Mi'),
		];
		const scene = await sandboxOf([AT_ONCE, ...volumes, claim('c', 'at-once', '1Gi')]);
		expect(scene.claim('c').volumeName).toBe('small');
	});

	it('wait for a volume that comes later', async () => {
		const scene = await sandboxOf([AT_ONCE, claim('c', 'at-once', '1Gi')]);
		expect(scene.claim('c').phase).toBe('Pending');
		scene.sandbox.store.create('PersistentVolume', {
			...(volume('late', 'at-once', '1Gi') as object),
			status: { phase: 'Available' },
		} as never);
		await scene.sandbox.store.quiet();
		expect(scene.claim('c').volumeName).toBe('late');
	});

	it('stay unbound if their class waits for a pod', async () => {
		const scene = await sandboxOf([MANUAL, volume('v', 'manual', '2Gi'), claim('c', 'manual', '1Gi')]);
		expect(scene.claim('c')).toMatchObject({ volumeName: '', phase: 'Pending' });
	});

	it('are lost when their volume is gone, and leave it released when they go', async () => {
		const scene = await sandboxOf([MANUAL, volume('v', 'manual', '2Gi'), claim('c', 'manual', '1Gi')]);
		await scene.claimVolume('v', 'c');
		const { store } = scene.sandbox;
		store.delete('PersistentVolume', 'v');
		await store.quiet();
		expect(scene.claim('c').phase).toBe('Lost');

		const other = await sandboxOf([MANUAL, volume('v', 'manual', '2Gi'), claim('c', 'manual', '1Gi')]);
		await other.claimVolume('v', 'c');
		other.sandbox.store.delete('PersistentVolumeClaim', 'default/c');
		await other.sandbox.store.quiet();
		expect(other.volume('v').phase).toBe('Released');
	});
});

describe('a pod', () => {
	it('is bound once, by its uid, and leaves the state as with a field selector', async () => {
		const scene = await sandboxOf([...node('n', 'z'), pod('p', 'c')]);
		const { writer, store, state } = scene.sandbox;
		const seen = scene.pod('p');
		await expect(writer.bindPod({ ...seen, uid: 'other' }, 'n')).rejects.toMatchObject({ failure: 'conflict' });
		await expect(writer.bindPod({ ...seen, name: 'q' }, 'n')).rejects.toMatchObject({ failure: 'gone' });
		await writer.bindPod(seen, 'n');
		await store.quiet();
		expect(state.pod('default', 'p')).toBeUndefined();
		expect(await writer.readPod('default', 'p')).toMatchObject({ nodeName: 'n' });
		expect(store.get('Pod', 'default/p')?.status).toEqual({
			phase: 'Running',
			conditions: [{ type: 'PodScheduled', status: 'True' }],
		});
		await expect(writer.bindPod(seen, 'n')).rejects.toMatchObject({
			failure: 'conflict',
			message: 'pod default/p is already assigned to node n',
		});
	});

	it('with a generic ephemeral volume gets a claim of its own', async () => {
		const template = {
			spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'manual', resources: { requests: { storage: '1Gi' } } },
		};
		const volumes = [{ name: 'data', ephemeral: { volumeClaimTemplate: template } }];
		const ephemeral = { ...pod('p', ''), spec: { containers: [{ name: 'app', image: 'app' }], volumes } };
		const scene = await sandboxOf([MANUAL, ephemeral]);
		expect(scene.claim('p-data')).toMatchObject({ controllerUid: scene.pod('p').uid, className: 'manual' });

		const logger = recordingLogger();
		await sandboxOf([MANUAL, ephemeral, claim('p-data', 'manual', '1Gi')], { logger });
		expect(logger.warnings).toEqual(["claim default/p-data exists and is not this pod's"]);
	});

	it('whose ephemeral volume names no class gets the default one', async () => {
		const template = (spec: object) => ({
			volumeClaimTemplate: {
				spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
			},
		});
		const volumes = [
			{ name: 'data', ephemeral: template({}) },
			{ name: 'none', ephemeral: template({ storageClassName: '' }) },
		];
		const usual = storageClass('usual', {
			metadata: { name: 'usual', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
		});
		const scene = await sandboxOf([usual, { ...pod('p', ''), spec: { containers: [{ name: 'app' }], volumes } }]);
		expect([scene.claim('p-data').className, scene.claim('p-none').className]).toEqual(['usual', '']);
	});

	it('that was assigned before is not in the state', async () => {
		const assigned = { ...pod('p', 'c'), spec: { nodeName: 'n', containers: [{ name: 'app' }] } };
		const scene = await sandboxOf([assigned]);
		expect(scene.sandbox.state.pod('default', 'p')).toBeUndefined();
	});
});
