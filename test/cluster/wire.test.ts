// What kube-scheduler really sends, in both forms of nodes, and what it makes of the answers. Preemption is the one call
// that placement tests do not reach. With TOPOBIND_TEST_RECORD set the bodies become fixtures of the HTTP tests.

import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { type Exchange, startRecorder } from './recorder.ts';
import { claim, isRunning, paths, pod, useControlPlane } from './shared.ts';
import { grantRights, schedulerConfig, startTopobind, type Topobind } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const small = { allocatable: { cpu: '1' } };
let topobind: Topobind;

beforeAll(async () => {
	await grantRights(controlPlane);
	await Promise.all([controlPlane.createNode('wire-1', small), controlPlane.createNode('wire-2', small)]);
	topobind = await startTopobind(controlPlane, { mode: 'delegate' });
	await api.apply({
		apiVersion: 'scheduling.k8s.io/v1',
		kind: 'PriorityClass',
		metadata: { name: 'wire-high' },
		value: 1000,
	});
});
afterAll(async () => {
	await topobind.stop();
	await Promise.all([controlPlane.deleteNode('wire-1'), controlPlane.deleteNode('wire-2')]);
});

/**
 * wire-1 has the volume and two pods in the way, wire-2 has one: to kube-scheduler, which knows nothing of storage here,
 * wire-2 is the cheaper one to clear.
 */
async function crowd(namespace: string, schedulerName: string, storageClass: string): Promise<void> {
	await api.createAll([localClass(storageClass), localVolume(storageClass, 'wire-1', storageClass)]);
	await api.create(claim({ namespace, name: 'data', storageClass }));
	const settled = { namespace, schedulerName, claims: ['data'], cpu: '10m' };
	await api.create(pod({ ...settled, name: 'settler' }));
	await api.waitFor(paths(namespace).pod('settler'), isRunning);
	await api.deleteAndWait(paths(namespace).pod('settler'));
	// More than one node will do: only then is prioritize called.
	await api.create(pod({ namespace, name: 'idler', schedulerName, cpu: '10m' }));
	await api.waitFor(paths(namespace).pod('idler'), isRunning);
	await api.deleteAndWait(paths(namespace).pod('idler'));
	for (const [name, node, cpu] of [
		['low-1', 'wire-1', '450m'],
		['low-2', 'wire-1', '450m'],
		['low-3', 'wire-2', '900m'],
	] as const) {
		await api.create(pod({ namespace, name, schedulerName, cpu, nodeSelector: { 'kubernetes.io/hostname': node } }));
		await api.waitFor(paths(namespace).pod(name), isRunning);
	}
}

function highPriorityPod(namespace: string, schedulerName: string): KubeObject {
	const high = pod({ namespace, name: 'high', schedulerName, cpu: '800m', claims: ['data'] });
	high.spec.priorityClassName = 'wire-high';
	return high;
}

describe.each([
	['names', true],
	['whole nodes', false],
])('%s', (form, nodeCacheCapable) => {
	const id = nodeCacheCapable ? 'names' : 'nodes';

	test('preemption clears the node that the storage can use, and leaves the other alone', async () => {
		const recorder = await startRecorder(topobind.extender);
		const config = await schedulerConfig('delegate', recorder.url);
		for (const extender of config.extenders) extender.nodeCacheCapable = nodeCacheCapable;
		const schedulerName = `wire-${id}`;
		const scheduler = await controlPlane.startScheduler({ config, schedulerName });
		const namespace = await api.createNamespace(`wire-${id}`);
		await crowd(namespace, schedulerName, `wire-${id}`);
		await api.create(highPriorityPod(namespace, schedulerName));
		const running = await api.waitFor(paths(namespace).pod('high'), isRunning);
		expect(running?.spec.nodeName).toBe('wire-1');
		expect(isRunning(await api.get(paths(namespace).pod('low-3')))).toBe(true);

		const [preempt] = recorder.of('preempt', 'high');
		const sent = nodeCacheCapable ? preempt?.request.NodeNameToMetaVictims : preempt?.request.NodeNameToVictims;
		expect(Object.keys(sent).sort()).toEqual(['wire-1', 'wire-2']);
		expect(Object.keys(preempt?.response.NodeNameToMetaVictims)).toEqual(['wire-1']);
		const filtered = recorder.of('filter', 'settler')[0]?.request;
		expect(filtered?.[nodeCacheCapable ? 'NodeNames' : 'Nodes']).not.toBeNull();
		expect(filtered?.[nodeCacheCapable ? 'Nodes' : 'NodeNames']).toBeNull();
		expect(recorder.of('prioritize', 'idler')[0]?.response).toHaveLength(2);
		expect(recorder.exchanges.every(({ status }) => status === 200)).toBe(true);
		await scheduler.stop();
		await clear(namespace);
		if (process.env.TOPOBIND_TEST_RECORD) await record(recorder.exchanges, form.replace(' ', '-'));
	});
});

test('control: without preemptVerb a pod is evicted for nothing', async () => {
	const config = await schedulerConfig('delegate', topobind.extender);
	for (const extender of config.extenders) delete extender.preemptVerb;
	const schedulerName = 'wire-control';
	const scheduler = await controlPlane.startScheduler({ config, schedulerName });
	const namespace = await api.createNamespace('wire-control');
	await crowd(namespace, schedulerName, 'wire-control');
	await api.create(highPriorityPod(namespace, schedulerName));
	await api.waitFor(
		paths(namespace).pod('low-3'),
		(object) => object === undefined || object.metadata.deletionTimestamp !== undefined,
	);
	await scheduler.stop();
	await clear(namespace);
});

async function clear(namespace: string): Promise<void> {
	await api.delete(`/api/v1/namespaces/${namespace}/pods`);
	await api.waitForList(`/api/v1/namespaces/${namespace}/pods`, (pods) => pods.length === 0);
}

/** The first body of each verb. */
async function record(exchanges: readonly Exchange[], form: string): Promise<void> {
	const folder = new URL('../fixtures/extender/', import.meta.url);
	await mkdir(folder, { recursive: true });
	for (const verb of ['filter', 'prioritize', 'preempt', 'bind']) {
		const found = exchanges.find((each) => each.verb === verb);
		if (!found) continue;
		const file = new URL(`recorded-${verb}-${form}.json`, folder);
		await writeFile(file, `${JSON.stringify({ verb, request: found.request }, null, 2)}\n`);
	}
}
