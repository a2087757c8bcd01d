// Restores and clones go where their data is, through a real kube-scheduler, external-provisioner and snapshotter. The driver
// is one whose volumes and snapshots are each on one node, as those of local drivers are.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { print, type Row, summaryOf } from './chaos/times.ts';
import type { CsiDriver, KubeObject } from './harness/index.ts';
import { localVolume } from './objects.ts';
import { classesOf, isBound, isReadyToUse, pod, type Source, selectedNode, useControlPlane } from './shared.ts';
import { CLONE, on, Scene, SNAPSHOT, several, startDriver } from './sources/scene.ts';
import { watchFirst } from './sources/watching.ts';
import { type Mode, startScheduling } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = ['source-1', 'source-2', 'source-3'];
const DRIVER = 'source.test';
const config = { sources: { drivers: { [DRIVER]: { snapshots: 'source-volume' } } } };

let driver: CsiDriver;
beforeAll(async () => {
	await Promise.all(NODES.map((name) => controlPlane.createNode(name, { allocatable: { cpu: '4' } })));
	driver = await startDriver(controlPlane, { name: DRIVER, reach: 'node', nodes: NODES.map((name) => ({ name })) });
});
afterAll(async () => {
	for (const name of NODES) await controlPlane.deleteNode(name);
});

const open = (name: string, schedulerName: string) =>
	Scene.open(controlPlane, { name, driver, schedulerName, dataOn: 'source-2', preferred: 'source-1' });

const times: Row[] = [];
afterAll(() => print('from readyToUse to the node chosen, and to the claim bound', times));

/** Takes all CPU of source-2, until its pod is deleted. */
async function fill({ namespace }: Scene, schedulerName: string): Promise<void> {
	await api.create(pod({ namespace, name: 'filler', schedulerName, cpu: '4', nodeSelector: on('source-2') }));
}

const VOLUMES = 4;

/** A class of the driver's that has a few volumes as well, where the data is not. */
async function withVolumes(name: string): Promise<string> {
	const [storageClass] = classesOf(DRIVER, name);
	await api.create(storageClass as KubeObject);
	await api.createAll(several(name, VOLUMES).map((volume) => localVolume(volume, 'source-1', name)));
	return name;
}

const TWENTY: [string, Source][] = [
	['restores', SNAPSHOT],
	['clones', CLONE],
];

describe.each<Mode>(['companion', 'delegate'])('%s mode', (mode) => {
	let scene: Scene;
	let schedulerName: string;

	beforeAll(async () => {
		const scheduling = await startScheduling(controlPlane, { mode, config });
		({ schedulerName } = scheduling);
		scene = await open(`source-${mode}`, schedulerName);
		await scene.snapshot('snap');
		await scene.ready('snap');
		return async () => {
			await scheduling.scheduler.stop();
			await scheduling.topobind.stop();
		};
	});

	test.each(TWENTY)('20 of 20 %s that would rather run on source-1 run on source-2', async (what, source) => {
		const names = several(what, 20);
		await Promise.all(names.map((name) => scene.restore(name, source)));
		for (const name of names) {
			expect(await scene.running(name)).toBe('source-2');
			await scene.bound(name);
		}
		await scene.deletePods(names);
	});

	test('a claim and its clone in one pod are made together, on the node that the pod prefers', async () => {
		await scene.claim('fresh', undefined);
		await scene.restore('twin', { kind: 'PersistentVolumeClaim', name: 'fresh' }, { beside: ['fresh'] });
		expect(await scene.running('twin')).toBe('source-1');
		for (const name of ['fresh', 'twin']) await scene.bound(name);
		await scene.deletePods(['twin']);
	});

	test('restores of snapshots that do not exist yet, or are not ready yet, are not pinned before, and all run after', async () => {
		const before = several('before-there-is-one', 10);
		const unready = several('before-it-is-ready', 10);
		const names = [...before, ...unready];
		const snapshotOf = (name: string) => (before.includes(name) ? 'later' : 'unready');
		driver.holdSnapshots();
		await scene.snapshot('unready');
		await api.waitFor(scene.at.snapshot('unready'), ({ status } = {}) => status?.boundVolumeSnapshotContentName);
		const pins = new Map(names.map((name) => [name, new Set<string>()]));
		const pinned = await watchFirst(api, scene.at.claims, names, (claim) => {
			const node = selectedNode(claim);
			if (node !== undefined) pins.get(claim.metadata.name)?.add(node);
			return node !== undefined;
		});
		const bound = await watchFirst(api, scene.at.claims, names, isBound);
		const readied = await watchFirst(api, scene.at.snapshots, ['later', 'unready'], isReadyToUse);

		await Promise.all(names.map((name) => scene.restore(name, { kind: 'VolumeSnapshot', name: snapshotOf(name) })));
		for (const name of before) await scene.whyPending(name, `claim ${name} waits for its source`);
		for (const name of unready) await scene.whyPending(name, 'it is not ready to use yet');
		await scene.snapshot('later');
		await api.waitFor(scene.at.snapshot('later'), ({ status } = {}) => status?.boundVolumeSnapshotContentName);
		driver.releaseSnapshots();

		for (const name of names) expect(await scene.running(name)).toBe('source-2');
		const [ready, chosen, done] = [await readied.all, await pinned.all, await bound.all];
		const since = (name: string, moments: typeof chosen) =>
			(moments.get(name)?.at ?? Number.NaN) - (ready.get(snapshotOf(name))?.at ?? Number.NaN);
		for (const name of names) {
			expect([...(pins.get(name) ?? [])]).toEqual(['source-2']);
			expect(chosen.get(name)?.version).toBeGreaterThan(ready.get(snapshotOf(name))?.version ?? Number.NaN);
		}
		times.push(
			{ what: `${mode}: chosen`, ...summaryOf(names.map((name) => since(name, chosen))) },
			{ what: `${mode}: bound`, ...summaryOf(names.map((name) => since(name, done))) },
		);
		await scene.deletePods(names);
	});

	test('volumes that only some of them can have draw no restore to where it cannot be provisioned', async () => {
		const storageClass = await withVolumes(`source-static-${mode}`);
		const names = several('drawn', 8);
		const pins = new Set<string | undefined>();
		const { all } = await watchFirst(api, scene.at.claims, names, (claim) => {
			if (names.includes(claim.metadata.name)) pins.add(selectedNode(claim));
			return isBound(claim);
		});
		await Promise.all(names.map((name) => scene.restore(name, SNAPSHOT, { storageClass })));
		await Promise.all(names.map((name) => scene.running(name)));
		await all;
		expect(pins).not.toContain('source-1');
		expect(pins).toContain('source-2');
		await scene.deletePods(names);
	});

	test('source-2 is full: the restore waits and says where it must go; when room appears it runs', async () => {
		await fill(scene, schedulerName);
		await scene.running('filler');
		await scene.restore('patient', SNAPSHOT);
		expect(await scene.whyPending('patient', 'VolumeSnapshot snap')).toMatch(/claim patient .*snap.*source-2/);
		expect(await scene.pin('patient')).toBeUndefined();
		await scene.deletePods(['filler']);
		expect(await scene.running('patient')).toBe('source-2');
		await scene.deletePods(['patient']);
	});
});

