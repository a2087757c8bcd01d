/** What of a plan is written before what. */

import { describe, expect, test } from 'vitest';
import { claim, pod, volume } from '../domain/builders.ts';
import { clone } from '../domain/source-builders.ts';
import { target } from './fake-cluster.ts';
import { errorOf, ground, turn, until } from './support.ts';

const dynamic = (name: string) => claim(name, { class: 'csi' });
const made = (of: string) => volume(`made-${of}`, { class: 'csi', on: 'n1' });

describe('a clone and the claim that it is cloned from, in one pod', () => {
	test('the clone is handed to the provisioner when its source is bound, and not before', async () => {
		const { cluster, binder } = ground([clone('copy', 'data'), dynamic('data'), pod('app', 'copy', 'data')]);
		const end = binder.bind(target('app'));
		await until(() => cluster.claim('data')?.selectedNode !== undefined);
		await turn();
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
		const { cluster, binder } = ground([clone('copy', 'data'), dynamic('data'), pod('app', 'copy', 'data')]);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.claim('data')?.selectedNode !== undefined);
		await turn();
		cluster.change('PersistentVolumeClaim', 'data', { selectedNode: undefined });
		expect(await end).toMatchObject({ message: 'the selected node of claim data was taken back' });
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
