// How far a snapshot reaches: a zone, everywhere, or what its content says of itself.

import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { CsiDriver, KubeObject } from './harness/index.ts';
import { type Source, useControlPlane } from './shared.ts';
import { CONTENTS } from './sources/handmade.ts';
import { CLONE, Scene, SNAPSHOT, several, startDriver } from './sources/scene.ts';
import { type Mode, type Scheduling, startScheduling } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const ZONE = ['reach-a1', 'reach-a2'];
/** In another zone, and what pods prefer. */
const OUTSIDE = 'reach-b1';
const HOST = 'kubernetes.io/hostname';
const REACH = 'topobind.dev/snapshot-reach';
const ZONAL = 'zonal.reach.test';
const REGIONAL = 'regional.reach.test';
const LOCAL = 'local.reach.test';
const MODES: Mode[] = ['companion', 'delegate'];
// Of the regional driver nothing is configured, nor known.
const stays = { snapshots: 'source-volume' };
const config = { sources: { drivers: { [ZONAL]: stays, [LOCAL]: stays } } };

let zonal: CsiDriver;
let regional: CsiDriver;
let local: CsiDriver;
const scheduling = new Map<Mode, Scheduling>();

beforeAll(async () => {
	const allocatable = { cpu: '4' };
	await Promise.all([...ZONE, OUTSIDE].map((name) => controlPlane.createNode(name, { allocatable })));
	const nodes = [...ZONE.map((name) => ({ name, zone: 'a' })), { name: OUTSIDE, zone: 'b' }];
	zonal = await startDriver(controlPlane, { name: ZONAL, reach: 'zone', nodes });
	const two = [{ name: 'reach-a1' }, { name: OUTSIDE }];
	regional = await startDriver(controlPlane, { name: REGIONAL, reach: 'anywhere', nodes: two });
	local = await startDriver(controlPlane, { name: LOCAL, reach: 'node', nodes: two });
	for (const mode of MODES) scheduling.set(mode, await startScheduling(controlPlane, { mode, config }));
});
afterAll(async () => {
	for (const name of [...ZONE, OUTSIDE]) await controlPlane.deleteNode(name);
});

/** Data on reach-a1, a snapshot of it, and pods that would rather run outside its zone. */
async function open(name: string, driver: CsiDriver, schedulerName: string): Promise<Scene> {
	const places = { dataOn: 'reach-a1', preferred: OUTSIDE };
	const scene = await Scene.open(controlPlane, { name: `reach-${name}`, driver, schedulerName, ...places });
	await scene.snapshot('snap');
	await scene.ready('snap');
	return scene;
}

const schedulerOf = (mode: Mode): string => (scheduling.get(mode) as Scheduling).schedulerName;

/** Until topobind has seen a claim: before, it refuses its pod everywhere. */
async function seen(mode: Mode, { namespace }: Scene, claim: string): Promise<void> {
	const { admin } = (scheduling.get(mode) as Scheduling).topobind;
	const look = async () => (await fetch(`${admin}/api/v1/explain/pvcs/${namespace}/${claim}`)).status;
	await expect.poll(look, { interval: 20 }).toBe(200);
}

const contentOf = async ({ at }: Scene, snapshot: string): Promise<string> =>
	`${CONTENTS}/${(await api.get(at.snapshot(snapshot))).status.boundVolumeSnapshotContentName}`;

const BOTH: [string, Source][] = [
	['restores', SNAPSHOT],
	['clones', CLONE],
];

describe('a zonal driver', () => {
	test.each(MODES)('%s mode: restores and clones run on all nodes of the zone and on none outside', async (mode) => {
		const scene = await open(mode, zonal, schedulerOf(mode));
		for (const [what, source] of BOTH) {
			const names = several(what, 4);
			// So large that no node of the zone is free enough for all of them.
			for (const name of names) await scene.restore(name, source, { cpu: '1500m' });
			const nodes = new Set(await Promise.all(names.map((name) => scene.running(name))));
			expect([...nodes].sort()).toEqual(ZONE);
			for (const name of names) await scene.bound(name);
			await scene.deletePods(names);
		}
	});

	test('control: without topobind all are pinned outside, and none runs', async () => {
		const schedulerName = 'reach-control';
		const scheduler = await controlPlane.startScheduler({ schedulerName });
		const scene = await open('control', zonal, schedulerName);
		const names = BOTH.flatMap(([what]) => several(what, 2));
		for (const [what, source] of BOTH) {
			for (const name of several(what, 2)) await scene.restore(name, source);
		}
		await scene.failedToProvision(names);
		for (const name of names) {
			expect(await scene.pin(name)).toBe(OUTSIDE);
			expect(await scene.isBound(name)).toBe(false);
		}
		await scene.deletePods(names);
		await scheduler.stop();
	});
});

