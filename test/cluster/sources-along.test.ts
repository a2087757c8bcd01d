// A claim and its clone in one pod, on a node that has no room for the claim.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CsiDriver, KubeObject } from './harness/index.ts';
import { claim, classesOf, isRunning, paths, pod, selectedNode, useControlPlane } from './shared.ts';
import { impatient, startScheduling } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const [FULL, ROOMY] = ['along-full', 'along-roomy'];
const DRIVER = 'along.test';
const HERE = { pool: 'along' };

let driver: CsiDriver;
beforeAll(async () => {
	for (const name of [FULL, ROOMY]) await controlPlane.createNode(name, { labels: HERE });
	driver = await controlPlane.startCsiDriver({
		...{ name: DRIVER, reach: 'node', nodes: [{ name: FULL }, { name: ROOMY }] },
		// It tries the clone again soon after its source is there.
		provisionerArgs: ['--retry-interval-start=500ms', '--retry-interval-max=2s'],
	});
	driver.failCreate('ResourceExhausted', { node: FULL });
	await api.createAll(classesOf(DRIVER, DRIVER));
});
afterAll(async () => {
	for (const name of [FULL, ROOMY]) await controlPlane.deleteNode(name);
});

const setCordoned = (unschedulable: boolean) => api.patch(`/api/v1/nodes/${ROOMY}`, { spec: { unschedulable } });

/** The pod and its claims, `app` and `copy`, when the full node, the only one so far, has been chosen and given back. */
async function givenBack(schedulerName: string): Promise<ReturnType<typeof paths>> {
	await setCordoned(true);
	const namespace = await api.createNamespace(schedulerName);
	const at = paths(namespace);
	await api.create(claim({ namespace, name: 'app', storageClass: DRIVER }));
	const source = { kind: 'PersistentVolumeClaim', name: 'app' } as const;
	await api.create(claim({ namespace, name: 'copy', storageClass: DRIVER, source }));
	const back = givenBackOnce(at.claim('app'));
	await api.create(pod({ namespace, name: 'app', schedulerName, nodeSelector: HERE, claims: ['app', 'copy'] }));
	await back;
	return at;
}

/** Until the provisioner has taken a claim's selected node away. */
async function givenBackOnce(path: string): Promise<void> {
	let wasPinned = false;
	await api.waitFor(path, (object) => {
		const isPinned = selectedNode(object) !== undefined;
		wasPinned ||= isPinned;
		return wasPinned && !isPinned;
	});
}

test('the clone is pinned nowhere until its source is bound, and both go to another node', async () => {
	const { schedulerName, scheduler, topobind } = await startScheduling(controlPlane, {
		mode: 'delegate',
		impatient: true,
	});
	const at = await givenBack(schedulerName);
	expect(selectedNode(await api.get(at.claim('copy')))).toBeUndefined();
	await setCordoned(false);
	const pins = new Set<string | undefined>();
	const pinnedElsewhere = (object: KubeObject | undefined) => pins.add(selectedNode(object)).has(ROOMY);
	await api.waitFor(at.claim('copy'), pinnedElsewhere);
	expect(pins).toEqual(new Set([undefined, ROOMY]));
	expect((await api.waitFor(at.pod('app'), isRunning))?.spec.nodeName).toBe(ROOMY);
	await scheduler.stop();
	await topobind.stop();
});

test('control: VolumeBinding pins both at once, and the clone keeps the pod where there is no room', async () => {
	const schedulerName = 'along-blind';
	const config = impatient({
		apiVersion: 'kubescheduler.config.k8s.io/v1',
		kind: 'KubeSchedulerConfiguration',
	});
	const scheduler = await controlPlane.startScheduler({ config, schedulerName });
	const at = await givenBack(schedulerName);
	expect(selectedNode(await api.get(at.claim('copy')))).toBe(FULL);
	await setCordoned(false);
	// For longer than the other one takes.
	await api.neverWithin(at.pod('app'), isRunning, 10_000);
	expect(selectedNode(await api.get(at.claim('copy')))).toBe(FULL);
	await scheduler.stop();
});
