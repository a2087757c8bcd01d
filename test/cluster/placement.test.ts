// A pod goes where its storage works, through a real kube-scheduler and topobind, in both modes.

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, classesOf, isBound, isReadyToUse, isRunning, paths, pod, snapshot, useControlPlane } from './shared.ts';
import {
	blindSchedulerConfig,
	grantEvents,
	type Mode,
	type Scheduling,
	startScheduling,
	startTopobind,
} from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;

const NODES = [
	{ name: 'node1', zone: 'zone-a', rack: 'rack1' },
	{ name: 'node2', zone: 'zone-b', rack: 'rack2' },
	{ name: 'node3', zone: 'zone-c', rack: 'rack3' },
];

const labelsOf = ({ name, zone, rack }: (typeof NODES)[number]) => ({
	'kubernetes.io/hostname': name,
	'topology.kubernetes.io/zone': zone,
	'topology.kubernetes.io/region': 'region-1',
	'failure-domain.beta.kubernetes.io/zone': zone,
	'failure-domain.beta.kubernetes.io/region': 'region-1',
	rack,
});

beforeAll(async () => {
	await grantEvents(controlPlane);
	for (const node of NODES) await controlPlane.createNode(node.name, { labels: labelsOf(node) });
});
afterAll(async () => {
	for (const { name } of NODES) await controlPlane.deleteNode(name);
});

/** Prefers a node by the greatest weight there is. */
function preferring(object: KubeObject, key: string, value: string): KubeObject {
	const preference = { matchExpressions: [{ key, operator: 'In', values: [value] }] };
	object.spec.affinity = {
		nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] },
	};
	return object;
}

const volumePath = (name: string) => `/api/v1/persistentvolumes/${name}`;

