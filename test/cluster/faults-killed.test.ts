// topobind is killed before and after every single write of a bind, and started again: the pod ends bound, to volumes
// of one node, and nothing half done is left. Asked to end, it ends what it began.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiProxy } from './chaos/api-proxy.ts';
import { objectsOf, problemsOf } from './chaos/invariants.ts';
import { addressOf, callBind, impatientConfig, startServing, untilPassed } from './chaos/serving.ts';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, classesOf, isRunning, paths, pod, useControlPlane } from './shared.ts';
import { grantRights, type Topobind } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = ['killed-0', 'killed-1'];
const DRIVER = 'killed.test';
/** Two local volumes, one selected node, one Binding. */
const WRITES = 4;
const schedulerName = 'killed';
let namespace: string;

beforeAll(async () => {
	await grantRights(controlPlane);
	await Promise.all(NODES.map((name) => controlPlane.createNode(name)));
	await controlPlane.startCsiDriver({ name: DRIVER, reach: 'node', nodes: NODES.map((name) => ({ name })) });
	await api.createAll(classesOf(DRIVER, DRIVER));
	namespace = await api.createNamespace('killed');
});
afterAll(async () => {
	for (const name of NODES) await controlPlane.deleteNode(name);
});

/** A pod with two local claims and a provisioned one, and two volumes on each node. Gives the pod. */
async function create(name: string, scheduler: string) {
	await api.create(localClass(name));
	for (const node of NODES) {
		for (const i of [0, 1]) await api.create(localVolume(`${name}-${node}-${i}`, node, name));
	}
	const claims = ['a', 'b', 'c'].map((each) => `${name}-${each}`);
	for (const each of claims) {
		await api.create(claim({ namespace, name: each, storageClass: each.endsWith('c') ? DRIVER : name }));
	}
	return api.create(pod({ namespace, name, schedulerName: scheduler, claims }));
}

/** All claims of the pod are bound, to volumes of its node; of the local ones two are, and two are as they were. */
async function expectWhole(name: string): Promise<void> {
	const all = await objectsOf(api, namespace, [name, DRIVER]);
	const own = (each: KubeObject) => each.metadata.name === name || each.metadata.name.startsWith(`${name}-`);
	const claims = all.claims.filter(own);
	const volumes = all.volumes.filter((each) => own(each) || each.spec.claimRef?.name === `${name}-c`);
	expect(problemsOf({ pods: all.pods.filter(own), claims, volumes, nodes: all.nodes })).toEqual([]);
	expect(claims.map(({ status }) => status.phase)).toEqual(['Bound', 'Bound', 'Bound']);
	expect(volumes.filter(({ status }) => status.phase === 'Bound').length).toBe(3);
	expect(volumes.filter(({ spec }) => spec.claimRef === undefined).length).toBe(2);
}

describe('killed at a write', () => {
	let proxy: ApiProxy;
	let topobind: Topobind;

	beforeAll(async () => {
		proxy = await ApiProxy.start(controlPlane.info);
		topobind = await startServing(controlPlane, { proxy });
		const config = await impatientConfig(topobind.extender);
		const scheduler = await controlPlane.startScheduler({ config, schedulerName });
		return async () => {
			await scheduler.stop();
			await topobind.stop();
			await proxy.stop();
		};
	});

	const cases = Array.from({ length: WRITES }, (_, i) => i + 1).flatMap((nth) => [
		[nth, 'before'] as const,
		[nth, 'after'] as const,
	]);

	test.each(cases)('write %i, %s it is carried out', async (nth, moment) => {
		const name = `write-${nth}-${moment}`;
		const killed = Promise.withResolvers<void>();
		let left = nth;
		const kill = async () => {
			await topobind.process.kill();
			killed.resolve();
			return 'reset' as const;
		};
		proxy.rule = ({ kind }) => (kind === 'write' && --left === 0 ? { [moment]: kill } : undefined);
		await create(name, schedulerName);
		await killed.promise;
		topobind = await startServing(controlPlane, { proxy, listen: addressOf(topobind.extender) });
		await api.waitFor(paths(namespace).pod(name), isRunning);
		await expectWhole(name);
	});
});

describe.concurrent('asked to end', () => {
	/** A bind that is held at its first write, by a topobind of its own. */
	async function held(name: string) {
		const proxy = await ApiProxy.start(controlPlane.info);
		const topobind = await startServing(controlPlane, { proxy });
		const gate = Promise.withResolvers<undefined>();
		proxy.rule = ({ kind }) => (kind === 'write' ? { before: () => gate.promise } : undefined);
		const asked = await create(name, 'nobody');
		await untilPassed(topobind.extender, asked, NODES);
		const bind = callBind(topobind.extender, asked, NODES[0] as string);
		await proxy.untilCalls((calls) => calls.some(({ kind }) => kind === 'write'));
		return { proxy, topobind, gate, bind, asked };
	}

	test('it takes no new binds, and ends when the running one has ended', async ({ expect }) => {
		const { proxy, topobind, gate, bind } = await held('ended');
		const other = await api.create(pod({ namespace, name: 'ended-other', schedulerName: 'nobody' }));
		const ended = topobind.stop();
		// The signal is on its way: until it has arrived a bind would be held like the first.
		await expect.poll(async () => (await topobind.log()).some(({ msg }) => msg === 'shutting down')).toBe(true);
		expect(await callBind(topobind.extender, other, NODES[0] as string)).toBe('topobind is shutting down');
		gate.resolve(undefined);
		expect(await bind).toBe('');
		await ended;
		expect(await topobind.process.exited).toBe('exit code 0');
		await expectWhole('ended');
		await proxy.stop();
	});

	test('what does not end within its grace is handed back, and the next process finishes it', async ({ expect }) => {
		const { proxy, topobind, gate, bind, asked } = await held('handed-back');
		const ended = topobind.stop();
		expect(await bind).toBe('topobind is shutting down');
		await ended;
		expect(await topobind.process.exited).toBe('exit code 0');
		gate.resolve(undefined);
		proxy.rule = undefined;
		const next = await startServing(controlPlane, { proxy });
		expect(await callBind(next.extender, asked, NODES[0] as string)).toBe('');
		await expectWhole('handed-back');
		await next.stop();
		await proxy.stop();
	}, 60_000);
});