describe('control: kube-scheduler without topobind', () => {
	const schedulerName = 'source-control';
	let scene: Scene;

	beforeAll(async () => {
		await controlPlane.startScheduler({ schedulerName });
		scene = await open(schedulerName, schedulerName);
	});

	/** Pinned, failed, and run nowhere. */
	async function expectStuck(names: readonly string[]): Promise<void> {
		await scene.failedToProvision(names);
		for (const name of names) {
			expect(await scene.pin(name)).toBe('source-1');
			expect(await scene.isBound(name)).toBe(false);
			expect((await api.get(scene.at.pod(name))).spec.nodeName).toBeUndefined();
		}
		await Promise.all(names.map((name) => api.delete(scene.at.pod(name))));
	}

	test('restores created before their snapshot are pinned at once', async () => {
		const names = several('early', 10);
		await Promise.all(names.map((name) => scene.restore(name, SNAPSHOT)));
		for (const name of names) expect(await scene.pinned(name)).toBe('source-1');
		await scene.snapshot('snap');
		await scene.ready('snap');
		await expectStuck(names);
	});

	test('volumes that only some of them can have draw others as well, which are pinned there', async () => {
		const storageClass = await withVolumes('source-static-control');
		const names = several('drawn', 8);
		await Promise.all(names.map((name) => scene.restore(name, SNAPSHOT, { storageClass })));
		const drawn = (all: KubeObject[]) => all.filter(({ metadata }) => names.includes(metadata.name));
		// The PV controller gives what is free to pinned ones as well.
		const claims = await api.waitForList(
			scene.at.claims,
			(all) =>
				drawn(all).filter(isBound).length === VOLUMES &&
				drawn(all).every((each) => isBound(each) || selectedNode(each)),
		);
		const stuck = drawn(claims).filter((each) => !isBound(each));
		await expectStuck(stuck.map(({ metadata }) => metadata.name));
	});

	test.each(TWENTY)('0 of 20 %s run on source-2', async (what, source) => {
		const names = several(what, 20);
		await Promise.all(names.map((name) => scene.restore(name, source)));
		for (const name of names) await scene.pinned(name);
		await expectStuck(names);
	});

	test('source-2 is full: the restore stays pinned elsewhere when room appears', async () => {
		await fill(scene, schedulerName);
		await scene.running('filler');
		await scene.restore('patient', SNAPSHOT);
		await scene.pinned('patient');
		await scene.deletePods(['filler']);
		const failures = (events: readonly KubeObject[]) =>
			events.find(({ reason }) => reason === 'ProvisioningFailed')?.count ?? 0;
		const before = failures(await api.events(scene.namespace, 'PersistentVolumeClaim', 'patient'));
		const about = { namespace: scene.namespace, kind: 'PersistentVolumeClaim', name: 'patient' };
		await api.waitForEvent(about, (event) => failures([event]) > before + 1);
		await expectStuck(['patient']);
	});
});
