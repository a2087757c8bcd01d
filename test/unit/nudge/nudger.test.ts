import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { Nudger } from '../../../src/nudge/nudger.ts';
import { claim, type Manifest, pod, project, put, storageClass } from '../domain/builders.ts';
import {
	clone,
	content,
	grant,
	origin,
	REACH,
	restore,
	scene,
	snapshot,
	snapshotClass,
} from '../domain/source-builders.ts';

const ends: (() => void)[] = [];
afterEach(() => {
	for (const end of ends.splice(0)) end();
});

function watched(objects: readonly Manifest[]) {
	const cluster = scene(objects);
	const marks: string[] = [];
	const nudged: string[] = [];
	const api = { fails: false };
	const nudger = new Nudger(cluster, {
		isAsked: ({ schedulerName }) => schedulerName === 'default-scheduler',
		async mark({ name }, mark) {
			if (api.fails) throw new Error('forbidden');
			marks.push(`${name} ${mark}`);
		},
		onNudge: ({ name }, error) => nudged.push(`${name} ${error?.message ?? 'done'}`),
	});
	ends.push(nudger.start());
	return { cluster, marks, nudged, api, nudger };
}

function later<K extends Manifest>(manifest: K, resourceVersion = '2'): K {
	return { ...manifest, metadata: { ...manifest.metadata, resourceVersion } };
}

const APP = project(pod('app', 'data'));

/** The pod, as somebody has marked it: `app MARK`. */
function marked(mark = '', app = pod('app', 'data')): Manifest<'Pod'> {
	const annotations = { 'topobind.dev/try-again': mark.split(' ')[1] ?? '' };
	return { ...app, metadata: { ...app.metadata, annotations } };
}
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
		const { cluster, marks, nudged } = watched([...waiting(), notReady()]);
		becomeReady(cluster);
		put(cluster, later(content('s')));
		await settled();
		put(cluster, later(snapshot('s'), '3'));
		await settled();
		expect(marks).toEqual([expect.stringMatching(/^app [0-9a-f]{16}$/)]);
		expect(nudged).toEqual(['app done']);
	});

	test('which is told of where it fails', async () => {
		const { cluster, nudged, api } = watched([...waiting(), notReady()]);
		api.fails = true;
		becomeReady(cluster);
		await settled();
		expect(nudged).toEqual(['app forbidden']);
	});

	test('also beside a claim and its clone, which are made along and wait for nothing', async () => {
		const pair = [claim('fresh', { class: 'csi' }), clone('twin', 'fresh'), pod('app', 'data', 'fresh', 'twin')];
		const { cluster, marks } = watched([...waiting(), notReady(), ...pair]);
		becomeReady(cluster);
		await settled();
		expect(marks).toHaveLength(1);
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
		const second = watched([restore('data', 's'), marked(first.marks[0]), content('s'), notReady()]);
		becomeReady(second.cluster);
		await settled();
		expect(second.marks).toHaveLength(1);
		expect(second.marks).not.toEqual(first.marks);
	});

	test('with the same mark by a replica that sees the mark of another before the change', async () => {
		const [one, two] = [watched([...waiting(), notReady()]), watched([...waiting(), notReady()])];
		becomeReady(one.cluster);
		await settled();
		put(two.cluster, later(marked(one.marks[0])));
		await settled();
		becomeReady(two.cluster);
		await settled();
		expect(two.marks).toEqual(one.marks);
	});

	test('with another mark for each reach, as no problem comes between', async () => {
		const reaching = (reach: string, version: string) =>
			later(content('s', { annotations: { [REACH]: reach }, managedBy: 'n1' }), version);
		const { cluster, marks } = watched([restore('data', 's'), pod('app', 'data'), snapshot('s'), content('s')]);
		put(cluster, reaching('managed-by-node', '2'));
		await settled();
		put(cluster, reaching('anywhere', '3'));
		await settled();
		expect(new Set(marks).size).toBe(2);
	});

	test('when its claim is made anew of a source that is ready', async () => {
		const { cluster, marks } = watched([...waiting(), notReady(), snapshot('other'), content('other')]);
		cluster.remove('PersistentVolumeClaim', 'ns/data');
		await settled();
		put(cluster, later(restore('data', 'other', { metadata: { uid: 'anew' } })));
		await settled();
		expect(marks).toHaveLength(1);
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
	])('%s', async (_, strangers, expected) => {
		const { cluster, marks, nudger } = watched([restore('data', 's'), content('s'), snapshot('s')]);
		nudger.refused(APP);
		refuseStrangers(nudger, strangers);
		put(cluster, pod('app', 'data'));
		await settled();
		expect(marks).toHaveLength(expected);
	});

	test('is not taken for an earlier one of its name, which is still seen', async () => {
		const earlier = pod('app', 'data');
		const { cluster, marks, nudger } = watched([
			...[restore('data', 's'), content('s'), snapshot('s')],
			{ ...earlier, metadata: { ...earlier.metadata, uid: 'earlier' } },
		]);
		nudger.refused(APP);
		for (let i = 0; i < 5_000; i++) nudger.refused({ ...APP, uid: `never-${i}` });
		put(cluster, later(pod('app', 'data')));
		await settled();
		expect(marks).toEqual([]);
	});

	test('is marked for that once: where it is seen again, it was not refused anew', async () => {
		const { cluster, marks, nudger } = watched([restore('data', 's'), content('s'), snapshot('s')]);
		nudger.refused(APP);
		for (let i = 0; i < 2; i++) {
			put(cluster, pod('app', 'data'));
			await settled();
			cluster.remove('Pod', 'ns/app');
		}
		expect(marks).toHaveLength(1);
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
		const filled = restore('filled', 's', { kind: 'Book', apiGroup: 'populators.example.com' });
		const plain = claim('plain', { class: 'csi' });
		const { cluster, marks } = watched([plain, filled, pod('other', 'plain', 'filled'), notReady()]);
		becomeReady(cluster);
		await settled();
		expect(marks).toEqual([]);
	});

	test('whose source is a claim: kube-scheduler sees that for itself', async () => {
		const [data, volume] = origin() as [Manifest<'PersistentVolumeClaim'>, Manifest<'PersistentVolume'>];
		const { cluster, marks } = watched([
			clone('copy', 'origin'),
			pod('app', 'copy'),
			claim('origin', { class: 'csi' }),
		]);
		put(cluster, volume);
		put(cluster, later(data));
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

	test('that was gone while its source came right: what was known of it is forgotten', async () => {
		const { cluster, marks } = watched([...waiting(), notReady()]);
		cluster.remove('Pod', 'ns/app');
		becomeReady(cluster);
		await settled();
		put(cluster, later(pod('app', 'data')));
		await settled();
		expect(marks).toEqual([]);
	});

	test('that gave way to another of its name meanwhile: so is that', async () => {
		const { cluster, marks } = watched([...waiting(), notReady()]);
		const other = pod('app', 'data');
		put(cluster, { ...other, metadata: { ...other.metadata, uid: 'other', resourceVersion: '2' } });
		await settled();
		cluster.remove('Pod', 'ns/app');
		becomeReady(cluster);
		put(cluster, later(pod('app', 'data'), '3'));
		await settled();
		expect(marks).toEqual([]);
	});
});

