// When a source comes right, the pods that wait for it are tried again at once. kube-scheduler does not watch snapshots, so
// without the nudge they wait until something else happens.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { TRY_AGAIN } from '../../src/cluster/writer.ts';
import { print, type Row, summaryOf } from './chaos/times.ts';
import { type Api, type CsiDriver, type KubeObject, type OwnControlPlane, startControlPlane } from './harness/index.ts';
import { claim, isReadyToUse, isRunning, selectedNode } from './shared.ts';
import { becomeReady, CONTENTS, contentName, contentPath, handleOf, importSnapshot } from './sources/handmade.ts';
import { Scene, several, startDriver } from './sources/scene.ts';
import { watchFirst } from './sources/watching.ts';
import { type Mode, type Scheduling, startScheduling } from './topobind.ts';

// Of its own: whatever else happens in a cluster has kube-scheduler try the pods.
let controlPlane: OwnControlPlane;
let api: Api;
const NODES = ['nudge-1', 'nudge-2'];
const MODES: Mode[] = ['companion', 'delegate'];
const REACH = 'topobind.dev/snapshot-reach';
const PODS = 50;
/** Without a nudge nothing happens for as long as this, in ms. With it, the table tells how long it takes. */
const SOON = 2_000;
/** A busy machine takes longer than SOON; kube-scheduler's own next try is five minutes away. */
const LATEST = 20_000;

let driver: CsiDriver;
beforeAll(async () => {
	controlPlane = await startControlPlane();
	api = controlPlane.api;
	const allocatable = { cpu: '8', pods: '500' };
	await Promise.all(NODES.map((name) => controlPlane.createNode(name, { allocatable })));
	const nodes = NODES.map((name) => ({ name }));
	driver = await startDriver(controlPlane, {
		...{ name: 'nudge.test', reach: 'anywhere', nodes },
		// Restores of one snapshot that begin at once get into each other's way, and each time wait twice as long.
		provisionerArgs: ['--retry-interval-start=500ms', '--retry-interval-max=2s'],
	});
}, 180_000);
afterAll(() => controlPlane?.stop());

const times: Row[] = [];
afterAll(() => print(`from readyToUse to the node chosen, ${PODS} pods`, times));

interface Stage {
	readonly scheduling: Scheduling;
	readonly scene: Scene;
	/** Of a snapshot that the driver took: what all others are made of. */
	readonly handle: string;
	stop(): Promise<void>;
}

async function start(mode: Mode, nudge: boolean): Promise<Stage> {
	const scheduling = await startScheduling(controlPlane, { mode, config: { sources: { nudge } }, impatient: true });
	const { schedulerName } = scheduling;
	const places = { dataOn: 'nudge-2', preferred: 'nudge-1' };
	const scene = await Scene.open(controlPlane, { name: `nudge-${mode}`, driver, schedulerName, ...places });
	await scene.snapshot('snap');
	await scene.ready('snap');
	return {
		scheduling,
		scene,
		handle: await handleOf(scene, 'snap'),
		async stop() {
			await scheduling.scheduler.stop();
			await scheduling.topobind.stop();
		},
	};
}

/** Pods whose snapshots are there but not ready, when the scheduler has refused them and is done with them. */
async function refused({ scheduling, scene }: Stage, names: readonly string[], snapshotOf = (name: string) => name) {
	for (const name of names) await scene.restore(name, { kind: 'VolumeSnapshot', name: snapshotOf(name) });
	for (const name of names) await scene.whyPending(name, 'it is not ready to use yet');
	await quiet(scheduling);
}

/** Until the scheduler asks about nothing any more, for longer than it waits with a pod that it will try again. */
async function quiet({ recorder }: Scheduling): Promise<void> {
	const counts: number[] = [];
	const isStill = () => counts.push(recorder.exchanges.length) > 2 && counts.at(-1) === counts.at(-3);
	await vi.waitUntil(isStill, { interval: 1000, timeout: 30_000 });
}