describe('a snapshot whose volume and managing node are gone', () => {
	const GONE = { metadata: { labels: { 'snapshot.storage.kubernetes.io/managed-by': 'reach-gone' } } };

	/** The data's claim is deleted, and what is left of where it was is the name of a node that is no more. */
	async function lose(scene: Scene): Promise<void> {
		await api.patch(await contentOf(scene, 'snap'), GONE);
		const { spec } = await api.get(scene.at.claim('data'));
		await api.deleteAndWait(scene.at.claim('data'));
		await api.waitFor(`/api/v1/persistentvolumes/${spec.volumeName}`, (object) => object === undefined);
	}

	test.each(MODES)('%s mode: of a zonal driver is refused nowhere', async (mode) => {
		const scene = await open(`lost-${mode}`, zonal, schedulerOf(mode));
		await lose(scene);
		await scene.claim('restored', SNAPSHOT);
		await seen(mode, scene, 'restored');
		await scene.pod('restored', { cpu: '10m' });
		await scene.pinned('restored');
		const filtered = scheduling.get(mode)?.recorder.of('filter', 'restored') ?? [];
		expect(filtered.length).toBeGreaterThan(0);
		for (const { response } of filtered) {
			expect({ ...response.FailedNodes, ...response.FailedAndUnresolvableNodes }).toEqual({});
		}
		await scene.deletePods(['restored']);
	});

	test.each(MODES)('control: %s mode: of a driver with a volume on one node each waits for its node', async (mode) => {
		const scene = await open(`lost-local-${mode}`, local, schedulerOf(mode));
		await lose(scene);
		await scene.restore('restored', SNAPSHOT);
		const lost = `node name in (reach-gone), where driver ${LOCAL} is not registered (any more); bring it back`;
		await scene.whyPending('restored', lost);
		expect(await scene.pin('restored')).toBeUndefined();
		await scene.deletePods(['restored']);
	});
});

describe.each(MODES)('a regional driver, %s mode', (mode) => {
	let scene: Scene;
	beforeAll(async () => {
		scene = await open(`regional-${mode}`, regional, schedulerOf(mode));
	});

	test('restores run outside the zone of the data, and are refused nowhere', async () => {
		const names = several('elsewhere', 4);
		for (const name of names) await scene.claim(name, SNAPSHOT);
		for (const name of names) await seen(mode, scene, name);
		for (const name of names) await scene.pod(name);
		for (const name of names) {
			expect(await scene.running(name)).toBe(OUTSIDE);
			await scene.bound(name);
			const filtered = scheduling.get(mode)?.recorder.of('filter', name) ?? [];
			expect(filtered.length).toBeGreaterThan(0);
			for (const { response } of filtered) {
				expect({ ...response.FailedNodes, ...response.FailedAndUnresolvableNodes }).toEqual({});
			}
		}
		await scene.deletePods(names);
	});

	test('control: the same where its content says that it stays with the volume', async () => {
		const annotated = (reach: string | null) => ({ metadata: { annotations: { [REACH]: reach } } });
		const content = await contentOf(scene, 'snap');
		await api.patch(content, annotated('source-volume'));
		await scene.restore('with-the-volume', SNAPSHOT);
		expect(await scene.running('with-the-volume')).toBe('reach-a1');
		await scene.deletePods(['with-the-volume']);
		await api.patch(content, annotated(null));
	});
});

describe('a content that tells its own reach (KEP-5943)', () => {
	const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/volumesnapshotcontents.snapshot.storage.k8s.io';
	const hostName = { key: HOST, values: ['reach-a1'] };
	const limited = { spec: { nodeAffinity: [{ matchLabelExpressions: [hostName] }] } };
	const unlimited = { spec: { nodeAffinity: [] }, metadata: { annotations: { [REACH]: 'source-volume' } } };

	/** Gives the CRD the field, or takes it away, and waits until the API server heeds that. */
	async function withField(has: boolean, content: string): Promise<void> {
		const { spec } = await api.get(CRD);
		const version = spec.versions.findIndex(({ name }: KubeObject) => name === 'v1');
		const path = `/spec/versions/${version}/schema/openAPIV3Schema/properties/spec/properties/nodeAffinity`;
		const items = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
		const field = { op: 'add', path, value: { type: 'array', items } };
		await api.patch(CRD, [has ? field : { op: 'remove', path }], 'json');
		const keeps = async () => (await api.patch(content, limited)).spec.nodeAffinity !== undefined;
		await vi.waitUntil(async () => (await keeps()) === has, { timeout: 30_000, interval: 100 });
	}

	/** The node that a restore runs on, once topobind knows how far its source reaches and why. */
	async function restored(mode: Mode, scene: Scene, name: string, basis: string, needs?: string): Promise<string> {
		const content = await contentOf(scene, 'snap');
		await scene.claim(name, SNAPSHOT);
		const { admin } = (scheduling.get(mode) as Scheduling).topobind;
		const url = `${admin}/api/v1/explain/pvcs/${scene.namespace}/${name}`;
		const knows = async () => {
			// What was written while the CRD changed may have come by a watch of before it, without the field.
			await api.patch(content, { metadata: { annotations: { looked: String(performance.now()) } } });
			const { source } = (await (await fetch(url)).json()) as KubeObject;
			return source?.basis?.includes(basis) && source.needs === needs;
		};
		await vi.waitUntil(knows, { timeout: 30_000, interval: 100 });
		await scene.pod(name);
		const node = await scene.running(name);
		await scene.deletePods([name]);
		return node;
	}

	test.each(MODES)('%s mode: is believed where the CRD has the field', async (mode) => {
		const scene = await open(`kep-${mode}`, regional, schedulerOf(mode));
		const content = await contentOf(scene, 'snap');
		await withField(true, content);
		onTestFinished(() => withField(false, content));
		expect(await restored(mode, scene, 'limited', 'spec.nodeAffinity', `${HOST} in (reach-a1)`)).toBe('reach-a1');
		await api.patch(content, unlimited);
		expect(await restored(mode, scene, 'unlimited', 'spec.nodeAffinity')).toBe(OUTSIDE);
	});

	test.each(MODES)('control: %s mode: says nothing where the CRD lacks the field', async (mode) => {
		const scene = await open(`no-kep-${mode}`, regional, schedulerOf(mode));
		const content = await contentOf(scene, 'snap');
		expect((await api.patch(content, limited)).spec.nodeAffinity).toBeUndefined();
		expect(await restored(mode, scene, 'limited', 'anywhere')).toBe(OUTSIDE);
	});
});
