// topobind is down: companion mode must not notice, delegate mode must wait and go on when it is back.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { localClass, localVolume } from './objects.ts';
import { claim, isRunning, paths, pod, useControlPlane } from './shared.ts';
import { type Mode, type Scheduling, startScheduling, startTopobind } from './topobind.ts';

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
