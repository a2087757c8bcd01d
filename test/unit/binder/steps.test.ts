/** What of a plan is written before what. */

import { describe, expect, test } from 'vitest';
import { claim, pod, volume } from '../domain/builders.ts';
import { clone } from '../domain/source-builders.ts';
import { type FakeCluster, target } from './fake-cluster.ts';
import { errorOf, ground, turn, until } from './support.ts';

const dynamic = (name: string) => claim(name, { class: 'csi' });
const made = (of: string) => volume(`made-${of}`, { class: 'csi', on: 'n1' });

/** A bind of a claim and its clone, which waits for the claim. */
async function waiting() {
	const { cluster, binder } = ground([clone('copy', 'data'), dynamic('data'), pod('app', 'copy', 'data')]);
	const end = binder.bind(target('app'));
	await until(() => cluster.claim('data')?.selectedNode !== undefined);
	await turn();
	return { cluster, end };
}

describe('a clone and the claim that it is cloned from, in one pod', () => {
	test('the clone is handed to the provisioner when its source is bound, and not before', async () => {
		const { cluster, end } = await waiting();
		expect(cluster.calls).toEqual(['selectNode n1 for data']);
		cluster.provision('data', made('data'));
		await until(() => cluster.calls.length > 1);
		cluster.provision('copy', made('copy'));
		await end;
		expect(cluster.calls).toEqual(['selectNode n1 for data', 'selectNode n1 for copy', 'bindPod app to n1']);
	});

	test('a clone of a clone comes last', async () => {
		const { cluster, binder } = ground([
			clone('third', 'second'),
			clone('second', 'first'),
			dynamic('first'),
			pod('app', 'third', 'second', 'first'),
		]);
		const end = binder.bind(target('app'));
		for (const [i, name] of ['first', 'second', 'third'].entries()) {
			await until(() => cluster.calls.length > i);
			await turn();
			expect(cluster.calls.at(-1)).toBe(`selectNode n1 for ${name}`);
			cluster.provision(name, made(name));
		}
		await end;
	});

	test('where the source is given back for want of room, the clone is pinned nowhere', async () => {
		const { cluster, end } = await waiting();
		cluster.change('PersistentVolumeClaim', 'data', { selectedNode: undefined });
		expect(await errorOf(end)).toMatchObject({ message: 'the selected node of claim data was taken back' });
		expect(cluster.claim('copy')?.selectedNode).toBeUndefined();
		expect(cluster.state.assumed).toBe(0);
	});

	test('the source is claimed a volume that is there: the clone waits for it as well', async () => {
		const { cluster, binder } = ground([
			claim('first', { size: '1Mi' }),
			volume('pv', { on: 'n1' }),
			claim('data', { class: 'csi', size: '2Mi' }),
			volume('there', {
				class: 'csi',
				on: 'n1',
				size: '5Mi',
				spec: { csi: { driver: 'csi.test', volumeHandle: 'h' } },
			}),
			clone('copy', 'data'),
			pod('app', 'copy', 'data', 'first'),
		]);
		const end = binder.bind(target('app'));
		for (const [i, volumeOf] of ['pv for first', 'there for data'].entries()) {
			await until(() => cluster.calls.length > i);
			await turn();
			expect(cluster.calls.slice(i)).toEqual([`claimVolume ${volumeOf}`]);
			cluster.bindVolumes();
		}
		await until(() => cluster.calls.length > 2);
		expect(cluster.calls[2]).toBe('selectNode n1 for copy');
		cluster.provision('copy', made('copy'));
		await end;
	});
});

test('claims of which none is cloned from another are handed to the provisioner at once', async () => {
	const { cluster, binder } = ground([dynamic('one'), dynamic('two'), pod('app', 'one', 'two')]);
	const end = binder.bind(target('app'));
	await until(() => cluster.calls.length === 2);
	expect(cluster.calls).toEqual(['selectNode n1 for one', 'selectNode n1 for two']);
	cluster.provision('one', made('one'));
	cluster.provision('two', made('two'));
	await end;
});

