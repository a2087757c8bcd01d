// Each call of a bind goes wrong in each way: the pod ends bound all the same, and nothing is written twice.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Binder } from '../../src/binder/binder.ts';
import { retryTransient } from '../../src/binder/retry.ts';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { connectKubernetes } from '../../src/cluster/kubernetes.ts';
import type { PodMarker } from '../../src/cluster/writer.ts';
import { ApiProxy, type Call, type Fault } from './chaos/api-proxy.ts';
import { untilEqual } from './chaos/cache.ts';
import { FAULTS, nameOf } from './chaos/faults.ts';
import { objectsOf, problemsOf, until } from './chaos/invariants.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, classesOf, isBound, paths, pod, selectedNode, useControlPlane } from './shared.ts';
import { grantRights } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODE = 'faults-writes';
const DRIVER = 'faults-writes.test';
let proxy: ApiProxy;
let cluster: Cluster;
let binder: Binder;
let namespace: string;
/** Per path: what happens to the next calls. */
const scripts = new Map<string, Fault[]>();

beforeAll(async () => {
	await grantRights(controlPlane);
	await controlPlane.createNode(NODE);
	await controlPlane.startCsiDriver({ name: DRIVER, reach: 'node', nodes: [{ name: NODE }] });
	await api.createAll(classesOf(DRIVER, DRIVER));
	namespace = await api.createNamespace('faults-writes');
	proxy = await ApiProxy.start(controlPlane.info);
	proxy.rule = ({ method, path }) => scripts.get(`${method} ${path}`)?.shift();
	cluster = await connectKubernetes({ kubeconfig: proxy.kubeconfig });
	await cluster.whenSynced;
	binder = new Binder(cluster.state, cluster.writer, { timeoutMs: 60_000 });
});
afterAll(async () => {
	await binder.stop(0);
	await cluster.stop();
	await proxy.stop();
	await controlPlane.deleteNode(NODE);
});

const CALLS = {
	'claiming a volume': ['PATCH', (name: string) => `/api/v1/persistentvolumes/${name}`],
	'selecting a node': ['PATCH', (name: string) => paths(namespace).claim(name)],
	'binding the pod': ['POST', (name: string) => `${paths(namespace).pod(name)}/binding`],
	'reading the pod': ['GET', (name: string) => paths(namespace).pod(name)],
	'reading a bound claim': ['GET', (name: string) => paths(namespace).claim(name)],
} as const;

type Storage = 'by hand' | 'provisioned' | 'bound before';
/** Of the pod whose bind makes the call. */
const STORAGE: Readonly<Record<string, Storage>> = {
	'selecting a node': 'provisioned',
	'reading a bound claim': 'bound before',
};

/** A pod with a claim, and for all but provisioned ones the one volume that fits. Gives the pod's UID, seen by topobind. */
async function create(name: string, storage: Storage): Promise<string> {
	const storageClass = storage === 'provisioned' ? DRIVER : name;
	if (storage !== 'provisioned') await api.createAll([localClass(name), localVolume(name, NODE, name)]);
	const asked = claim({ namespace, name, storageClass });
	// One that names its volume is bound by the PV controller.
	await api.create(storage === 'bound before' ? { ...asked, spec: { ...asked.spec, volumeName: name } } : asked);
	const created = await api.create(pod({ namespace, name, schedulerName: 'nobody', claims: [name] }));
	const { uid } = created.metadata;
	// topobind judges by what it has seen.
	const { state } = cluster;
	const isSeen = () => state.claim(namespace, name) && state.pod(namespace, name) && state.storageClass(storageClass);
	const hasVolume = () => {
		if (storage === 'bound before') return state.claim(namespace, name)?.phase === 'Bound';
		return storage === 'provisioned' || state.volume(name)?.phase === 'Available';
	};
	await untilSeen(() => isSeen() !== undefined && hasVolume());
	return uid;
}

/** A pod without claims. */
async function createFree(name: string): Promise<string> {
	const created = await api.create(pod({ namespace, name, schedulerName: 'nobody' }));
	await untilSeen(() => cluster.state.pod(namespace, name) !== undefined);
	return created.metadata.uid;
}

async function untilSeen(condition: () => boolean): Promise<void> {
	const seen = Promise.withResolvers<void>();
	const unsubscribe = cluster.state.subscribe(() => condition() && seen.resolve());
	if (condition()) seen.resolve();
	await seen.promise.finally(unsubscribe);
}

const cases = Object.keys(CALLS).flatMap((call) => Object.keys(FAULTS).map((fault) => [call, fault] as const));

