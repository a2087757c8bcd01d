// kube-scheduler gives up on a bind that still runs, asks again, or asks for something else meanwhile.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiProxy } from './chaos/api-proxy.ts';
import { objectsOf, problemsOf, until } from './chaos/invariants.ts';
import { type FrontEnd, type FrontObserver, startRoundRobin } from './chaos/round-robin.ts';
import { callBind, impatientConfig, startServing, untilPassed } from './chaos/serving.ts';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, isRunning, paths, pod, useControlPlane } from './shared.ts';
import { grantRights, type Topobind } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = ['asked-0', 'asked-1'] as const;
let namespace: string;
let proxy: ApiProxy;
let topobind: Topobind;

beforeAll(async () => {
	await grantRights(controlPlane);
	await Promise.all(NODES.map((name) => controlPlane.createNode(name)));
	namespace = await api.createNamespace('asked');
	proxy = await ApiProxy.start(controlPlane.info);
	topobind = await startServing(controlPlane, { proxy });
});
afterAll(async () => {
	await topobind.stop();
	await proxy.stop();
	for (const name of NODES) await controlPlane.deleteNode(name);
});

/**
 * A pod, its claim, and a volume on each node, which topobind has seen before anybody can ask about the pod; the first
 * write of its bind waits until `open`.
 */
async function held(name: string, schedulerName: string) {
	await api.createAll([localClass(name), ...NODES.map((node) => localVolume(`${name}-${node}`, node, name))]);
	const gate = Promise.withResolvers<undefined>();
	const writes = () => proxy.writes.filter(({ path }) => path.includes(`/${name}`));
	proxy.rule = ({ kind }) => (kind === 'write' ? { before: () => gate.promise } : undefined);
	await api.create(claim({ namespace, name, storageClass: name }));
	const its = pod({ namespace, name, schedulerName, claims: [name] });
	await untilPassed(topobind.extender, its, NODES);
	const asked = await api.create(its);
	return { asked, writes, open: () => gate.resolve(undefined) };
}

async function expectWhole(name: string): Promise<void> {
	const own = ({ metadata }: KubeObject) => metadata.name === name;
	const look = async () => {
		const objects = await objectsOf(api, namespace, [name]);
		return { ...objects, pods: objects.pods.filter(own), claims: objects.claims.filter(own) };
	};
	// A claim's phase is written last: its pod may run before.
	const objects = await until(look, problemsOf, 10_000);
	expect(objects.volumes.map(({ status }) => status.phase).sort()).toEqual(['Available', 'Bound']);
}

/** One volume claimed, one pod bound, each by one write. */
const ONCE = [expect.objectContaining({ method: 'PATCH' }), expect.objectContaining({ method: 'POST' })];

test('its httpTimeout strikes during a bind: the call that it makes again joins the one that runs', async () => {
	const asked = Promise.withResolvers<void>();
	const broken = Promise.withResolvers<FrontEnd>();
	let binds = 0;
	const onCall = (verb: string) => {
		if (verb === 'bind' && ++binds === 2) asked.resolve();
	};
	const observe: FrontObserver = ({ verb }) => (verb === 'bind' ? broken.resolve : () => {});
	const front = await startRoundRobin([topobind.extender], onCall, observe, 'passed on');
	const scheduler = await controlPlane.startScheduler({
		config: await impatientConfig(front.url, '2s'),
		schedulerName: 'hurried',
	});
	const { writes, open } = await held('joined', 'hurried');
	await api.waitForEvent(
		{ namespace, kind: 'Pod', name: 'joined' },
		({ reason, message }) => reason === 'FailedScheduling' && /Client.Timeout|deadline exceeded/.test(message),
	);
	expect(String((await broken.promise).error)).toMatch(/its client has gone/);
	await asked.promise;
	open();
	await api.waitFor(paths(namespace).pod('joined'), isRunning);
	expect(writes()).toEqual(ONCE);
	const isEnd = ({ msg, pod: of }: KubeObject) => msg === 'bound' && of === `${namespace}/joined`;
	// The pod may run before topobind is told that it is bound.
	await expect.poll(async () => (await topobind.log()).filter(isEnd).length).toBe(1);
	await expectWhole('joined');
	await scheduler.stop();
	await front.close();
});

test('its connection breaks during a bind, and nobody asks again: the bind goes on', async () => {
	const { asked, writes, open } = await held('left', 'nobody');
	const gone = new AbortController();
	const bind = callBind(topobind.extender, asked, NODES[0], gone.signal);
	await proxy.untilCalls(() => writes().length === 1);
	gone.abort();
	await expect(bind).rejects.toThrow(/abort/);
	// What topobind answers now it answers after it has seen that.
	await untilPassed(topobind.extender, asked, [NODES[0]]);
	open();
	const running = await api.waitFor(paths(namespace).pod('left'), isRunning);
	expect(running?.spec.nodeName).toBe(NODES[0]);
	expect(writes()).toEqual(ONCE);
	await expectWhole('left');
});

test('twenty times the same bind at once is one bind; for another node it is refused meanwhile', async () => {
	const { asked, writes, open } = await held('twenty', 'nobody');
	const binds = Array.from({ length: 20 }, () => callBind(topobind.extender, asked, NODES[0]));
	await proxy.untilCalls(() => writes().length === 1);
	expect(await callBind(topobind.extender, asked, NODES[1])).toBe('the pod is being bound to another node');
	open();
	expect(new Set(await Promise.all(binds))).toEqual(new Set(['']));
	expect(writes()).toEqual(ONCE);
	await expectWhole('twenty');
	expect((await api.get(paths(namespace).pod('twenty'))).spec.nodeName).toBe(NODES[0]);
});