/** How often the scheduler has tried a pod. */
const tries = ({ scheduling }: Stage, name: string): number => scheduling.recorder.of('filter', name).length;

const isPinned = (object: KubeObject) => selectedNode(object) !== undefined;

/** The marks that each pod comes to carry beside the one it has, until all run. */
async function watchMarks(
	{ scene }: Stage,
	names: readonly string[],
): Promise<{ all: Promise<Map<string, string[]>> }> {
	const marks = new Map<string, string[]>(names.map((name) => [name, []]));
	const pods: KubeObject[] = (await api.list(scene.at.pods)).items;
	const before = new Map(pods.map(({ metadata }) => [metadata.name, metadata.annotations?.[TRY_AGAIN]]));
	const running = await watchFirst(api, scene.at.pods, names, (object) => {
		const mark = object.metadata.annotations?.[TRY_AGAIN];
		const known = marks.get(object.metadata.name);
		const last = known?.at(-1) ?? before.get(object.metadata.name);
		if (mark !== undefined && last !== mark) known?.push(mark);
		return isRunning(object);
	});
	return { all: running.all.then(() => marks) };
}

async function markOf({ scene }: Stage, name: string): Promise<string | undefined> {
	return (await api.get(scene.at.pod(name))).metadata.annotations?.[TRY_AGAIN];
}

