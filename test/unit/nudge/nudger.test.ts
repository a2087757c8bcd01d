import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { Nudger } from '../../../src/nudge/nudger.ts';
import { claim, type Manifest, pod, project, put, storageClass } from '../domain/builders.ts';
import { content, grant, REACH, restore, scene, snapshot, snapshotClass } from '../domain/source-builders.ts';

const ends: (() => void)[] = [];
afterEach(() => {
	for (const end of ends.splice(0)) end();
});

function watched(objects: readonly Manifest[]) {
	const cluster = scene(objects);
	const marks: string[] = [];
	const nudger = new Nudger(cluster, {
		isAsked: ({ schedulerName }) => schedulerName === 'default-scheduler',
		async mark({ name }, mark) {
			marks.push(`${name} ${mark}`);
		},
	});
	ends.push(nudger.start());
	return { cluster, marks, nudger };
}

function later<K extends Manifest>(manifest: K, resourceVersion = '2'): K {
	return { ...manifest, metadata: { ...manifest.metadata, resourceVersion } };
}

const APP = project(pod('app', 'data'));
const notReady = () => snapshot('s', { status: { readyToUse: false } });
const waiting = () => [restore('data', 's'), pod('app', 'data'), content('s')];
const becomeReady = (cluster: ClusterState) => put(cluster, later(snapshot('s')));

/** Two turns: a look is taken in the one after the change. */
async function settled(): Promise<void> {
	await turn();
	await turn();
}

describe('a waiting pod is marked', () => {
	test('once, when the snapshot of its claim has become ready', async () => {
		const { cluster, marks } = watched([...waiting(), notReady()]);
		becomeReady(cluster);
		put(cluster, later(content('s')));
		await settled();
		put(cluster, later(snapshot('s'), '3'));
		await settled();
		expect(marks).toEqual([expect.stringMatching(/^app [0-9a-f]{16}$/)]);
	});

	test('when the snapshot comes to exist at all', async () => {
		const { cluster, marks } = watched(waiting());
		becomeReady(cluster);
		await settled();
		expect(marks).toHaveLength(1);
	});

	test('with the same mark by every replica', async () => {
		const [one, two] = [watched([...waiting(), notReady()]), watched([...waiting(), notReady()])];
		for (const { cluster } of [one, two]) becomeReady(cluster);
		await settled();
		expect(one.marks).toEqual(two.marks);
	});

	test.each<[string, Manifest[], Manifest]>([
		['a content that was seen later than its snapshot', [snapshot('s')], content('s')],
		[
			'a content that comes to reach other nodes',
			[snapshot('s'), content('s', { annotations: { [REACH]: 'managed-by-node' }, managedBy: 'gone' })],
			later(content('s', { annotations: { [REACH]: 'anywhere' }, managedBy: 'gone' })),
		],
		[
			'a snapshot class that tells another reach',
			[snapshot('s'), content('s', { managedBy: 'gone' }), snapshotClass({ [REACH]: 'managed-by-node' })],
			later(snapshotClass({ [REACH]: 'anywhere' })),
		],
	])('for %s', async (_, before, change) => {
		const { cluster, marks } = watched([restore('data', 's'), pod('app', 'data'), ...before]);
		put(cluster, change);
		await settled();
		expect(marks).toHaveLength(1);
	});

	test('for a grant', async () => {
		const abroad = { ...snapshot('s', { namespace: 'vault' }) };
		const theirs = content('s', { spec: { volumeSnapshotRef: { namespace: 'vault', name: 's', uid: 'uid-s' } } });
		const { cluster, marks } = watched([
			restore('data', 's', { namespace: 'vault' }),
			pod('app', 'data'),
			abroad,
			theirs,
		]);
		put(cluster, grant('vault', [{ namespace: 'ns' }], [{}]));
		await settled();
		expect(marks).toHaveLength(1);
	});

	test('also when it was there before its claim', async () => {
		const { cluster, marks } = watched([pod('app', 'data'), content('s'), notReady()]);
		put(cluster, restore('data', 's'));
		await settled();
		becomeReady(cluster);
		await settled();
		expect(marks).toHaveLength(1);
	});

	test('anew each time, for its annotation has to change', async () => {
		const [one, two] = [watched([...waiting(), snapshot('s')]), watched([...waiting(), snapshot('s')])];
		for (const { cluster } of [one, two]) {
			for (const version of ['2', '4']) {
				put(cluster, later(notReady(), version));
				await settled();
				put(cluster, later(snapshot('s'), `${Number(version) + 1}`));
				await settled();
			}
		}
		expect(new Set(one.marks).size).toBe(2);
		expect(two.marks).toEqual(one.marks);
	});

	test('with another mark than the one that it carries from before this process', async () => {
		const first = watched([...waiting(), notReady()]);
		becomeReady(first.cluster);
		await settled();
		const [, mark] = first.marks[0]?.split(' ') ?? [];
		const app = pod('app', 'data');
		const marked = { ...app, metadata: { ...app.metadata, annotations: { 'topobind.dev/try-again': mark ?? '' } } };
		const second = watched([restore('data', 's'), marked, content('s'), notReady()]);
		becomeReady(second.cluster);
		await settled();
		expect(second.marks).toHaveLength(1);
		expect(second.marks).not.toEqual(first.marks);
	});

	test('also when the pod or its claim changes in the same turn', async () => {
		const { cluster, marks } = watched([...waiting(), notReady()]);
		becomeReady(cluster);
		put(cluster, later(pod('app', 'data')));
		put(cluster, later(restore('data', 's')));
		await settled();
		expect(marks).toHaveLength(1);
	});

	test('when filter refused it by what was seen before, and the source is ready by now', async () => {
		const { marks, nudger } = watched([...waiting(), snapshot('s')]);
		await settled();
		expect(marks).toEqual([]);
		nudger.refused(APP);
		await settled();
		expect(marks).toHaveLength(1);
	});
});

