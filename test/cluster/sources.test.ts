// Restores and clones go where their data is, through a real kube-scheduler, external-provisioner and snapshotter. The driver
// is one whose volumes and snapshots are each on one node, as those of local drivers are.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CsiDriver, KubeObject } from './harness/index.ts';
import {
	claim,
	classesOf,
	isBound,
	isReadyToUse,
	isRunning,
	paths,
	pod,
	selectedNode,
	snapshot,
	useControlPlane,
} from './shared.ts';
import { grantNudging, type Mode, type Scheduling, startScheduling } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = ['source-1', 'source-2', 'source-3'];
const ROOMY = { allocatable: { cpu: '4' } };

beforeAll(async () => {
	await grantNudging(controlPlane);
	await Promise.all(NODES.map((name) => controlPlane.createNode(name, ROOMY)));
});
afterAll(async () => {
	for (const name of NODES) await controlPlane.deleteNode(name);
});

const on = (node: string) => ({ 'kubernetes.io/hostname': node });

/** Would rather run on source-1, by the greatest weight there is. */
function elsewhere(object: KubeObject): KubeObject {
	const preference = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['source-1'] }] };
	object.spec.affinity = {
		nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] },
	};
	return object;
}

interface Scene {
	readonly namespace: string;
	readonly driver: CsiDriver;
	readonly schedulerName: string;
}

/** A driver on all three nodes, its classes, and a claim `data` whose volume is on source-2. */
async function prepare(name: string, schedulerName: string): Promise<Scene> {
	const namespace = await api.createNamespace(name);
	const driver = await controlPlane.startCsiDriver({
		name: `${name}.test`,
		reach: 'node',
		nodes: NODES.map((node) => ({ name: node })),
	});
	await api.createAll(classesOf(driver.name, driver.name));
	await api.create(claim({ namespace, name: 'data', storageClass: driver.name }));
	await api.create(pod({ namespace, name: 'writer', schedulerName, claims: ['data'], nodeSelector: on('source-2') }));
	await api.waitFor(paths(namespace).pod('writer'), isRunning);
	await api.deleteAndWait(paths(namespace).pod('writer'));
	return { namespace, driver, schedulerName };
}

const takeSnapshot = ({ namespace, driver }: Scene, name: string) =>
	api.create(snapshot({ namespace, name, snapshotClass: driver.name, claim: 'data' }));

const ready = ({ namespace }: Scene, name: string) => api.waitFor(paths(namespace).snapshot(name), isReadyToUse);

type Source = { readonly kind: 'VolumeSnapshot' | 'PersistentVolumeClaim'; readonly name: string };

async function restore(
	{ namespace, driver, schedulerName }: Scene,
	name: string,
	source: Source,
	size = '1Gi',
): Promise<void> {
	await api.create(claim({ namespace, name, storageClass: driver.name, source, size }));
	await api.create(elsewhere(pod({ namespace, name, schedulerName, claims: [name] })));
}

const running = ({ namespace }: Scene, name: string) => api.waitFor(paths(namespace).pod(name), isRunning);
const isUnschedulable = (object: KubeObject | undefined) =>
	object?.status?.conditions?.some(({ type, status }: KubeObject) => type === 'PodScheduled' && status === 'False') ===
	true;
const whyPending = async ({ namespace }: Scene, name: string): Promise<string> => {
	const pending = await api.waitFor(paths(namespace).pod(name), isUnschedulable);
	return pending?.status.conditions.find(({ type }: KubeObject) => type === 'PodScheduled').message;
};

const SNAPSHOT: Source = { kind: 'VolumeSnapshot', name: 'snap' };
const CLONE: Source = { kind: 'PersistentVolumeClaim', name: 'data' };

