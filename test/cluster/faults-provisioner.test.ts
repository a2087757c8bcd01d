// The provisioner fails in every way: the pod is told what is wrong, and runs where and when it can.

import { afterAll, beforeAll, describe, test } from 'vitest';
import { ApiProxy } from './chaos/api-proxy.ts';
import { impatientConfig, startServing } from './chaos/serving.ts';
import type { KubeObject } from './harness/index.ts';
import { localVolume } from './objects.ts';
import { claim, classesOf, isBound, isRunning, paths, pod, selectedNode, useControlPlane } from './shared.ts';
import { grantRights, type Topobind } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = ['provisioner-0', 'provisioner-1'] as const;
const CLAIMS = '/api/v1/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';
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

/** topobind whose binds end soon, and a scheduler of this name that calls it. */
async function startHasty(schedulerName: string): Promise<{ stop(): Promise<void> }> {
	const hasty = await startServing(controlPlane, { bindTimeoutSeconds: 3 });
	const scheduler = await controlPlane.startScheduler({ config: await impatientConfig(hasty.extender), schedulerName });
	return {
		async stop() {
			await scheduler.stop();
			await hasty.stop();
		},
	};
}

/** A class whose provisioner is the test, and a pod that waits for it on the first node. Gives the claim. */
async function awaitProvisioning(name: string, schedulerName: string): Promise<KubeObject> {
	const [waiting] = classesOf('nobody.test', name);
	await api.create(waiting as KubeObject);
	await create(name, name, schedulerName);
	const selected = await api.waitFor(paths(namespace).claim(name), (now) => selectedNode(now) === NODES[0]);
	return selected as KubeObject;
}

const cordon = (node: string, unschedulable: boolean) =>
	api.patch(`/api/v1/nodes/${node}`, { spec: { unschedulable } });

/** What a provisioner would make for the claim. */
function provisioned({ metadata: { name, uid } }: KubeObject, node: string): KubeObject {
	const made = localVolume(name, node, name);
	made.spec.claimRef = { namespace, name, uid };
	return made;
}

describe.concurrent('the provisioner', () => {
	test('has no room on the node (ResourceExhausted): it gives the node back, and the pod goes to another', async ({
		expect,
	}) => {
		// At first there is no other node, so that it must be the first that is given back.
		await cordon(NODES[1], true);
		const driver = 'exhausted.test';
		const csi = await controlPlane.startCsiDriver({
			name: driver,
			reach: 'node',
			nodes: NODES.map((name) => ({ name })),
		});
		await api.createAll(classesOf(driver, driver));
		csi.failCreate('ResourceExhausted', { node: NODES[0] });
		const first = api.waitFor(paths(namespace).claim('exhausted'), (now) => selectedNode(now) !== undefined);
		await create('exhausted', driver, 'patient', false);
		expect(selectedNode(await first)).toBe(NODES[0]);
		await told('exhausted', /the selected node of claim exhausted was taken back/);
		// The first has no room yet; without CSIStorageCapacity the scheduler finds that out by trying.
		await cordon(NODES[1], false);
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
		const hasty = await startHasty('hasty');
		await create('failing', driver, 'hasty');
		await told('failing', /timed out after 3 s waiting for claim failing to be provisioned by class failing.test/);
		// The node stays selected: the provisioner may still do it.
		expect(selectedNode(await api.get(paths(namespace).claim('failing')))).toBe(NODES[0]);
		csi.allowCreate();
		const running = await api.waitFor(paths(namespace).pod('failing'), isRunning);
		expect(running?.spec.nodeName).toBe(NODES[0]);
		await hasty.stop();
		await csi.stop();
	});

	test('does nothing at all: the pod is told at the timeout, and runs once the volume is there', async ({ expect }) => {
		const hasty = await startHasty('unserved');
		const selected = await awaitProvisioning('unserved', 'unserved');
		await told('unserved', /timed out after 3 s waiting for claim unserved to be provisioned by class unserved/);
		expect(selectedNode(await api.get(paths(namespace).claim('unserved')))).toBe(NODES[0]);
		await api.create(provisioned(selected, NODES[0]));
		await api.waitFor(paths(namespace).pod('unserved'), isRunning);
		await hasty.stop();
	});

	test.for([
		['volume', 'claim', CLAIMS],
		['claim', 'volume', VOLUMES],
	] as const)(
		'and the watch show the %s long before the %s: the bind waits for both',
		async ([first, , held], { expect }) => {
			const proxy = await ApiProxy.start(controlPlane.info);
			const late = await startServing(controlPlane, { proxy });
			const name = `${first}-first`;
			const config = await impatientConfig(late.extender);
			const scheduler = await controlPlane.startScheduler({ config, schedulerName: name });
			const selected = await awaitProvisioning(name, name);
			for (const watch of proxy.watchesOf(held)) watch.hold();
			await api.create(provisioned(selected, NODES[0]));
			await api.waitFor(paths(namespace).claim(name), isBound);
			await api.neverWithin(paths(namespace).pod(name), (now) => now?.spec.nodeName !== undefined, 1_000);
			for (const watch of proxy.watchesOf(held)) watch.release();
			const running = await api.waitFor(paths(namespace).pod(name), isRunning);
			expect(running?.spec.nodeName).toBe(NODES[0]);
			await scheduler.stop();
			await late.stop();
			await proxy.stop();
		},
	);

	test('makes a volume that the node cannot reach: the bind ends, and the pod follows its volume', async ({
		expect,
	}) => {
		const selected = await awaitProvisioning('astray', 'patient');
		await api.create(provisioned(selected, NODES[1]));
		await told(
			'astray',
			/volume astray needs kubernetes.io\/hostname in \(provisioner-1\), which the selected node does not have/,
		);
		const running = await api.waitFor(paths(namespace).pod('astray'), isRunning);
		expect(running?.spec.nodeName).toBe(NODES[1]);
	});
});