describe('a source that goes bad and comes right again', () => {
	test('gives a mark of its own: the one from before would change nothing', async () => {
		const [one, two] = [watched([...waiting(), notReady()]), watched([...waiting(), notReady()])];
		for (const { cluster } of [one, two]) {
			becomeReady(cluster);
			await settled();
			cluster.remove('VolumeSnapshot', 'ns/s');
			await settled();
			put(cluster, later(snapshot('s'), '4'));
			await settled();
		}
		expect(new Set(one.marks).size).toBe(2);
		expect(two.marks).toEqual(one.marks);
	});

	test('also where filter refuses it before the change is looked at', async () => {
		const { cluster, marks, nudger } = watched([...waiting(), notReady()]);
		becomeReady(cluster);
		await settled();
		cluster.remove('VolumeSnapshot', 'ns/s');
		nudger.refused(APP);
		await settled();
		put(cluster, later(snapshot('s'), '4'));
		await settled();
		expect(new Set(marks).size).toBe(2);
	});

	test('a refusal alone gives no other mark: kube-scheduler is not made to try without end', async () => {
		const { marks, nudger } = watched([...waiting(), snapshot('s')]);
		for (let i = 0; i < 5; i++) {
			nudger.refused(APP);
			await settled();
		}
		expect(new Set(marks).size).toBe(1);
	});
});

describe('a pod that was refused before it was seen', () => {
	const refuseStrangers = (nudger: Nudger, count: number) => {
		for (let i = 0; i < count; i++) nudger.refused({ ...APP, name: `stranger-${i}`, uid: `stranger-${i}` });
	};

	test.each([
		['is marked once it is seen', 10, 1],
		['is forgotten where thousands are never seen, as pods that were deleted', 5_000, 0],
	])('%s', async (_, strangers, marked) => {
		const { cluster, marks, nudger } = watched([restore('data', 's'), content('s'), snapshot('s')]);
		nudger.refused(APP);
		refuseStrangers(nudger, strangers);
		put(cluster, pod('app', 'data'));
		await settled();
		expect(marks).toHaveLength(marked);
	});
});

describe('a pod is left alone', () => {
	test('while its source still has a problem, another or the same', async () => {
		const { cluster, marks, nudger } = watched(waiting());
		put(cluster, notReady());
		nudger.refused(APP);
		await settled();
		expect(marks).toEqual([]);
	});

	test('while another of its sources has a problem', async () => {
		const two = [restore('data', 's'), restore('more', 'other'), pod('app', 'data', 'more'), content('s')];
		const { cluster, marks } = watched([...two, notReady()]);
		becomeReady(cluster);
		await settled();
		expect(marks).toEqual([]);
	});

	test('whose claim is bound by now', async () => {
		const { cluster, marks } = watched([...waiting(), notReady()]);
		put(cluster, later(restore('data', 's', { bound: 'pv' })));
		becomeReady(cluster);
		await settled();
		expect(marks).toEqual([]);
	});

	test('whose claims have no source, or another', async () => {
		const { cluster, marks } = watched([claim('plain', { class: 'csi' }), pod('other', 'plain'), notReady()]);
		becomeReady(cluster);
		await settled();
		expect(marks).toEqual([]);
	});

	test('whose claim does not wait for a node: no extender refuses it for its source', async () => {
		const immediate = storageClass('now', { provisioner: 'local.example.com', mode: 'Immediate' });
		const objects = [immediate, restore('data', 's', { class: 'now' }), pod('app', 'data'), content('s'), notReady()];
		const { cluster, marks } = watched(objects);
		becomeReady(cluster);
		await settled();
		expect(marks).toEqual([]);
	});

	test('that is gone', async () => {
		const { cluster, marks } = watched([...waiting(), notReady()]);
		cluster.remove('Pod', 'ns/app');
		becomeReady(cluster);
		await settled();
		expect(marks).toEqual([]);
	});
});

describe('a pod that was refused before this process began', () => {
	const refusedBefore = (): Manifest<'Pod'> => {
		const message =
			'0/3 nodes are available: 3 claim data waits for its source, VolumeSnapshot s: it is not ready to use yet.';
		const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
		return { ...pod('app', 'data'), status: { conditions } };
	};

	test('is marked where its source has come right since', async () => {
		const { marks } = watched([restore('data', 's'), content('s'), snapshot('s'), refusedBefore()]);
		await settled();
		expect(marks).toHaveLength(1);
	});

	test('is marked when it comes right, once', async () => {
		const { cluster, marks } = watched([restore('data', 's'), content('s'), notReady(), refusedBefore()]);
		await settled();
		expect(marks).toEqual([]);
		becomeReady(cluster);
		await settled();
		expect(marks).toHaveLength(1);
	});
});

const MOUNTED = [{ name: 'v0', persistentVolumeClaim: { claimName: 'data' } }];

test('a pod whose scheduler does not ask topobind is left alone', async () => {
	const others: Manifest<'Pod'> = { ...pod('app', 'data'), spec: { schedulerName: 'another', volumes: MOUNTED } };
	const { cluster, marks } = watched([restore('data', 's'), content('s'), notReady(), others]);
	becomeReady(cluster);
	await settled();
	expect(marks).toEqual([]);
});