describe('while a claim is waited for, what comes after it', () => {
	test('is deleted, or made anew: the bind ends at once', async () => {
		for (const change of [
			(cluster: FakeCluster) => cluster.remove('PersistentVolumeClaim', 'copy'),
			(cluster: FakeCluster) => cluster.change('PersistentVolumeClaim', 'copy', { uid: 'anew' }),
		]) {
			const { cluster, end } = await waiting();
			change(cluster);
			expect(await errorOf(end)).toMatchObject({ result: 'ended', message: 'claim copy no longer exists' });
			expect(cluster.calls).toEqual(['selectNode n1 for data']);
		}
	});

	test('is pinned to another node: the bind ends at once', async () => {
		const { cluster, end } = await waiting();
		cluster.change('PersistentVolumeClaim', 'copy', { selectedNode: 'n2' });
		expect(await errorOf(end)).toMatchObject({ result: 'refused' });
	});

	test('changes otherwise: it is planned for anew, and nothing is written twice', async () => {
		const { cluster, end } = await waiting();
		cluster.change('PersistentVolumeClaim', 'copy', {});
		await until(() => cluster.state.isAssumed('PersistentVolumeClaim', 'ns/copy'));
		cluster.provision('data', made('data'));
		await until(() => cluster.calls.length > 1);
		cluster.provision('copy', made('copy'));
		await end;
		expect(cluster.calls).toEqual(['selectNode n1 for data', 'selectNode n1 for copy', 'bindPod app to n1']);
	});

	test('changes as the node of its source is taken back: that is not chosen again', async () => {
		const { cluster, end } = await waiting();
		cluster.holdWatch();
		cluster.change('PersistentVolumeClaim', 'copy', {});
		cluster.change('PersistentVolumeClaim', 'data', { selectedNode: undefined });
		cluster.releaseWatch();
		expect(await errorOf(end)).toMatchObject({ message: 'the selected node of claim data was taken back' });
	});

	test('is a volume that somebody else takes: another is chosen at once', async () => {
		const { cluster, binder } = ground([
			claim('one', { size: '1Mi' }),
			claim('two', { size: '2Mi' }),
			...['a', 'b', 'c'].map((name) => volume(name, { on: 'n1' })),
			pod('app', 'one', 'two'),
		]);
		const end = binder.bind(target('app'));
		await until(() => cluster.volume('a')?.claimRef !== undefined);
		await turn();
		cluster.change('PersistentVolume', 'b', { claimRef: { namespace: 'ns', name: 'other', uid: 'uid-other' } });
		await until(() => cluster.state.isAssumed('PersistentVolume', 'c'));
		cluster.bindVolumes();
		await until(() => cluster.calls.length > 1);
		cluster.bindVolumes();
		await end;
		expect(cluster.calls).toEqual(['claimVolume a for one', 'claimVolume c for two', 'bindPod app to n1']);
	});
});

test('a clone that an earlier bind has handed to the provisioner already does not hold up another', async () => {
	const { cluster, binder } = ground([
		clone('copy', 'data', { selectedNode: 'n1' }),
		clone('other', 'data'),
		dynamic('data'),
		pod('app', 'copy', 'other', 'data'),
	]);
	const end = binder.bind(target('app'));
	await until(() => cluster.claim('data')?.selectedNode !== undefined);
	cluster.provision('data', made('data'));
	await until(() => cluster.calls.length > 1);
	expect(cluster.calls).toEqual(['selectNode n1 for data', 'selectNode n1 for other']);
	for (const name of ['copy', 'other']) cluster.provision(name, made(name));
	await end;
});

test('while a clone is waited for, the claim of an earlier part is deleted: the bind ends at once', async () => {
	const { cluster, binder } = ground([
		clone('third', 'second'),
		clone('second', 'first'),
		dynamic('first'),
		pod('app', 'third', 'second', 'first'),
	]);
	const end = binder.bind(target('app'));
	await until(() => cluster.claim('first')?.selectedNode !== undefined);
	cluster.provision('first', made('first'));
	await until(() => cluster.claim('second')?.selectedNode !== undefined);
	await turn();
	cluster.remove('PersistentVolumeClaim', 'first');
	expect(await errorOf(end)).toMatchObject({ result: 'ended', message: 'claim first no longer exists' });
});