describe.each<Mode>(['companion', 'delegate'])('%s mode', (mode) => {
	let scheduling: Scheduling;
	let namespace: string;

	beforeAll(async () => {
		scheduling = await startScheduling(controlPlane, { mode });
		namespace = await api.createNamespace(`placement-${mode}`);
		return async () => {
			await scheduling.scheduler.stop();
			await scheduling.topobind.stop();
		};
	});

	test('local-pvc of the examples: the pod would rather run on node3, and runs on node1', async () => {
		const text = await readFile(new URL('../../manifests/examples/local-volume.yaml', import.meta.url), 'utf8');
		const objects = parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
		for (const object of objects) {
			if (['Pod', 'PersistentVolumeClaim'].includes(object.kind)) object.metadata.namespace = namespace;
			if (object.kind === 'Pod') object.spec.schedulerName = scheduling.schedulerName;
		}
		await api.createAll(objects);
		const running = await api.waitFor(paths(namespace).pod('local-pod'), isRunning);
		expect(running?.spec.nodeName).toBe('node1');
		const bound = await api.waitFor(paths(namespace).claim('local-pvc'), isBound);
		expect(bound?.spec.volumeName).toBe('local-pv');
		const { claimRef } = (await api.get(volumePath('local-pv'))).spec;
		expect(claimRef).toMatchObject({ namespace, name: 'local-pvc', uid: bound?.metadata.uid });
		expect(scheduling.recorder.of('filter', 'local-pod').length).toBeGreaterThan(0);
		// The pod may run before its bind is answered.
		const binds = () => scheduling.recorder.of('bind', 'local-pod').length;
		await expect.poll(binds, { timeout: 20_000 }).toBe(mode === 'delegate' ? 1 : 0);

		await api.deleteAndWait(paths(namespace).pod('local-pod'));
		await api.deleteAndWait(paths(namespace).claim('local-pvc'));
		await api.deleteAndWait(volumePath('local-pv'));
		await api.delete('/apis/storage.k8s.io/v1/storageclasses/local-storage');
	});

	describe('allowedTopologies', () => {
		const driver = `topology-${mode}.test`;
		beforeAll(async () => {
			const csi = await controlPlane.startCsiDriver({
				name: driver,
				reach: 'anywhere',
				nodes: NODES.map((node) => ({ name: node.name, topology: labelsOf(node) })),
			});
			return () => csi.stop();
		});

		test.each([
			['failure-domain.beta.kubernetes.io/zone', 'zone-b'],
			['topology.kubernetes.io/zone', 'zone-b'],
			['kubernetes.io/hostname', 'node2'],
			['rack', 'rack2'],
		])('by %s: a pod that would rather run elsewhere runs in %s', async (key, value) => {
			const name = `by-${key.replace(/[^a-z]/g, '-')}`;
			await api.create({
				apiVersion: 'storage.k8s.io/v1',
				kind: 'StorageClass',
				metadata: { name: `${mode}-${name}` },
				provisioner: driver,
				volumeBindingMode: 'WaitForFirstConsumer',
				allowedTopologies: [{ matchLabelExpressions: [{ key, values: [value] }] }],
			});
			await api.create(claim({ namespace, name, storageClass: `${mode}-${name}` }));
			const { schedulerName } = scheduling;
			await api.create(
				preferring(pod({ namespace, name, schedulerName, claims: [name] }), 'kubernetes.io/hostname', 'node3'),
			);
			const running = await api.waitFor(paths(namespace).pod(name), isRunning);
			expect(running?.spec.nodeName).toBe('node2');
			const volume = await api.get(volumePath((await api.get(paths(namespace).claim(name))).spec.volumeName));
			const terms = volume.spec.nodeAffinity.required.nodeSelectorTerms;
			expect(terms).toHaveLength(1);
			expect(terms[0].matchExpressions).toContainEqual({ key, operator: 'In', values: [value] });
		});
	});

	test('a bound claim: the pod follows its volume', async () => {
		const name = 'follower';
		const storageClass = `${mode}-${name}`;
		await api.create(localClass(storageClass));
		await api.create(localVolume(storageClass, 'node2', storageClass));
		await api.create(claim({ namespace, name, storageClass }));
		const { schedulerName } = scheduling;
		for (const each of ['first', 'second']) {
			await api.create(
				preferring(pod({ namespace, name: each, schedulerName, claims: [name] }), 'kubernetes.io/hostname', 'node3'),
			);
			const running = await api.waitFor(paths(namespace).pod(each), isRunning);
			expect(running?.spec.nodeName).toBe('node2');
			await api.deleteAndWait(paths(namespace).pod(each));
		}
	});

	test('two claims bound on two nodes: pending, and both requirements are named', async () => {
		const names = ['apart-1', 'apart-2'];
		const { schedulerName } = scheduling;
		for (const [i, name] of names.entries()) {
			const storageClass = `${mode}-${name}`;
			await api.create(localClass(storageClass));
			await api.create(localVolume(storageClass, `node${i + 1}`, storageClass));
			await api.create(claim({ namespace, name, storageClass }));
			await api.create(pod({ namespace, name, schedulerName, claims: [name] }));
			await api.waitFor(paths(namespace).pod(name), isRunning);
		}
		await api.create(pod({ namespace, name: 'torn', schedulerName, claims: names }));
		const about = { namespace, kind: 'Pod', name: 'torn' };
		const failedScheduling = (by: string) => (event: KubeObject) =>
			event.reason === 'FailedScheduling' && (event.reportingComponent || event.source.component) === by;
		const event = await api.waitForEvent(about, failedScheduling(schedulerName));
		const told = ['node1', 'node2'].map((node, i) =>
			expect.stringContaining(
				`claim apart-${i + 1} is bound to volume ${mode}-apart-${i + 1}, which needs kubernetes.io/hostname in (${node})`,
			),
		);
		if (mode === 'delegate') for (const message of told) expect(event.message).toEqual(message);
		else {
			// VolumeBinding leaves no node to ask an extender about, and names no claim: topobind tells by itself.
			expect(event.message).toContain("3 node(s) didn't match PersistentVolume's node affinity");
			const own = await api.waitForEvent(about, failedScheduling('topobind'));
			for (const message of told) expect(own.message).toEqual(message);
			expect(own.message).toMatch(/^0\/3 nodes can be used by the pod's storage: /);
			// Another process finds it told, and counts.
			const again = await startTopobind(controlPlane, { mode });
			await api.waitForEvent(about, (event) => failedScheduling('topobind')(event) && event.count === 2);
			await again.stop();
		}
		const answer = await fetch(`${scheduling.topobind.admin}/api/v1/explain/pods/${namespace}/torn`);
		const explanation = (await answer.json()) as KubeObject;
		expect(explanation.nodes.feasible).toBe(0);
		expect(explanation.nodes.refused.map(({ message }: KubeObject) => message)).toEqual(expect.arrayContaining(told));
	});

	test('a snapshot, and a claim restored from it, on a driver whose snapshots reach everywhere', async () => {
		const driver = `anywhere-${mode}.test`;
		const csi = await controlPlane.startCsiDriver({
			name: driver,
			reach: 'anywhere',
			nodes: NODES.map(({ name }) => ({ name })),
		});
		const { schedulerName } = scheduling;
		await api.createAll(classesOf(driver, driver));
		await api.create(claim({ namespace, name: 'disk-pvc', storageClass: driver }));
		await api.create(
			pod({
				namespace,
				name: 'writer',
				schedulerName,
				claims: ['disk-pvc'],
				nodeSelector: { 'kubernetes.io/hostname': 'node1' },
			}),
		);
		await api.waitFor(paths(namespace).pod('writer'), isRunning);
		await api.create(snapshot({ namespace, name: 'disk-snapshot', snapshotClass: driver, claim: 'disk-pvc' }));
		await api.waitFor(paths(namespace).snapshot('disk-snapshot'), isReadyToUse);
		const source = { kind: 'VolumeSnapshot', name: 'disk-snapshot' } as const;
		await api.create(claim({ namespace, name: 'restore-pvc', storageClass: driver, source }));
		await api.create(
			preferring(
				pod({ namespace, name: 'restored', schedulerName, claims: ['restore-pvc'] }),
				'kubernetes.io/hostname',
				'node3',
			),
		);
		const running = await api.waitFor(paths(namespace).pod('restored'), isRunning);
		expect(running?.spec.nodeName).toBe('node3');
		await api.waitFor(paths(namespace).claim('restore-pvc'), isBound);
		await csi.stop();
	});
});

describe('without topobind, VolumeBinding off as in delegate mode', () => {
	const schedulerName = 'blind';
	let namespace: string;

	beforeAll(async () => {
		namespace = await api.createNamespace('placement-blind');
		const scheduler = await controlPlane.startScheduler({ config: await blindSchedulerConfig(), schedulerName });
		await api.create(localClass('blind'));
		return () => scheduler.stop();
	});

	/** The node that a pod with this claim gets, which would rather run on node3. */
	async function placed(name: string): Promise<string> {
		await api.create(
			preferring(pod({ namespace, name, schedulerName, claims: [name] }), 'kubernetes.io/hostname', 'node3'),
		);
		const object = await api.waitFor(paths(namespace).pod(name), (now) => now?.spec.nodeName !== undefined);
		return object?.spec.nodeName;
	}

	test('a local volume on node1: the pod goes where it would rather run, and its claim is never bound', async () => {
		await api.create(localVolume('blind', 'node1', 'blind'));
		await api.create(claim({ namespace, name: 'data', storageClass: 'blind' }));
		expect(await placed('data')).toBe('node3');
		expect((await api.get(paths(namespace).claim('data'))).status.phase).toBe('Pending');
	});

	test('a claim that is bound to a volume on node2: the pod does not follow it', async () => {
		await api.create(localVolume('blind-bound', 'node2', 'blind'));
		const bound = claim({ namespace, name: 'bound', storageClass: 'blind' });
		bound.spec.volumeName = 'blind-bound';
		await api.create(bound);
		await api.waitFor(paths(namespace).claim('bound'), isBound);
		expect(await placed('bound')).toBe('node3');
	});

	test.each([
		'failure-domain.beta.kubernetes.io/zone',
		'topology.kubernetes.io/zone',
		'kubernetes.io/hostname',
		'rack',
	])('allowedTopologies by %s: nobody looks at them', async (key) => {
		const name = `by-${key.replace(/[^a-z]/g, '-')}`;
		const values = NODES.filter((node) => node.name === 'node2').map((node) => labelsOf(node)[key as 'rack']);
		await api.create({
			apiVersion: 'storage.k8s.io/v1',
			kind: 'StorageClass',
			metadata: { name: `blind-${name}` },
			provisioner: 'nobody.test',
			volumeBindingMode: 'WaitForFirstConsumer',
			allowedTopologies: [{ matchLabelExpressions: [{ key, values }] }],
		});
		await api.create(claim({ namespace, name, storageClass: `blind-${name}` }));
		expect(await placed(name)).toBe('node3');
	});
});