describe('what it costs', () => {
	test('one look for all changes of a turn', async () => {
		const { cluster } = watched([...waiting(), notReady()]);
		const all = vi.spyOn(cluster, 'all');
		for (let i = 2; i < 100; i++) put(cluster, later(notReady(), String(i)));
		await settled();
		expect(all.mock.calls).toEqual([['Pod']]);
	});

	test('none for a claim that no pod mounts, be it of the same name elsewhere', async () => {
		const { cluster } = watched([...waiting(), notReady()]);
		await settled();
		const asked = vi.spyOn(cluster, 'claim');
		put(cluster, claim('data', { metadata: { namespace: 'elsewhere' } }));
		await settled();
		expect(asked).not.toHaveBeenCalled();
	});
});

describe('a pod that was refused before this process began', () => {
	const refusedBefore = (
		problem = 'waits for its source, VolumeSnapshot s: it is not ready to use yet',
	): Manifest<'Pod'> => {
		const message = `0/3 nodes are available: 3 claim data ${problem}.`;
		const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
		return { ...pod('app', 'data'), status: { conditions } };
	};

	test.each([
		['waits for its source, VolumeSnapshot s: it is not ready to use yet', 1],
		['cannot be filled from its source, VolumeSnapshot s: its restore size is 9Gi', 1],
		['finds no available volume of class csi with 1Gi', 0],
	])('is marked where its source has come right since, and only for that: %s', async (problem, count) => {
		const { marks } = watched([restore('data', 's'), content('s'), snapshot('s'), refusedBefore(problem)]);
		await settled();
		expect(marks).toHaveLength(count);
	});

	const HOST = 'kubernetes.io/hostname';
	const MUST_GO = 'must go where its source, VolumeSnapshot s, can be reached:';

	test.each([
		['the same place', `${MUST_GO} ${HOST} in (n2)`, 0],
		['the same place, and more is wrong', `${MUST_GO} ${HOST} in (n2), 1 Insufficient cpu`, 0],
		['another place', `${MUST_GO} ${HOST} in (n1)`, 1],
		['two places', `${MUST_GO} ${HOST} in (n2) or ${HOST} in (n1)`, 1],
		['another place, for another claim', `${MUST_GO} ${HOST} in (n2), 1 claim other ${MUST_GO} ${HOST} in (n1)`, 0],
	])('and was sent to %s: is marked where its source has come to reach others', async (_, said, count) => {
		const reached = content('s', { annotations: { [REACH]: 'source-volume' } });
		const { marks } = watched([...origin(), restore('data', 's'), reached, snapshot('s'), refusedBefore(said)]);
		await settled();
		expect(marks).toHaveLength(count);
	});

	test('and was sent to some place: is marked where its source has come to reach every node', async () => {
		const said = `${MUST_GO} ${HOST} in (n1)`;
		const { marks } = watched([restore('data', 's'), content('s'), snapshot('s'), refusedBefore(said)]);
		await settled();
		expect(marks).toHaveLength(1);
	});

	test('is marked otherwise than it is by then, or it would not change', async () => {
		const ready = [restore('data', 's'), content('s'), snapshot('s')];
		const first = watched([...ready, refusedBefore()]);
		await settled();
		const second = watched([...ready, marked(first.marks[0], refusedBefore())]);
		await settled();
		expect(second.marks).toHaveLength(1);
		expect(second.marks).not.toEqual(first.marks);
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
