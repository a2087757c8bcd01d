// kube-scheduler sees a volume before topobind does, and asks too early. Nobody would ask again.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiProxy } from './chaos/api-proxy.ts';
import { impatientConfig, startServing } from './chaos/serving.ts';
import { type Api, type KubeObject, type OwnControlPlane, startControlPlane } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, isRunning, paths, pod } from './shared.ts';
import { grantRights, type Topobind } from './topobind.ts';

// Of its own: whatever else happens in a cluster has kube-scheduler ask again.
let controlPlane: OwnControlPlane;
let api: Api;

beforeAll(async () => {
	controlPlane = await startControlPlane();
	api = controlPlane.api;
	await grantRights(controlPlane);
	await controlPlane.createNode('late-1');
}, 180_000);
afterAll(() => controlPlane?.stop());

const isRefused = (object: KubeObject | undefined) =>
	object?.status?.conditions?.some(({ type, status }: KubeObject) => type === 'PodScheduled' && status === 'False') ===
	true;
const tells = (words: string) => (object: KubeObject | undefined) =>
	isRefused(object) && JSON.stringify(object?.status.conditions).includes(words);

const isAvailable = (volume: KubeObject | undefined) => volume?.status?.phase === 'Available';

/** When filter was last asked about a pod of the namespace: epoch milliseconds. */
async function lastAsked({ admin }: Topobind, namespace: string): Promise<number> {
	const answer = await fetch(`${admin}/api/v1/decisions?namespace=${namespace}&limit=1`);
	const { decisions } = (await answer.json()) as { readonly decisions: readonly { readonly time: string }[] };
	return Math.max(0, ...decisions.map(({ time }) => Date.parse(time)));
}

/** A pod waits for a volume, in a class of this name; all that topobind watches is late. */
async function waiting(name: string, nudge: boolean) {
	const proxy = await ApiProxy.start(controlPlane.info);
	// Longer than the scheduler takes to ask, also on a busy machine; less than the last second look waits.
	proxy.lagMs = 2_500;
	const topobind = await startServing(controlPlane, { proxy, config: { sources: { nudge } } });
	const scheduler = await controlPlane.startScheduler({
		config: await impatientConfig(topobind.extender),
		schedulerName: name,
	});
	const namespace = await api.createNamespace(name);
	await api.create(localClass(name));
	await api.create(claim({ namespace, name: 'data', storageClass: name }));
	await api.create(pod({ namespace, name: 'app', schedulerName: name, claims: ['data'] }));
	await api.waitFor(paths(namespace).pod('app'), isRefused);
	return {
		namespace,
		topobind,
		proxy,
		stop: async () => {
			await scheduler.stop();
			await topobind.stop();
			await proxy.stop();
		},
	};
}

describe('a volume that topobind sees later than kube-scheduler', () => {
	test('the pod is tried again, and runs', async () => {
		const { namespace, stop } = await waiting('late-watch', true);
		// It was refused for a claim that had not been seen either, and is told anew.
		await api.waitFor(paths(namespace).pod('app'), tells('claim data finds no available volume'), 30_000);
		await api.create(localVolume('late-watch', 'late-1', 'late-watch'));
		const running = await api.waitFor(paths(namespace).pod('app'), isRunning, 30_000);
		expect(running?.spec.nodeName).toBe('late-1');
		expect(running?.metadata.annotations['topobind.dev/try-again']).toBeDefined();
		await stop();
	});

	test('without the nudge it waits on, though topobind would pass the node by now', async () => {
		const { namespace, topobind, proxy, stop } = await waiting('late-watch-control', false);
		const volumes = proxy.watchesOf('/api/v1/persistentvolumes');
		for (const watch of volumes) watch.hold();
		await api.create(localVolume('late-watch-control', 'late-1', 'late-watch-control'));
		await api.waitFor('/api/v1/persistentvolumes/late-watch-control', isAvailable);
		// Each event of the volume lets kube-scheduler ask once more, a second later at most. Then it is done with them.
		const available = Date.now();
		const quiet = async () => Date.now() - Math.max(available, await lastAsked(topobind, namespace));
		await expect.poll(quiet, { timeout: 30_000 }).toBeGreaterThan(3_000);
		for (const watch of volumes) watch.release();
		const explain = async () =>
			(await (await fetch(`${topobind.admin}/api/v1/explain/pods/${namespace}/app`)).json()) as KubeObject;
		await expect.poll(async () => (await explain()).nodes.feasible, { timeout: 20_000 }).toBe(1);
		// For longer than the other one took from the volume on.
		await api.neverWithin(paths(namespace).pod('app'), isRunning, 8_000);
		await stop();
	});
});
