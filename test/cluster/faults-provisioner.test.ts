// The provisioner fails in every way: the pod is told what is wrong, and runs where and when it can.

import { afterAll, beforeAll, describe, test } from 'vitest';
import { impatientConfig, startServing } from './chaos/serving.ts';
import type { KubeObject } from './harness/index.ts';
import { localVolume } from './objects.ts';
import { claim, classesOf, isRunning, paths, pod, selectedNode, useControlPlane } from './shared.ts';
import { grantRights, type Topobind } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = ['provisioner-0', 'provisioner-1'] as const;
let namespace: string;
let topobind: Topobind;

beforeAll(async () => {
	await grantRights(controlPlane);
	await Promise.all(NODES.map((name) => controlPlane.createNode(name)));
	namespace = await api.createNamespace('provisioner');
	topobind = await startServing(controlPlane);
	await controlPlane.startScheduler({ config: await impatientConfig(topobind.extender), schedulerName: 'patient' });
});
afterAll(async () => {
	await topobind.stop();
	for (const name of NODES) await controlPlane.deleteNode(name);
});

/** A pod that would rather run on the first node, and its claim. */
async function create(name: string, storageClass: string, schedulerName: string, prefers = true): Promise<void> {
	await api.create(claim({ namespace, name, storageClass }));
	const asked = pod({ namespace, name, schedulerName, claims: [name] });
	const preference = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [NODES[0]] }] };
	if (prefers) {
		asked.spec.affinity = {
			nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] },
		};
	}
	await api.create(asked);
}

function told(name: string, message: RegExp): Promise<KubeObject> {
	return api.waitForEvent(
		{ namespace, kind: 'Pod', name },
		(event) => event.reason === 'FailedScheduling' && message.test(event.message),
	);
}

describe.concurrent('the provisioner', () => {
	test('has no room on the node (ResourceExhausted): it gives the node back, and the pod goes to another', async ({
		expect,
	}) => {
		const driver = 'exhausted.test';
		const csi = await controlPlane.startCsiDriver({
			name: driver,
			reach: 'node',
			nodes: NODES.map((name) => ({ name })),
		});
		await api.createAll(classesOf(driver, driver));
		csi.failCreate('ResourceExhausted');
		csi.failCreate('ResourceExhausted', { node: NODES[0] });
		await create('exhausted', driver, 'patient', false);
		await told('exhausted', /the selected node of claim exhausted was taken back/);
		// From now on the other one has room; without CSIStorageCapacity the scheduler finds that out by trying.
		csi.allowCreate();
		const running = await api.waitFor(paths(namespace).pod('exhausted'), isRunning);
		expect(running?.spec.nodeName).toBe(NODES[1]);
		expect(selectedNode(await api.get(paths(namespace).claim('exhausted')))).toBe(NODES[1]);
		await csi.stop();
	});

	test('fails without end: the pod is told at the timeout, and runs once it no longer fails', async ({ expect }) => {
		const driver = 'failing.test';
		const csi = await controlPlane.startCsiDriver({
			name: driver,
			reach: 'node',
			nodes: NODES.map((name) => ({ name })),
		});
		await api.createAll(classesOf(driver, driver));
		csi.failCreate('Internal');
		const hasty = await startServing(controlPlane, { bindTimeoutSeconds: 3 });
		const scheduler = await controlPlane.startScheduler({
			config: await impatientConfig(hasty.extender),
			schedulerName: 'hasty',
		});
		await create('failing', driver, 'hasty');
		await told('failing', /timed out after 3 s waiting for claim failing to be provisioned by class failing.test/);
		// The node stays selected: the provisioner may still do it.
		expect(selectedNode(await api.get(paths(namespace).claim('failing')))).toBe(NODES[0]);
		csi.allowCreate();
		const running = await api.waitFor(paths(namespace).pod('failing'), isRunning);
		expect(running?.spec.nodeName).toBe(NODES[0]);
		await scheduler.stop();
		await hasty.stop();
		await csi.stop();
	});

	test('makes a volume that the node cannot reach: the bind ends, and the pod follows its volume', async ({
		expect,
	}) => {
		const storageClass = 'astray';
		const [waiting] = classesOf('nobody.test', storageClass);
		await api.create(waiting as KubeObject);
		await create('astray', storageClass, 'patient');
		const selected = await api.waitFor(paths(namespace).claim('astray'), (now) => selectedNode(now) !== undefined);
		expect(selectedNode(selected)).toBe(NODES[0]);
		const made = localVolume('astray', NODES[1], storageClass);
		made.spec.claimRef = { namespace, name: 'astray', uid: selected?.metadata.uid };
		await api.create(made);
		await told(
			'astray',
			/volume astray needs kubernetes.io\/hostname in \(provisioner-1\), which the selected node does not have/,
		);
		const running = await api.waitFor(paths(namespace).pod('astray'), isRunning);
		expect(running?.spec.nodeName).toBe(NODES[1]);
	});
});
