import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { Nudger } from '../../../src/nudge/nudger.ts';
import { claim, type Manifest, pod, project, put } from '../domain/builders.ts';
import { content, restore, scene, snapshot } from '../domain/source-builders.ts';

const ends: (() => void)[] = [];
afterEach(() => {
	for (const end of ends.splice(0)) end();
});

function watched(objects: readonly Manifest[]) {
	const cluster = scene(objects);
	const marks: string[] = [];
	const nudger = new Nudger(cluster, {
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

	test('whose claims have no source, or another', async () => {
		const { cluster, marks } = watched([claim('plain', { class: 'csi' }), pod('other', 'plain'), notReady()]);
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