describe.concurrent('one call goes wrong', () => {
	test.for(cases)('%s meets %s', async ([call, fault], { expect }) => {
		const name = nameOf(call, fault);
		const [method, pathOf] = CALLS[call as keyof typeof CALLS];
		const script = [FAULTS[fault] as Fault];
		scripts.set(`${method} ${pathOf(name)}`, script);
		// The pod is read only where its Binding conflicts.
		if (call === 'reading the pod') scripts.set(`POST ${CALLS['binding the pod'][1](name)}`, [{ after: 'reset' }]);
		const uid = await create(name, STORAGE[call] ?? 'by hand');
		const target = { namespace, name, uid, node: NODE };
		const first = await binder.bind(target).then(
			() => 'bound',
			({ message }) => message,
		);
		// That a pod cannot be bound is told; kube-scheduler then tries again.
		const isTold = fault === '409' && !['claiming a volume', 'selecting a node'].includes(call);
		expect(first).toBe(isTold ? 'scripted 409' : 'bound');
		if (isTold) await binder.bind(target);
		expect(script).toEqual([]);
		expect((await api.get(paths(namespace).pod(name))).spec.nodeName).toBe(NODE);
		const { metadata, spec } = await api.get(paths(namespace).claim(name));
		expect((await api.get(`/api/v1/persistentvolumes/${spec.volumeName}`)).spec.claimRef.uid).toBe(metadata.uid);
	});
});

describe('the API server goes away for a moment', () => {
	const moments = Object.keys(CALLS).flatMap((call) => [['before', call] as const, ['after', call] as const]);

	test.each(moments)('%s it has carried out %s', async (moment, call) => {
		const name = `away-${moment}-${call.replaceAll(' ', '-')}`;
		const [method, pathOf] = CALLS[call as keyof typeof CALLS];
		const goAway = async () => {
			await proxy.down();
			setTimeout(() => void proxy.up(), 700);
			return 'reset' as const;
		};
		const script: Fault[] = [{ [moment]: goAway }];
		scripts.set(`${method} ${pathOf(name)}`, script);
		if (call === 'reading the pod') scripts.set(`POST ${CALLS['binding the pod'][1](name)}`, [{ after: 'reset' }]);
		const uid = await create(name, STORAGE[call] ?? 'by hand');
		const target = { namespace, name, uid, node: NODE };
		await binder.bind(target).catch(async ({ message }) => {
			// Watches come back one by one: in between a claim may name a volume that is not seen yet.
			expect(message).toMatch(/is bound to volume .*, which does not exist/);
			await untilEqual(cluster, api);
			await binder.bind(target);
		});
		expect(script).toEqual([]);
		expect((await api.get(paths(namespace).pod(name))).spec.nodeName).toBe(NODE);
	});
});

describe.concurrent('marking a pod, so that it is tried again', () => {
	test.for(Object.keys(FAULTS))('meets %s', async (fault, { expect }) => {
		const name = nameOf('marking', fault);
		const created = await api.create(pod({ namespace, name, schedulerName: 'nobody' }));
		const script = [FAULTS[fault] as Fault];
		scripts.set(`PATCH ${paths(namespace).pod(name)}`, script);
		const { uid } = created.metadata;
		const mark = () => (cluster.marker as PodMarker).markPod({ namespace, name, uid }, 'now');
		const marked = retryTransient(mark, AbortSignal.timeout(60_000));
		// It carries no version: it is another pod by now.
		if (fault === '409') {
			await expect(marked).rejects.toMatchObject({ failure: 'conflict', message: 'scripted 409' });
			await mark();
		} else await marked;
		expect(script).toEqual([]);
		expect((await api.get(paths(namespace).pod(name))).metadata.annotations['topobind.dev/try-again']).toBe('now');
	});
});

