// topobind is down: companion mode must not notice, delegate mode must wait and go on when it is back.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiProxy } from './chaos/api-proxy.ts';
import { readyz, startServing } from './chaos/serving.ts';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, isRunning, paths, pod, useControlPlane } from './shared.ts';
import {
	grantRights,
	type Mode,
	type Scheduling,
	schedulerConfig,
	startScheduling,
	startTopobind,
} from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;

beforeAll(() => controlPlane.createNode('outage-1'));
afterAll(() => controlPlane.deleteNode('outage-1'));

async function prepare(mode: Mode): Promise<{ scheduling: Scheduling; namespace: string; storageClass: string }> {
	const scheduling = await startScheduling(controlPlane, { mode });
	const namespace = await api.createNamespace(`outage-${mode}`);
	const storageClass = `outage-${mode}`;
	await api.createAll([localClass(storageClass), localVolume(storageClass, 'outage-1', storageClass)]);
	await api.create(claim({ namespace, name: 'data', storageClass }));
	return { scheduling, namespace, storageClass };
}

describe('topobind is stopped', () => {
	test('companion: pods with claims are scheduled all the same', async () => {
		const { scheduling, namespace } = await prepare('companion');
		await scheduling.topobind.stop();
		await api.create(pod({ namespace, name: 'app', schedulerName: scheduling.schedulerName, claims: ['data'] }));
		await api.waitFor(paths(namespace).pod('app'), isRunning);
		expect(scheduling.recorder.of('filter', 'app')).toEqual([]);
		await scheduling.scheduler.stop();
	});

	test('delegate: pods with claims wait, are told why, and go on when it is back', async () => {
		const { scheduling, namespace } = await prepare('delegate');
		await scheduling.topobind.stop();
		await api.create(pod({ namespace, name: 'app', schedulerName: scheduling.schedulerName, claims: ['data'] }));
		const event = await api.waitForEvent(
			{ namespace, kind: 'Pod', name: 'app' },
			({ reason }) => reason === 'FailedScheduling',
		);
		expect(event.message).toContain(scheduling.recorder.url);
		expect((await api.get(paths(namespace).pod('app'))).spec.nodeName).toBeUndefined();
		expect((await api.get(paths(namespace).claim('data'))).status.phase).toBe('Pending');

		const back = await startTopobind(controlPlane, { mode: 'delegate' });
		scheduling.recorder.forwardTo(back.extender);
		await api.waitFor(paths(namespace).pod('app'), isRunning);
		await scheduling.scheduler.stop();
		await back.stop();
	});
});

describe('topobind is cut off from the API server, and kube-scheduler is not', () => {
	/** Two pods of a class with two volumes: topobind has not seen either. */
	async function cutOff(mode: Mode) {
		const name = `outage-cut-${mode}`;
		await grantRights(controlPlane);
		await api.createAll([localClass(name), localVolume(`${name}-1`, 'outage-1', name)]);
		const proxy = await ApiProxy.start(controlPlane.info);
		const topobind = await startServing(controlPlane, { proxy, mode });
		const scheduler = await controlPlane.startScheduler({
			config: await schedulerConfig(mode, topobind.extender),
			schedulerName: name,
		});
		const namespace = await api.createNamespace(name);
		await proxy.down();
		await api.create(claim({ namespace, name: 'data', storageClass: name }));
		const create = (app: string) => api.create(pod({ namespace, name: app, schedulerName: name, claims: ['data'] }));
		return {
			...{ namespace, create, topobind },
			stop: async () => {
				await scheduler.stop();
				await proxy.stop();
				await topobind.stop();
			},
		};
	}

	const isTold = (words: string) => (object: KubeObject | undefined) =>
		JSON.stringify(object?.status.conditions ?? []).includes(words);

	test.concurrent('companion: pods wait for what it has not seen until it says that it is out of date, and go on then', async () => {
		const { namespace, create, topobind, stop } = await cutOff('companion');
		await create('early');
		await api.waitFor(paths(namespace).pod('early'), isTold('claim data does not exist'));
		await expect.poll(async () => (await readyz(topobind.admin)).status, { timeout: 60_000 }).toBe(503);
		await create('late');
		await api.waitFor(paths(namespace).pod('late'), isRunning);
		await stop();
	});

	test.concurrent('delegate: pods wait', async () => {
		const { namespace, create, topobind, stop } = await cutOff('delegate');
		await expect.poll(async () => (await readyz(topobind.admin)).status, { timeout: 60_000 }).toBe(503);
		await create('late');
		await api.waitFor(paths(namespace).pod('late'), isTold('claim data does not exist'));
		await stop();
	});
});
