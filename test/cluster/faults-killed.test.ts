// topobind is killed before and after every single write of a bind, and started again: the pod ends bound, to volumes
// of one node, and nothing half done is left. Asked to end, it ends what it began.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiProxy, type Fault, type Rule } from './chaos/api-proxy.ts';
import { type Objects, objectsOf, problemsOf, until } from './chaos/invariants.ts';
import { addressOf, callBind, impatientConfig, startServing, untilPassed } from './chaos/serving.ts';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, classesOf, isRunning, paths, pod, useControlPlane } from './shared.ts';
import { grantRights, type Topobind } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = ['killed-0', 'killed-1'];
const DRIVER = 'killed.test';
type Write = readonly [what: string, call: RegExp, nth: number];
/** Every write of a bind of a pod with two local claims and a provisioned one: what it is, and the how manieth of its kind. */
const WRITES: readonly [Write, Write, Write, Write] = [
	['the claim on the first volume', /^PATCH .*\/persistentvolumes\//, 1],
	['the claim on the second volume', /^PATCH .*\/persistentvolumes\//, 2],
	['the selected node', /^PATCH .*\/persistentvolumeclaims\//, 1],
	['the Binding', /^POST .*\/binding$/, 1],
];
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

/** The pod's own, and the volumes that were made for it. */
async function ownObjects(name: string): Promise<Objects> {
	const all = await objectsOf(api, namespace, [name, DRIVER]);
	const isOwn = (each: KubeObject) => each.metadata.name === name || each.metadata.name.startsWith(`${name}-`);
	return {
		pods: all.pods.filter(isOwn),
		claims: all.claims.filter(isOwn),
		volumes: all.volumes.filter((each) => isOwn(each) || each.spec.claimRef?.name === `${name}-c`),
		nodes: all.nodes,
	};
}

/** All claims of the pod are bound, to volumes of its node; of the local ones two are, and two are as they were. */
async function expectWhole(name: string): Promise<void> {
	// A claim's phase is written last: its pod may run before.
	const objects = await until(() => ownObjects(name), problemsOf, 10_000);
	expect(objects.claims.map(({ status }) => status.phase)).toEqual(['Bound', 'Bound', 'Bound']);
	expect(objects.volumes.filter(({ status }) => status.phase === 'Bound').length).toBe(3);
	expect(objects.volumes.filter(({ spec }) => spec.claimRef === undefined).length).toBe(2);
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

	test('undisturbed, a bind makes these writes and no others', async () => {
		const name = 'undisturbed';
		await create(name, schedulerName);
		await api.waitFor(paths(namespace).pod(name), isRunning);
		await expectWhole(name);
		const calls = proxy.writes.map(({ method, path }) => `${method} ${path}`);
		// Not the mark that has a pod tried again, which is no part of a bind.
		const own = calls.filter((call) => call.includes(`/${name}`) && !/^PATCH .*\/pods\//.test(call));
		expect(own).toEqual(WRITES.map(([, what]) => expect.stringMatching(what)));
	});

	const cases = WRITES.flatMap((write) => [['before', ...write] as const, ['after', ...write] as const]);

	/** Resolves when topobind has died of the write; nothing has come of it then, or nothing was told of what came. */
	async function die(moment: 'before' | 'after', write: Write): Promise<void> {
		const killed = Promise.withResolvers<void>();
		const kill = async () => {
			await topobind.process.kill();
			killed.resolve();
			return 'reset' as const;
		};
		proxy.rule = atWrite(write, { [moment]: kill });
		await killed.promise;
		proxy.rule = undefined;
	}

	async function startAgain(): Promise<void> {
		topobind = await startServing(controlPlane, { proxy, listen: addressOf(topobind.extender) });
	}

	test.each(cases)('%s %s', async (moment, ...write) => {
		const name = `${moment}-${write[0].replaceAll(' ', '-')}`.toLowerCase();
		const dead = die(moment, write);
		await create(name, schedulerName);
		await dead;
		await startAgain();
		await api.waitFor(paths(namespace).pod(name), isRunning);
		await expectWhole(name);
	});

	test.each(WRITES)(
		'after %s, and nobody asks for the pod any more: others finish what was written',
		async (...write) => {
			const name = `deserted-after-${write[0].replaceAll(' ', '-')}`.toLowerCase();
			const dead = die('after', write);
			await create(name, schedulerName);
			await dead;
			await api.deleteAndWait(paths(namespace).pod(name));
			// The PV controller looks again after 15 s at the latest.
			await until(() => ownObjects(name), problemsOf, 30_000);
			await startAgain();
		},
	);
});

/** What happens at one write, and at each of its kind from then on. */
function atWrite([, what, nth]: Write, fault: Fault): Rule {
	let left = nth;
	return ({ method, path }) => (what.test(`${method} ${path}`) && --left <= 0 ? fault : undefined);
}

describe.concurrent('asked to end', () => {
	/** A bind that is held at one of its writes, by a topobind of its own. */
	async function held(name: string, write: Write) {
		const proxy = await ApiProxy.start(controlPlane.info);
		const topobind = await startServing(controlPlane, { proxy });
		const gate = Promise.withResolvers<undefined>();
		const isHeld = Promise.withResolvers<void>();
		const hold = () => {
			isHeld.resolve();
			return gate.promise;
		};
		proxy.rule = atWrite(write, { before: hold });
		const asked = await create(name, 'nobody');
		await untilPassed(topobind.extender, asked, NODES);
		const bind = callBind(topobind.extender, asked, NODES[0] as string);
		await isHeld.promise;
		return { proxy, topobind, gate, bind, asked };
	}

	test('it takes no new binds, and ends when the running one has ended', async ({ expect }) => {
		const { proxy, topobind, gate, bind } = await held('ended', WRITES[0]);
		const other = await api.create(pod({ namespace, name: 'ended-other', schedulerName: 'nobody' }));
		const ended = topobind.stop();
		// The signal is on its way: until it has arrived a bind would be held like the first.
		await expect.poll(async () => (await topobind.log()).some(({ msg }) => msg === 'shutting down')).toBe(true);
		expect(await callBind(topobind.extender, other, NODES[0] as string)).toBe('topobind is shutting down');
		gate.resolve(undefined);
		expect(await bind).toBe('');
		await ended;
		expect(await topobind.process.exited).toBe('exit code 0');
		await api.delete(paths(namespace).pod('ended-other'));
		await expectWhole('ended');
		await proxy.stop();
	});

	test('what does not end within its grace is handed back half done, and the next process finishes it', async ({
		expect,
	}) => {
		const { proxy, topobind, gate, bind, asked } = await held('handed-back', WRITES[1]);
		const ended = topobind.stop();
		expect(await bind).toBe('topobind is shutting down');
		await ended;
		expect(await topobind.process.exited).toBe('exit code 0');
		const { claims, pods } = await ownObjects('handed-back');
		expect(claims.filter(({ status }) => status.phase === 'Bound').length).toBe(1);
		expect(pods.map(({ spec }) => spec.nodeName)).toEqual([undefined]);
		// What was on its way arrives late, from a process that is no more.
		gate.resolve(undefined);
		proxy.rule = undefined;
		const next = await startServing(controlPlane, { proxy });
		expect(await callBind(next.extender, asked, NODES[0] as string)).toBe('');
		await expectWhole('handed-back');
		await next.stop();
		await proxy.stop();
	}, 60_000);
});