describe('somebody else was quicker, and the watch has not shown it', () => {
	/** The bind meets a conflict that nobody scripted, and only then sees why. Gives what it was told. */
	async function bindUnseen(name: string, uid: string, collection: string, change: () => Promise<unknown>) {
		const held = proxy.watchesOf(collection);
		for (const watch of held) watch.hold();
		await change();
		const written = proxy.writes.length;
		const told = binder.bind({ namespace, name, uid, node: NODE }).then(
			() => 'bound',
			({ message }) => message,
		);
		await proxy.untilCalls(() => proxy.writes.length > written);
		for (const watch of held) watch.release();
		return told;
	}

	test('a volume that another claim has got is not taken from it', async () => {
		const uid = await create('late', 'by hand');
		const quicker = await api.create(claim({ namespace, name: 'quicker', storageClass: 'late' }));
		const claimRef = { namespace, name: 'quicker', uid: quicker.metadata.uid };
		const volume = '/api/v1/persistentvolumes/late';
		const told = await bindUnseen('late', uid, '/api/v1/persistentvolumes', () =>
			api.patch(volume, { spec: { claimRef } }),
		);
		expect(told).toMatch(/finds no available volume/);
		expect((await api.get(volume)).spec.claimRef.name).toBe('quicker');
		await api.waitFor(paths(namespace).claim('quicker'), isBound);
		await api.delete(paths(namespace).pod('late'));
		await api.deleteAndWait(paths(namespace).claim('late'));
	});

	test('a claim that was told another node is not told this one', async () => {
		const uid = await create('told', 'provisioned');
		const path = paths(namespace).claim('told');
		const annotations = { 'volume.kubernetes.io/selected-node': 'elsewhere' };
		const told = await bindUnseen('told', uid, '/api/v1/persistentvolumeclaims', () =>
			api.patch(path, { metadata: { annotations } }),
		);
		expect(told).toMatch(/already being provisioned for another node/);
		expect(selectedNode(await api.get(path))).toBe('elsewhere');
		await api.delete(paths(namespace).pod('told'));
		await api.deleteAndWait(path);
	});

	test('a claim that was made anew is not taken for the bound one that it was', async () => {
		const first = await create('remade', 'by hand');
		await binder.bind({ namespace, name: 'remade', uid: first, node: NODE });
		await api.deleteAndWait(paths(namespace).pod('remade'));
		const again = pod({ namespace, name: 'remade-again', schedulerName: 'nobody', claims: ['remade'] });
		const { uid } = (await api.create(again)).metadata;
		await untilSeen(() => cluster.state.pod(namespace, 'remade-again') !== undefined);

		const path = paths(namespace).claim('remade');
		const [watch] = proxy.watchesOf('/api/v1/persistentvolumeclaims');
		watch?.hold();
		await api.deleteAndWait(path);
		await api.create(claim({ namespace, name: 'remade', storageClass: 'remade' }));
		const target = { namespace, name: 'remade-again', uid, node: NODE };
		const isAbout = (of: string) => (call: Call) => call.path === of;
		const told = binder.bind(target).catch(({ message }) => message);
		await proxy.untilCalls((calls) => calls.some(isAbout(path)));
		// Another bind goes all its way meanwhile: this one has had the time for it.
		await binder.bind({ namespace, name: 'other', uid: await createFree('other'), node: NODE });
		expect(proxy.writes.filter(isAbout(`${paths(namespace).pod('remade-again')}/binding`))).toEqual([]);
		watch?.release();
		// What was its volume keeps its data, and serves nobody.
		expect(await told).toMatch(/claim remade finds no available volume/);

		await api.create(localVolume('remade-2', NODE, 'remade'));
		await untilSeen(() => cluster.state.volume('remade-2')?.phase === 'Available');
		await binder.bind(target);
		expect((await api.get(path)).spec.volumeName).toBe('remade-2');
		await api.deleteAndWait('/api/v1/persistentvolumes/remade');
	});
});

test('what is refused is told as the API server said it, and is not tried again', async () => {
	const uid = await create('forbidden', 'by hand');
	const script: Fault[] = [{ before: { status: 403, reason: 'Forbidden' } }];
	scripts.set('PATCH /api/v1/persistentvolumes/forbidden', script);
	const target = { namespace, name: 'forbidden', uid, node: NODE };
	await expect(binder.bind(target)).rejects.toMatchObject({ result: 'failed', message: 'scripted 403' });
	expect((await api.get('/api/v1/persistentvolumes/forbidden')).spec.claimRef).toBeUndefined();
	await binder.bind(target);
});

test("afterwards nothing is assumed, the cache is the API server's, and nothing is half done", async () => {
	await untilEqual(cluster, api);
	expect(cluster.state.assumed).toBe(0);
	const { items } = await api.list('/apis/storage.k8s.io/v1/storageclasses');
	const classes = items.map(({ metadata }) => metadata.name);
	const look = async () => {
		const objects = await objectsOf(api, namespace, classes);
		return { ...objects, volumes: objects.volumes.filter(({ spec }) => spec.claimRef?.namespace === namespace) };
	};
	// A claim's phase is written last: its pod may be bound before.
	const { volumes, claims } = await until(look, problemsOf, 10_000);
	expect(volumes.length).toBe(claims.length);
});
