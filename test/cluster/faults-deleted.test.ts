// A pod is deleted while its bind is known to run: the bind ends and says so, its volume is not lost, and the next pod of
// that name, with the same claim, runs.

import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { ApiProxy, type Call, type Fault } from './chaos/api-proxy.ts';
import { type Objects, objectsOf, problemsOf, until } from './chaos/invariants.ts';
import { impatientConfig, startServing } from './chaos/serving.ts';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, classesOf, isBound, isRunning, paths, pod, selectedNode, useControlPlane } from './shared.ts';
import { grantRights, type Topobind } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODE = 'deleted-pod';
const DRIVER = 'deleted-pod.test';
const schedulerName = 'deleted-pod';
const PROVISIONED = 'provisioned';
let namespace: string;
let proxy: ApiProxy;
let topobind: Topobind;

beforeAll(async () => {
	await grantRights(controlPlane);
	await controlPlane.createNode(NODE);
	await controlPlane.startCsiDriver({ name: DRIVER, reach: 'node', nodes: [{ name: NODE }] });
	await api.createAll(classesOf(DRIVER, DRIVER));
	namespace = await api.createNamespace('deleted-pod');
	proxy = await ApiProxy.start(controlPlane.info);
	topobind = await startServing(controlPlane, { proxy });
	await controlPlane.startScheduler({ config: await impatientConfig(topobind.extender), schedulerName });
});
afterAll(async () => {
	await topobind.stop();
	await proxy.stop();
	await controlPlane.deleteNode(NODE);
});

/** What is done to have the bind stop there; what tells that it has; and what lets it go on. */
interface Moment {
	readonly reached: Promise<unknown>;
	readonly letGo: () => void;
	/** It ends before it is let go. */
	readonly endsBefore: boolean;
}

type Place = (name: string) => Moment;

/** At the first such call, before the API server has seen it or when it has carried it out. */
function atCall(when: 'before' | 'after', isIt: (call: Call, name: string) => boolean): Place {
	return (name) => {
		const reached = Promise.withResolvers<void>();
		const gate = Promise.withResolvers<undefined>();
		let first = true;
		proxy.rule = (call): Fault | undefined => {
			if (!first || !isIt(call, name)) return undefined;
			first = false;
			const hold = () => {
				reached.resolve();
				return gate.promise;
			};
			return { [when]: hold };
		};
		return { reached: reached.promise, letGo: () => gate.resolve(undefined), endsBefore: false };
	};
}

const isClaiming = ({ method, path }: Call, name: string) =>
	method === 'PATCH' && path === `/api/v1/persistentvolumes/${name}`;
const isSelecting = ({ method, path }: Call, name: string) =>
	method === 'PATCH' && path === paths(namespace).claim(name);
const isBinding = ({ method, path }: Call, name: string) =>
	method === 'POST' && path === `${paths(namespace).pod(name)}/binding`;

/** topobind has made such a write, and is shown nothing of what came of it. */
function shownNothingAfter(
	isIt: (call: Call, name: string) => boolean,
	isDone: (claim: KubeObject | undefined) => boolean,
): Place {
	return (name) => {
		const watches = proxy.watchesOf('/api/v1/persistentvolumeclaims');
		proxy.rule = (call) => {
			if (isIt(call, name)) for (const watch of watches) watch.hold();
			return undefined;
		};
		const letGo = () => {
			for (const watch of watches) watch.release();
		};
		return { reached: api.waitFor(paths(namespace).claim(name), isDone), letGo, endsBefore: true };
	};
}

const isTold = (object: KubeObject | undefined) => selectedNode(object) === NODE;

test.each<[string, string, Place]>([
	['claiming', 'the write to its volume has not arrived yet', atCall('before', isClaiming)],
	['claimed', 'the answer to the write to its volume has not arrived yet', atCall('after', isClaiming)],
	['waiting', 'its claim is waited for', shownNothingAfter(isClaiming, isBound)],
	[PROVISIONED, 'its volume is waited for', shownNothingAfter(isSelecting, isTold)],
	['binding', 'its Binding has not arrived yet', atCall('before', isBinding)],
])('%s: while %s', async (short, _, place) => {
	const name = `deleted-pod-${short}`;
	const isProvisioned = short === PROVISIONED;
	const storageClass = isProvisioned ? DRIVER : name;
	if (!isProvisioned) await api.createAll([localClass(name), localVolume(name, NODE, name)]);
	await api.create(claim({ namespace, name, storageClass }));
	const asked = pod({ namespace, name, schedulerName, claims: [name] });
	const moment = place(name);
	onTestFinished(() => {
		moment.letGo();
		proxy.rule = undefined;
	});
	const first = await api.create(asked);
	await moment.reached;
	await api.deleteAndWait(paths(namespace).pod(name));
	if (moment.endsBefore) await ended(name);
	const before = await filters(name);
	const second = await api.create(asked);
	expect(second.metadata.uid).not.toBe(first.metadata.uid);
	if (!moment.endsBefore) await untilAsked(name, before + 1);
	moment.letGo();
	if (!moment.endsBefore) await ended(name);
	const running = await api.waitFor(paths(namespace).pod(name), isRunning);
	expect(running?.metadata.uid).toBe(second.metadata.uid);
	const objects = await until(() => ownObjects(name, storageClass), problemsOf, 45_000);
	expect(objects.volumes.length).toBe(1);
});

/** The pod, its claim, and the volumes of its class. */
async function ownObjects(name: string, storageClass: string): Promise<Objects> {
	const all = await objectsOf(api, namespace, [storageClass]);
	const own = ({ metadata }: KubeObject) => metadata.name === name;
	return { ...all, pods: all.pods.filter(own), claims: all.claims.filter(own) };
}

/** Until filter was called so often for pods of this name; what the scheduler asks next is a bind. */
async function untilAsked(name: string, times: number): Promise<void> {
	await vi.waitUntil(async () => (await filters(name)) >= times, PATIENCE);
}

async function filters(name: string): Promise<number> {
	const isFilter = ({ pod: of, verb, msg }: KubeObject) =>
		of === `${namespace}/${name}` && verb === 'filter' && msg === 'answered';
	return (await topobind.log()).filter(isFilter).length;
}

const PATIENCE = { timeout: 30_000, interval: 20 };

/** Until topobind has logged that the bind ended, and why; the only one that did. */
async function ended(name: string): Promise<void> {
	const key = `${namespace}/${name}`;
	const ends = async () => (await topobind.log()).filter((line) => line.pod === key && line.msg === 'not bound');
	await vi.waitUntil(async () => (await ends()).length > 0, PATIENCE);
	expect(await ends()).toEqual([
		expect.objectContaining({
			...{ result: 'ended', node: NODE },
			// The watch may show the one before the other.
			error: expect.stringMatching(/^pod \S+ (no longer exists|is being deleted|is another one by now: .*)$/),
		}),
	]);
}
