// Many pods at once: each runs where its volumes are reachable, told by the API server and not by topobind.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, classesOf, isRunning, pod, useControlPlane } from './shared.ts';
import { type Mode, type Scheduling, startScheduling } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = Array.from({ length: 10 }, (_, i) => ({ name: `load-${i}`, zone: `zone-${i % 3}` }));
const PODS = 50;

beforeAll(async () => {
	await Promise.all(
		NODES.map(({ name, zone }) => controlPlane.createNode(name, { labels: { 'topology.kubernetes.io/zone': zone } })),
	);
});
afterAll(async () => {
	for (const { name } of NODES) await controlPlane.deleteNode(name);
});

/** What a pod mounts, by its number: nothing, a local volume, a zonal disk, both, or two local volumes. */
const KINDS = ['none', 'local', 'disk', 'both', 'two-local'] as const;
const kindOf = (i: number) => KINDS[i % KINDS.length] as (typeof KINDS)[number];
const CLAIMS: Readonly<Record<(typeof KINDS)[number], readonly ('local' | 'disk')[]>> = {
	none: [],
	local: ['local'],
	disk: ['disk'],
	both: ['local', 'disk'],
	'two-local': ['local', 'local'],
};

describe.each<Mode>(['companion', 'delegate'])('%s mode: 50 pods with mixed claims at once on 10 nodes', (mode) => {
	let scheduling: Scheduling;
	let namespace: string;
	const local = `load-local-${mode}`;
	const disk = `load-disk-${mode}.test`;

	beforeAll(async () => {
		scheduling = await startScheduling(controlPlane, { mode });
		namespace = await api.createNamespace(`load-${mode}`);
		const csi = await controlPlane.startCsiDriver({
			name: disk,
			reach: 'zone',
			nodes: NODES.map(({ name, zone }) => ({ name, zone, topology: { 'topology.kubernetes.io/zone': zone } })),
		});
		await api.createAll([localClass(local), ...classesOf(disk, disk)]);
		// As many as are asked for and half again, since a pod with two claims needs both on one node.
		await api.createAll(
			NODES.flatMap(({ name }) => [0, 1, 2, 3, 4, 5].map((i) => localVolume(`${mode}-${name}-${i}`, name, local))),
		);
		return async () => {
			await csi.stop();
			await scheduling.scheduler.stop();
			await scheduling.topobind.stop();
		};
	});

	test('all run, each where its volumes are; no volume is claimed twice; pods without claims are untouched', async () => {
		const objects = Array.from({ length: PODS }, (_, i) => {
			const claims = CLAIMS[kindOf(i)].map((kind, at) => ({
				name: `data-${i}-${at}`,
				storageClass: kind === 'local' ? local : disk,
			}));
			const { schedulerName } = scheduling;
			return [
				...claims.map(({ name, storageClass }) => claim({ namespace, name, storageClass })),
				pod({ namespace, name: `pod-${i}`, schedulerName, claims: claims.map(({ name }) => name) }),
			];
		}).flat();
		await Promise.all(objects.map((object) => api.create(object)));
		const pods = await api.waitForList(
			`/api/v1/namespaces/${namespace}/pods`,
			(all) => all.length === PODS && all.every(isRunning),
			120_000,
		);

		const nodes = byName((await api.list('/api/v1/nodes')).items);
		const volumes = byName((await api.list('/api/v1/persistentvolumes')).items);
		const claims = byName((await api.list(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`)).items);
		const used = new Set<string>();
		for (const each of pods) {
			for (const { persistentVolumeClaim } of (each.spec.volumes ?? []).filter(
				(v: KubeObject) => v.persistentVolumeClaim,
			)) {
				const bound = claims.get(persistentVolumeClaim.claimName);
				const volume = volumes.get(bound?.spec.volumeName);
				expect(volume?.spec.claimRef.uid).toBe(bound?.metadata.uid);
				expect(reaches(volume as KubeObject, nodes.get(each.spec.nodeName) as KubeObject)).toBe(true);
				expect(used.has(volume?.metadata.name as string)).toBe(false);
				used.add(volume?.metadata.name as string);
			}
		}
		expect(used.size).toBe((PODS / KINDS.length) * 6);
		const claimed = [...volumes.values()].filter(({ spec }) => spec.claimRef?.namespace === namespace);
		expect(claimed.length).toBe(used.size);

		// Pods without claims are passed as they came: every node that was asked about, and no preference.
		const plain = Array.from({ length: PODS }, (_, i) => i).filter((i) => kindOf(i) === 'none');
		const asked = plain.flatMap((i) => scheduling.recorder.of('filter', `pod-${i}`));
		expect(asked.length).toBeGreaterThanOrEqual(plain.length);
		for (const { request, response } of asked) {
			expect(response).toMatchObject({ NodeNames: request.NodeNames, FailedAndUnresolvableNodes: {}, Error: '' });
		}
		const scored = plain.flatMap((i) => scheduling.recorder.of('prioritize', `pod-${i}`));
		expect(scored.length).toBeGreaterThanOrEqual(plain.length);
		for (const { response } of scored) {
			expect(new Set(response.map(({ Score }: KubeObject) => Score))).toEqual(new Set([0]));
		}
	}, 180_000);
});

function byName(objects: readonly KubeObject[]): Map<string | undefined, KubeObject> {
	return new Map(objects.map((object) => [object.metadata.name, object]));
}

/** By the API server's objects alone; every affinity of this test is one term of In expressions. */
function reaches(volume: KubeObject, node: KubeObject): boolean {
	return volume.spec.nodeAffinity.required.nodeSelectorTerms.some(({ matchExpressions }: KubeObject) =>
		matchExpressions.every(({ key, values }: KubeObject) => values.includes(node.metadata.labels?.[key])),
	);
}
