// Many pods, few volumes: who gets one keeps it, nobody gets another's, and none is lost.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiProxy } from './chaos/api-proxy.ts';
import { claimNames, type Objects, objectsOf, problemsOf, tornPods, until, waitingInVain } from './chaos/invariants.ts';
import { startRoundRobin } from './chaos/round-robin.ts';
import { startServing } from './chaos/serving.ts';
import { type Row, report, Times } from './chaos/times.ts';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, isRunning, paths, pod, useControlPlane } from './shared.ts';
import { grantRights, schedulerConfig } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = Array.from({ length: 20 }, (_, i) => `race-${i}`);
const PODS = 200;
const VOLUMES = 60;
/**
 * Volumes that are added later are taken within seconds; a busy machine takes longer, and kube-scheduler's own next try is
 * five minutes away.
 */
const LATE_MS = 20_000;
const rows: Row[] = [];

beforeAll(async () => {
	await grantRights(controlPlane);
	await Promise.all(NODES.map((name) => controlPlane.createNode(name)));
});
afterAll(async () => {
	report(rows);
	await Promise.all(NODES.map((name) => controlPlane.deleteNode(name)));
});

/** A scheduler of its own with so many replicas of topobind, or with VolumeBinding where there are none. */
async function startScheduler(name: string, replicas: number): Promise<() => Promise<void>> {
	if (replicas === 0) {
		const stock = await controlPlane.startScheduler({ schedulerName: name });
		return () => stock.stop();
	}
	const proxy = await ApiProxy.start(controlPlane.info);
	// The second sees everything late: what it decides is often decided already.
	proxy.lagMs = 500;
	const topobinds = await Promise.all(
		Array.from({ length: replicas }, (_, i) => startServing(controlPlane, i === 0 ? {} : { proxy })),
	);
	const front = await startRoundRobin(topobinds.map(({ extender }) => extender));
	const config = await schedulerConfig('delegate', front.url);
	const scheduler = await controlPlane.startScheduler({ config, schedulerName: name });
	return async () => {
		await scheduler.stop();
		await Promise.all(topobinds.map((topobind) => topobind.stop()));
		await front.close();
		await proxy.stop();
	};
}

/** A namespace and a class of the test's own, and volumes spread over the nodes. */
async function arena(name: string, volumes: number): Promise<{ namespace: string; storageClass: string }> {
	const namespace = await api.createNamespace(name);
	await api.create(localClass(name));
	await Promise.all(
		Array.from({ length: volumes }, (_, i) => api.create(localVolume(`${name}-${i}`, nodeOf(i), name))),
	);
	return { namespace, storageClass: name };
}

const nodeOf = (i: number) => NODES[i % NODES.length] as string;
const podsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;

