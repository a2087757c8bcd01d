// Sources that a claim cannot be filled from, each kind: refused everywhere with the reason before a node is chosen, and
// run when they are mended, with the pod as it was.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CsiDriver } from './harness/index.ts';
import { isBound, type Source, useControlPlane } from './shared.ts';
import { handleOf } from './sources/handmade.ts';
import { Scene, startDriver } from './sources/scene.ts';
import type { Case, Unfit } from './sources/unfit.ts';
import { UNFIT_CLONES } from './sources/unfit-clones.ts';
import { UNFIT_PAIRS } from './sources/unfit-pairs.ts';
import { UNFIT_SNAPSHOTS } from './sources/unfit-snapshots.ts';
import { type Mode, type Scheduling, startScheduling } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = ['validity-1', 'validity-2'];
const DRIVER = 'validity.test';
// What is known of imported snapshots as well.
const config = { sources: { drivers: { [DRIVER]: { snapshots: 'managed-by-node' } } } };

let driver: CsiDriver;
beforeAll(async () => {
	await Promise.all(NODES.map((name) => controlPlane.createNode(name)));
	driver = await startDriver(controlPlane, { name: DRIVER, reach: 'node', nodes: NODES.map((name) => ({ name })) });
});
afterAll(async () => {
	for (const name of NODES) await controlPlane.deleteNode(name);
});

/** Data, and a snapshot of it, on validity-2. */
async function open(name: string, schedulerName: string): Promise<Pick<Case, 'scene' | 'node' | 'handle'>> {
	const places = { dataOn: 'validity-2', preferred: 'validity-1' };
	const scene = await Scene.open(controlPlane, { name: `validity-${name}`, driver, schedulerName, ...places });
	await scene.snapshot('snap');
	await scene.ready('snap');
	return { scene, node: places.dataOn, handle: await handleOf(scene, 'snap') };
}

type Kind = Source['kind'];
const KINDS: [string, Kind, Unfit][] = [
	...UNFIT_SNAPSHOTS.map((unfit): [string, Kind, Unfit] => [unfit.what, 'VolumeSnapshot', unfit]),
	...[...UNFIT_CLONES, ...UNFIT_PAIRS].map((unfit): [string, Kind, Unfit] => [
		unfit.what,
		'PersistentVolumeClaim',
		unfit,
	]),
];

/** Makes the source unfit, and a pod that waits for it. */
async function begin(
	stage: Pick<Case, 'scene' | 'node' | 'handle'>,
	what: string,
	kind: Kind,
	unfit: Unfit,
): Promise<Case> {
	const name = what.replaceAll(/\W+/g, '-').toLowerCase();
	const of = { ...stage, name, source: { kind, name: unfit.itself ? name : `source-${name}` } };
	await unfit.make(of);
	await of.scene.restore(name, of.source, unfit.claim?.(of));
	return of;
}

describe.each<Mode>(['companion', 'delegate'])('%s mode', (mode) => {
	let scheduling: Scheduling;
	let stage: Awaited<ReturnType<typeof open>>;
	beforeAll(async () => {
		scheduling = await startScheduling(controlPlane, { mode, config });
		stage = await open(mode, scheduling.schedulerName);
		return async () => {
			await scheduling.scheduler.stop();
			await scheduling.topobind.stop();
		};
	});

	test.concurrent.each(KINDS)(
		'%s: refused with the reason; made valid, the pod runs where the data is, or along with it',
		async (what, kind, unfit) => {
			const of = await begin(stage, what, kind, unfit);
			const { scene, name } = of;
			const said = await scene.whyPending(name, unfit.says(of));
			const verdict = unfit.waits ? 'waits for' : 'cannot be filled from';
			expect(said).toContain(`claim ${name} ${verdict} its source, ${kind} ${of.source.name}: `);
			const asked = scheduling.recorder.of('filter', name);
			expect(asked.map(({ response }) => response.NodeNames)).toEqual(asked.map(() => []));
			expect(await scene.pin(name)).toBeUndefined();
			const { uid } = (await api.get(scene.at.pod(name))).metadata;

			await unfit.mend(of);

			expect(await scene.running(name)).toBe(unfit.along ? 'validity-1' : 'validity-2');
			// The claim's phase is the last that is written.
			await api.waitFor(scene.at.claim(name), isBound);
			expect((await api.get(scene.at.pod(name))).metadata.uid).toBe(uid);
			await scene.deletePods([name]);
		},
	);
});

describe('control: kube-scheduler without topobind', () => {
	let stage: Awaited<ReturnType<typeof open>>;
	beforeAll(async () => {
		const schedulerName = 'validity-control';
		await controlPlane.startScheduler({ schedulerName });
		stage = await open('control', schedulerName);
	});

	test.concurrent.each(KINDS)('%s: the claim is pinned, to where the data is not', async (what, kind, unfit) => {
		const { scene, name } = await begin(stage, what, kind, unfit);
		expect(await scene.pinned(name)).toBe('validity-1');
		await scene.deletePods([name]);
	});
});