/** How often topobind has patched a pod, as it counts itself. */
async function patches({ scheduling }: Stage): Promise<number> {
	const text = await (await fetch(`${scheduling.topobind.admin}/metrics`)).text();
	return Number(/^topobind_nudges_total\{result="done"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

describe.each(MODES)('%s mode', (mode) => {
	let stage: Stage;

	beforeAll(async () => {
		stage = await start(mode, true);
		await importSnapshot(stage.scene, 'never', stage.handle);
		await stage.scene.restore('bystander', { kind: 'VolumeSnapshot', name: 'never' });
		await stage.scene.whyPending('bystander', 'it is not ready to use yet');
		return stage.stop;
	});

	test.each([
		['own', 'each with a snapshot of its own', several('own', PODS)],
		['same', 'all with one snapshot', ['same']],
	])(
		'50 pods (%s), %s: soon after readyToUse the node is chosen, with one patch a pod',
		async (kind, what, snapshots) => {
			const { scene, handle } = stage;
			const names = several(kind, PODS);
			const snapshotOf = (name: string) => (snapshots.includes(name) ? name : kind);
			await Promise.all(snapshots.map((name) => importSnapshot(scene, name, handle)));
			await refused(stage, names, snapshotOf);
			const patched = await patches(stage);
			// It may have one from when its claim had not been seen.
			const bystander = await markOf(stage, 'bystander');
			const readied = await watchFirst(api, scene.at.snapshots, snapshots, isReadyToUse);
			const chosen = await watchFirst(api, scene.at.claims, names, isPinned);
			const marked = await watchMarks(stage, names);

			await Promise.all(snapshots.map((name) => becomeReady(scene, name, handle)));

			const [ready, pinned] = [await readied.all, await chosen.all];
			const took = (name: string) => (pinned.get(name)?.at ?? NaN) - (ready.get(snapshotOf(name))?.at ?? NaN);
			const summary = summaryOf(names.map(took));
			times.push({ what: `${mode}, ${what}`, ...summary });
			expect(summary.p99).toBeLessThanOrEqual(LATEST);
			const marks = await marked.all;
			expect([...marks].filter(([, all]) => all.length !== 1)).toEqual([]);
			expect((await patches(stage)) - patched).toBe(PODS);
			expect(await markOf(stage, 'bystander')).toBe(bystander);
			await scene.deletePods(names);
		},
	);

	test('a source that comes to reach other nodes counts as a change', async () => {
		const { scene, handle, scheduling } = stage;
		const annotated = (reach: string) => ({ annotations: { [REACH]: reach } });
		// A node that is not there: no snapshotter sees to the content, and nothing reaches it.
		const labels = { 'snapshot.storage.kubernetes.io/managed-by': 'nudge-gone' };
		await importSnapshot(scene, 'narrow', handle, { metadata: { ...annotated('managed-by-node'), labels } });
		await becomeReady(scene, 'narrow', handle);
		await scene.ready('narrow');
		await scene.restore('narrow', { kind: 'VolumeSnapshot', name: 'narrow' });
		await scene.whyPending('narrow', 'can be reached: node name in (nudge-gone)');
		await quiet(scheduling);
		const content = contentName(scene, 'narrow');
		const widened = await watchFirst(
			api,
			CONTENTS,
			[content],
			({ metadata }) => metadata.name === content && metadata.annotations?.[REACH] === 'anywhere',
		);
		const chosen = await watchFirst(api, scene.at.claims, ['narrow'], isPinned);
		const marked = await watchMarks(stage, ['narrow']);

		await api.patch(contentPath(scene, 'narrow'), { metadata: annotated('anywhere') });

		const [from, to] = [(await widened.all).get(content)?.at, (await chosen.all).get('narrow')?.at];
		expect((to ?? NaN) - (from ?? NaN)).toBeLessThanOrEqual(LATEST);
		expect((await marked.all).get('narrow')).toHaveLength(1);
		await scene.deletePods(['narrow']);
	});

	test('a pod whose source stays not ready is not tried again, whatever happens to the source', async () => {
		const { scene, handle } = stage;
		await importSnapshot(scene, 'slow', handle);
		await refused(stage, ['slow']);
		const [before, patched] = [tries(stage, 'slow'), await patches(stage)];
		for (let i = 0; i < 20; i++) {
			const touched = { metadata: { annotations: { touched: String(i) } } };
			await api.patch(contentPath(scene, 'slow'), touched);
			await api.patch(scene.at.snapshot('slow'), touched);
			const error = { message: `not yet, ${i}`, time: new Date().toISOString() };
			await api.patch(`${contentPath(scene, 'slow')}/status`, { status: { error, readyToUse: false } });
		}
		expect(tries(stage, 'slow')).toBe(before);
		const marked = await watchMarks(stage, ['slow']);
		await becomeReady(scene, 'slow', handle);
		expect((await marked.all).get('slow')).toHaveLength(1);
		expect((await patches(stage)) - patched).toBe(1);
		expect(tries(stage, 'slow')).toBe(before + 1);
		await scene.deletePods(['slow']);
	});
});

describe.each(MODES)('control: %s mode, with the nudge switched off', (mode) => {
	let stage: Stage;

	beforeAll(async () => {
		stage = await start(mode, false);
		return stage.stop;
	});

	test('50 pods are not tried within 2 s of readyToUse, nor patched, and all run when something else happens', async () => {
		const { scene, handle } = stage;
		const names = several('own', PODS);
		await Promise.all(names.map((name) => importSnapshot(scene, name, handle)));
		await refused(stage, names);
		const before = names.map((name) => tries(stage, name));
		await Promise.all(names.map((name) => becomeReady(scene, name, handle)));
		for (const name of names) await scene.ready(name);

		const anyChosen = api.waitForList(
			scene.at.claims,
			(all) => all.some(({ metadata }) => names.includes(metadata.name) && isPinned({ metadata })),
			SOON,
		);
		await expect(anyChosen).rejects.toThrow(`nothing in ${SOON} ms`);
		expect(names.map((name) => tries(stage, name))).toEqual(before);

		const marked = await watchMarks(stage, names);
		await api.create(claim({ namespace: scene.namespace, name: 'something-else', storageClass: driver.name }));
		expect([...(await marked.all).values()].flat()).toEqual([]);
		await scene.deletePods(names);
	});
});