/** Leaves nothing for the next test to trip over. */
async function clear(namespace: string, storageClass: string): Promise<void> {
	await api.delete(podsOf(namespace));
	await api.delete(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`);
	await api.waitForList(podsOf(namespace), (pods) => pods.length === 0);
	const { items } = await api.list('/api/v1/persistentvolumes');
	const own = items.filter(({ spec }) => spec.storageClassName === storageClass);
	await Promise.all(own.map(({ metadata }) => api.delete(`/api/v1/persistentvolumes/${metadata.name}`)));
}

/** Gives the pods; says which do not run, and why not, where they never all do. */
async function untilAllRun(namespace: string, count: number): Promise<KubeObject[]> {
	let last: KubeObject[] = [];
	const all = (pods: KubeObject[]) => {
		last = pods;
		return pods.length === count && pods.every(isRunning);
	};
	// Twice the PV controller's resync, each time with the scheduler's longest pause after it, and a busy machine.
	return api.waitForList(podsOf(namespace), all, 100_000).catch(() => {
		const waiting = last.filter((each) => !isRunning(each));
		const lines = waiting.map(({ metadata, spec, status }) => {
			const condition = status.conditions?.find(({ type }: KubeObject) => type === 'PodScheduled');
			return `${metadata.name} on ${spec.nodeName ?? 'no node'}: ${condition?.reason} ${condition?.message}`;
		});
		throw new Error(`${last.length} pods, of which ${waiting.length} do not run:\n${lines.join('\n')}`);
	});
}

/** Until every invariant holds; then they are the objects for which it does. */
async function untilSound(
	namespace: string,
	storageClass: string,
	further: (objects: Objects) => string[] = () => [],
): Promise<Objects> {
	return until(
		() => objectsOf(api, namespace, [storageClass]),
		(objects) => [...problemsOf(objects), ...further(objects)],
		// The PV controller's resync, and the scheduler's turn after it.
		60_000,
	);
}

const REASON = /finds no available volume of class/;
function isRefused({ status }: KubeObject): boolean {
	const condition = status?.conditions?.find(({ type }: KubeObject) => type === 'PodScheduled');
	return condition?.status === 'False' && condition.reason === 'Unschedulable' && REASON.test(condition.message);
}

const isPlaced = ({ spec }: KubeObject) => spec.nodeName !== undefined;

describe.each([
	['topobind', 1],
	['two replicas of topobind, in turn, one of them late', 2],
	['stock kube-scheduler with VolumeBinding', 0],
])('%s', (what, replicas) => {
	const schedulerName = `racer-${replicas}`;
	let stop: () => Promise<void>;
	beforeAll(async () => {
		stop = await startScheduler(schedulerName, replicas);
		return () => stop();
	});

	test.each([1, 2, 3])(
		`${PODS} pods for ${VOLUMES} volumes at once, round %i`,
		async (round) => {
			const { namespace, storageClass } = await arena(`race-${replicas}-${round}`, VOLUMES);
			const times = new Times();
			await Promise.all(
				Array.from({ length: PODS }, async (_, i) => {
					await api.create(claim({ namespace, name: `data-${i}`, storageClass }));
					times.created(`pod-${i}`);
					await api.create(pod({ namespace, name: `pod-${i}`, schedulerName, claims: [`data-${i}`] }));
				}),
			);
			const settled = (each: KubeObject) => isRunning(each) || isRefused(each);
			const pods = await api.waitForList(
				podsOf(namespace),
				(all) => {
					times.look(all);
					if (replicas === 0) return all.filter(isRunning).length === VOLUMES;
					// Also a pod that is being bound may have been refused before.
					return all.length === PODS && all.every(settled) && all.filter(isRunning).length >= VOLUMES;
				},
				120_000,
			);
			rows.push({ what: `${what}, round ${round}`, ...times.summary });

			expect(pods.filter(isRunning).length).toBe(VOLUMES);
			const objects = await untilSound(namespace, storageClass);
			expect(objects.volumes.filter(({ status }) => status.phase === 'Bound').length).toBe(VOLUMES);
			const used = new Set(pods.filter(isRunning).flatMap(claimNames));
			for (const { spec } of objects.volumes) expect(used).toContain(spec.claimRef.name);

			if (round === 1 && replicas > 0) {
				const late = Array.from({ length: 5 }, (_, i) =>
					localVolume(`${storageClass}-late-${i}`, nodeOf(i), storageClass),
				);
				await Promise.all(late.map((volume) => api.create(volume)));
				await api.waitForList(
					podsOf(namespace),
					(all) => all.filter(isRunning).length === VOLUMES + late.length,
					LATE_MS,
				);
				await untilSound(namespace, storageClass);
			}
			await clear(namespace, storageClass);
		},
		180_000,
	);

	// kube-scheduler's own VolumeBinding is the control of the race above.
	if (replicas === 0) return;

	test('pods with one to three claims compete: no volume is left where a waiting pod fits', async () => {
		const { namespace, storageClass } = await arena(`many-${replicas}`, VOLUMES);
		await Promise.all(
			Array.from({ length: 45 }, async (_, i) => {
				const claims = Array.from({ length: 1 + (i % 3) }, (_, at) => `data-${i}-${at}`);
				await Promise.all(claims.map((name) => api.create(claim({ namespace, name, storageClass }))));
				await api.create(pod({ namespace, name: `pod-${i}`, schedulerName, claims }));
			}),
		);
		await api.waitForList(
			podsOf(namespace),
			(all) => all.length === 45 && all.every((each) => isRunning(each) || isRefused(each)),
			90_000,
		);
		const objects = await untilSound(namespace, storageClass, waitingInVain);
		const waiting = objects.pods.filter((each) => !isPlaced(each));
		expect(waiting.length).toBeGreaterThan(0);
		expect(tornPods(objects)).toEqual([]);
		// One replica takes all volumes of a pod, or none.
		const bound = objects.claims.filter(({ spec }) => spec.volumeName).map(({ metadata }) => metadata.name);
		if (replicas === 1) expect(waiting.flatMap(claimNames).filter((name) => bound.includes(name))).toEqual([]);
		await clear(namespace, storageClass);
	}, 180_000);

	test('pairs of pods share a claim: all run, each pair where its volume is', async () => {
		const { namespace, storageClass } = await arena(`pairs-${replicas}`, 20);
		await Promise.all(
			Array.from({ length: 20 }, async (_, i) => {
				await api.create(claim({ namespace, name: `data-${i}`, storageClass }));
				await Promise.all(
					['a', 'b'].map((each) =>
						api.create(pod({ namespace, name: `${each}-${i}`, schedulerName, claims: [`data-${i}`] })),
					),
				);
			}),
		);
		await untilAllRun(namespace, 40);
		await untilSound(namespace, storageClass);
		await clear(namespace, storageClass);
	}, 180_000);

	test('pods are deleted and created while binds run: all run in the end, no volume is lost', async () => {
		const { namespace, storageClass } = await arena(`churn-${replicas}`, 30);
		await Promise.all(
			Array.from({ length: 30 }, async (_, i) => {
				const name = `pod-${i}`;
				const asked = (of: string) => pod({ namespace, name: of, schedulerName, claims: [`data-${i}`] });
				await api.create(claim({ namespace, name: `data-${i}`, storageClass }));
				await api.create(asked(name));
				// Some as soon as they are there, some as they run; faults-deleted chooses the moment of the bind.
				if (i % 3 === 0) return;
				if (i % 3 === 1) await api.waitFor(paths(namespace).pod(name), (now) => now !== undefined && isPlaced(now));
				await api.deleteAndWait(paths(namespace).pod(name));
				// By another name: what plays the kubelets may delete a pod by its name once more.
				await api.create(asked(`${name}-again`));
			}),
		);
		await untilAllRun(namespace, 30);
		const objects = await untilSound(namespace, storageClass);
		expect(objects.volumes.every(({ status }) => status.phase === 'Bound')).toBe(true);
		await clear(namespace, storageClass);
	}, 180_000);

	test('a StatefulSet whose volumes only just suffice', async () => {
		const { namespace, storageClass } = await arena(`set-${replicas}`, NODES.length);
		const labels = { app: 'set' };
		const template = pod({ namespace, name: 'unused', schedulerName });
		await api.create({
			apiVersion: 'apps/v1',
			kind: 'StatefulSet',
			metadata: { namespace, name: 'set' },
			spec: {
				replicas: NODES.length,
				podManagementPolicy: 'Parallel',
				serviceName: 'set',
				selector: { matchLabels: labels },
				template: { metadata: { labels }, spec: { ...template.spec, volumes: [] } },
				volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claim({ namespace, name: '', storageClass }).spec }],
			},
		});
		const pods = await untilAllRun(namespace, NODES.length);
		expect(new Set(pods.map(({ spec }) => spec.nodeName)).size).toBe(NODES.length);
		await untilSound(namespace, storageClass);
		await api.delete(`/apis/apps/v1/namespaces/${namespace}/statefulsets/set`);
		await clear(namespace, storageClass);
	}, 180_000);
});