describe.each<Mode>(['companion', 'delegate'])('%s mode', (mode) => {
	let scheduling: Scheduling;
	let scene: Scene;

	beforeAll(async () => {
		const name = `source-${mode}`;
		scheduling = await startScheduling(controlPlane, {
			mode,
			config: { sources: { drivers: { [`${name}.test`]: { snapshots: 'source-volume' } } } },
		});
		scene = await prepare(name, scheduling.schedulerName);
		await takeSnapshot(scene, 'snap');
		await ready(scene, 'snap');
		return async () => {
			await scene.driver.stop();
			await scheduling.scheduler.stop();
			await scheduling.topobind.stop();
		};
	});

	test.each([
		['restores', SNAPSHOT],
		['clones', CLONE],
	])('20 of 20 %s that would rather run on source-1 run on source-2', async (what, source) => {
		const names = Array.from({ length: 20 }, (_, i) => `${what}-${i}`);
		await Promise.all(names.map((name) => restore(scene, name, source)));
		for (const name of names) {
			expect((await running(scene, name))?.spec.nodeName).toBe('source-2');
			expect(isBound(await api.get(paths(scene.namespace).claim(name)))).toBe(true);
		}
		await Promise.all(names.map((name) => api.deleteAndWait(paths(scene.namespace).pod(name))));
	});

	test('a restore of a snapshot that does not exist yet, and then is not ready, is never pinned elsewhere, and runs once it is', async () => {
		const { namespace, driver } = scene;
		const at = paths(namespace);
		driver.holdSnapshots();
		await restore(scene, 'early', { kind: 'VolumeSnapshot', name: 'later' });
		expect(await whyPending(scene, 'early')).toContain('claim early');
		expect(selectedNode(await api.get(at.claim('early')))).toBeUndefined();
		const pins = new Set<string | undefined>();
		const end = api.waitFor(at.claim('early'), (object) => {
			pins.add(selectedNode(object));
			return isBound(object);
		});
		await takeSnapshot(scene, 'later');
		await api.waitFor(at.snapshot('later'), (object) => object?.status?.boundVolumeSnapshotContentName !== undefined);
		driver.releaseSnapshots();
		expect((await running(scene, 'early'))?.spec.nodeName).toBe('source-2');
		await end;
		expect([...pins].filter((node) => node !== undefined)).toEqual(['source-2']);
		await api.deleteAndWait(at.pod('early'));
	});

	test('source-2 is full: the restore waits and says where it must go; when room appears it runs', async () => {
		const { namespace, schedulerName } = scene;
		await api.create(pod({ namespace, name: 'filler', schedulerName, cpu: '4', nodeSelector: on('source-2') }));
		await running(scene, 'filler');
		await restore(scene, 'patient', SNAPSHOT);
		expect(await whyPending(scene, 'patient')).toMatch(/claim patient .*VolumeSnapshot snap.*source-2/);
		expect(selectedNode(await api.get(paths(namespace).claim('patient')))).toBeUndefined();
		await api.deleteAndWait(paths(namespace).pod('filler'));
		expect((await running(scene, 'patient'))?.spec.nodeName).toBe('source-2');
		await api.deleteAndWait(paths(namespace).pod('patient'));
	});

	test('too small a claim is refused with the reason; the same claim made large enough runs', async () => {
		const { namespace, driver, schedulerName } = scene;
		await restore(scene, 'small', SNAPSHOT, '1Mi');
		expect(await whyPending(scene, 'small')).toMatch(/claim small .*VolumeSnapshot snap/);
		await api.deleteAndWait(paths(namespace).claim('small')).catch(() => {});
		await api.deleteAndWait(paths(namespace).pod('small'));
		await api.deleteAndWait(paths(namespace).claim('small'));
		await api.create(claim({ namespace, name: 'small', storageClass: driver.name, source: SNAPSHOT }));
		await api.create(elsewhere(pod({ namespace, name: 'small', schedulerName, claims: ['small'] })));
		expect((await running(scene, 'small'))?.spec.nodeName).toBe('source-2');
		await api.deleteAndWait(paths(namespace).pod('small'));
	});
});

describe('control: kube-scheduler without topobind', () => {
	test('a restore is pinned to a node that can never provision it, ready or not', async () => {
		const schedulerName = 'source-control';
		const scheduler = await controlPlane.startScheduler({ schedulerName });
		const scene = await prepare('source-control', schedulerName);
		const at = paths(scene.namespace);
		await restore(scene, 'early', SNAPSHOT);
		const pinned = await api.waitFor(at.claim('early'), (object) => selectedNode(object) !== undefined);
		expect(selectedNode(pinned)).toBe('source-1');
		await takeSnapshot(scene, 'snap');
		await ready(scene, 'snap');
		await restore(scene, 'late', SNAPSHOT);
		await restore(scene, 'clone', CLONE);
		for (const name of ['late', 'clone']) {
			const wrong = await api.waitFor(at.claim(name), (object) => selectedNode(object) !== undefined);
			expect(selectedNode(wrong)).toBe('source-1');
		}
		const failed = ({ reason }: KubeObject) => reason === 'ProvisioningFailed';
		const about = (name: string) => ({ namespace: scene.namespace, kind: 'PersistentVolumeClaim', name });
		await Promise.all(['early', 'late', 'clone'].map((name) => api.waitForEvent(about(name), failed)));
		for (const name of ['early', 'late', 'clone']) expect(isBound(await api.get(at.claim(name)))).toBe(false);
		await scene.driver.stop();
		await scheduler.stop();
	});
});
