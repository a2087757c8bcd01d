// Two replicas of topobind, one of which has not seen what the other did: a pod is not torn between them.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiProxy } from './chaos/api-proxy.ts';
import { objectsOf, problemsOf, tornPods, until } from './chaos/invariants.ts';
import { callBind, startServing, untilPassed } from './chaos/serving.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, isBound, paths, pod, useControlPlane } from './shared.ts';
import { grantRights, type Topobind } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = ['replicas-0', 'replicas-1'] as const;
const CLASS = 'replicas';
const VOLUMES = '/api/v1/persistentvolumes';
const CLAIMS = '/api/v1/persistentvolumeclaims';
let proxies: [ApiProxy, ApiProxy];
let replicas: [Topobind, Topobind];

beforeAll(async () => {
	await grantRights(controlPlane);
	await Promise.all(NODES.map((name) => controlPlane.createNode(name)));
	await api.create(localClass(CLASS));
	proxies = [await ApiProxy.start(controlPlane.info), await ApiProxy.start(controlPlane.info)];
	const [first, second] = proxies;
	replicas = [await startServing(controlPlane, { proxy: first }), await startServing(controlPlane, { proxy: second })];
});
afterAll(async () => {
	await Promise.all(replicas.map((replica) => replica.stop()));
	await Promise.all(proxies.map((proxy) => proxy.stop()));
	for (const name of NODES) await controlPlane.deleteNode(name);
});

const isClaiming = ({ method, path }: { method: string; path: string }) =>
	method === 'PATCH' && path.startsWith(VOLUMES);

test('a bind ends halfway on one node; the replica that has not seen it is asked for another node', async () => {
	const namespace = await api.createNamespace('replicas');
	const nameOf = (node: string, i: number) => `volume-${node}-${i}`;
	for (const node of NODES) for (const i of [0, 1]) await api.create(localVolume(nameOf(node, i), node, CLASS));
	const claims = ['a', 'b'];
	for (const name of claims) await api.create(claim({ namespace, name, storageClass: CLASS }));
	const asked = await api.create(pod({ namespace, name: 'app', schedulerName: 'nobody', claims }));
	for (const { extender } of replicas) await untilPassed(extender, asked, NODES);
	const [first, second] = replicas;
	const look = () => objectsOf(api, namespace, [CLASS]);

	const blind = [...proxies[1].watchesOf(VOLUMES), ...proxies[1].watchesOf(CLAIMS)];
	for (const watch of blind) watch.hold();
	// The second volume vanishes as it is to be claimed.
	proxies[0].rule = (call) =>
		isClaiming(call) && proxies[0].writes.filter(isClaiming).length > 1
			? { before: () => api.deleteAndWait(call.path).then(() => undefined) }
			: undefined;
	expect(await callBind(first.extender, asked, NODES[0])).toMatch(/finds no available volume/);
	await api.waitForList(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`, (all) => all.some(isBound));

	const elsewhere = callBind(second.extender, asked, NODES[1]);
	await proxies[1].untilCalls((calls) => calls.some(isClaiming));
	for (const watch of blind) watch.release();
	expect(await elsewhere).not.toBe('');
	// The PV controller hands back at its resync what the second replica claimed.
	const { claims: held } = await until(look, (objects) => [...problemsOf(objects), ...tornPods(objects)], 30_000);
	expect(held.filter(isBound).length).toBe(1);

	await api.create(localVolume(nameOf(NODES[0], 2), NODES[0], CLASS));
	await untilPassed(second.extender, asked, [NODES[0]]);
	expect(await callBind(second.extender, asked, NODES[0])).toBe('');
	expect((await api.get(paths(namespace).pod('app'))).spec.nodeName).toBe(NODES[0]);
	await until(look, problemsOf, 10_000);
}, 60_000);
