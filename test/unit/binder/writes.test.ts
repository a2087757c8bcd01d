/** How the writes of a bind may fail, and that what was assumed ends with them. */

import { describe, expect, test, vi } from 'vitest';
import { retryTransient } from '../../../src/binder/retry.ts';
import { claim, NAMESPACE, pod, project, volume } from '../domain/builders.ts';
import { target } from './fake-cluster.ts';
import { errorOf, ground, turn, until } from './support.ts';

const LOCAL = [volume('pv', { on: 'n1' }), claim('data'), pod('app', 'data')];
const DYNAMIC = [claim('data', { class: 'csi' }), pod('app', 'data')];
const TAKEN = { claimRef: { namespace: NAMESPACE, name: 'other', uid: 'uid-other' } };

describe('a conflict', () => {
	test('the decision still holds: it is judged again and goes on', async () => {
		const { cluster, binder } = ground(LOCAL);
		cluster.holdWatch();
		cluster.change('PersistentVolume', 'pv', { labels: { touched: 'yes' } });
		cluster.on('claimVolume', 'before', () => queueMicrotask(() => setImmediate(() => cluster.releaseWatch())));
		const end = binder.bind(target('app'));
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		cluster.bindVolumes();
		await end;
		expect(cluster.calls).toEqual(['claimVolume pv for data', 'claimVolume pv for data', 'bindPod app to n1']);
	});

	test('the decision holds no longer: refused with the reason', async () => {
		const { cluster, binder } = ground(LOCAL);
		cluster.holdWatch();
		cluster.change('PersistentVolume', 'pv', TAKEN);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.calls.length > 0);
		await turn();
		cluster.releaseWatch();
		expect(await end).toMatchObject({
			result: 'refused',
			message: 'claim data finds no available volume of class local with 1Gi',
		});
	});

	test('another volume serves as well: that one is taken', async () => {
		const { cluster, binder } = ground([...LOCAL, volume('pv-2', { on: 'n1' })]);
		cluster.holdWatch();
		cluster.change('PersistentVolume', 'pv', TAKEN);
		const end = binder.bind(target('app'));
		await until(() => cluster.calls.length > 0);
		await turn();
		cluster.releaseWatch();
		await until(() => cluster.volume('pv-2')?.claimRef !== undefined);
		cluster.bindVolumes();
		await end;
		expect(cluster.claim('data')?.volumeName).toBe('pv-2');
	});

	test('and the watch shows nothing for long: tried again at a bounded pace', async () => {
		const { cluster, binder } = ground(LOCAL, { timeoutMs: 500 });
		cluster.holdWatch();
		cluster.change('PersistentVolume', 'pv', TAKEN);
		expect(await errorOf(binder.bind(target('app')))).toMatchObject({ result: 'timeout' });
		expect(cluster.calls.length).toBeGreaterThan(1);
		expect(cluster.calls.length).toBeLessThan(5);
	});

	test('also where the watch showed something else meanwhile', async () => {
		const { cluster, binder } = ground(LOCAL, { timeoutMs: 500 });
		cluster.holdWatch();
		cluster.change('PersistentVolume', 'pv', TAKEN);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.calls.length === 1);
		cluster.state.upsert('PersistentVolume', project(volume('another', { on: 'n2' })));
		expect(await end).toMatchObject({ result: 'timeout' });
		expect(cluster.calls.length).toBeLessThan(6);
	});

	test('of the second of two writes: the first stays, with its claim bound', async () => {
		const { cluster, binder } = ground([
			...['pv-1', 'pv-2'].map((name) => volume(name, { on: 'n1' })),
			...['a', 'b'].map((name) => claim(name)),
			pod('app', 'a', 'b'),
		]);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.volume('pv-1')?.claimRef !== undefined);
		await turn();
		// The second is written when the first claim is bound, and nobody else's until then.
		expect(cluster.calls).toEqual(['claimVolume pv-1 for a']);
		expect(cluster.state.volume('pv-2')?.claimRef?.name).toBe('b');
		cluster.on('claimVolume', 'before', () => cluster.change('PersistentVolume', 'pv-2', TAKEN));
		cluster.bindVolumes();
		expect(await end).toMatchObject({ result: 'refused' });
		expect(cluster.claim('a')?.volumeName).toBe('pv-1');
		expect(cluster.volume('pv-2')?.claimRef?.name).not.toBe('b');
	});
});

describe('a fault that passes', () => {
	test('is tried again, not before the API server asked for', async () => {
		const { cluster, binder } = ground(LOCAL);
		cluster.fail('claimVolume', 'before', 'transient', { retryAfterMs: 150 });
		const started = performance.now();
		const end = binder.bind(target('app'));
		await until(() => cluster.calls.length === 1);
		await turn();
		expect(cluster.state.assumed).toBe(1);
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		expect(performance.now() - started).toBeGreaterThan(145);
		cluster.bindVolumes();
		await end;
	});

	test('that never passes ends with the time, and nothing stays assumed', async () => {
		const { cluster, binder } = ground(LOCAL, { timeoutMs: 60 });
		for (let i = 0; i < 50; i++) cluster.fail('claimVolume', 'before', 'transient');
		expect(await errorOf(binder.bind(target('app')))).toMatchObject({ result: 'timeout' });
		expect(cluster.calls.length).toBeLessThan(6);
		expect(cluster.state.assumed).toBe(0);
	});
});

test('a write does not begin once the time is up', async () => {
	const write = vi.fn(async () => {});
	await expect(retryTransient(write, AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
	expect(write).not.toHaveBeenCalled();
});

describe('a write that the watch shows late', () => {
	test('claimVolume: waited for, not taken for a volume that somebody took away', async () => {
		const { cluster, binder } = ground(LOCAL);
		cluster.holdWatch();
		const end = binder.bind(target('app'));
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		for (let i = 0; i < 5; i++) await turn();
		expect(binder.running).toBe(1);
		cluster.releaseWatch();
		cluster.bindVolumes();
		await end;
		expect(cluster.assignments.length).toBe(1);
	});

	test('selectNode: the same', async () => {
		const { cluster, binder } = ground(DYNAMIC);
		cluster.holdWatch();
		const end = binder.bind(target('app'));
		await until(() => cluster.claim('data')?.selectedNode !== undefined);
		for (let i = 0; i < 5; i++) await turn();
		expect(binder.running).toBe(1);
		cluster.releaseWatch();
		cluster.provision('data', volume('made', { class: 'csi', on: 'n1' }));
		await end;
		expect(cluster.calls.filter((call) => call.startsWith('selectNode'))).toHaveLength(1);
	});
});

describe('a write that succeeded although its answer was lost', () => {
	test('claimVolume: found written, and finished', async () => {
		const { cluster, binder } = ground(LOCAL);
		cluster.fail('claimVolume', 'after', 'transient');
		const end = binder.bind(target('app'));
		await until(() => cluster.calls.length === 2);
		cluster.bindVolumes();
		await end;
		expect(cluster.calls).toEqual(['claimVolume pv for data', 'claimVolume pv for data', 'bindPod app to n1']);
		expect(cluster.assignments.length).toBe(1);
	});

	test('claimVolume, and the watch is slower than the second try', async () => {
		const { cluster, binder } = ground(LOCAL);
		cluster.holdWatch();
		cluster.fail('claimVolume', 'after', 'transient');
		const end = binder.bind(target('app'));
		await until(() => cluster.calls.length === 2);
		await turn();
		cluster.releaseWatch();
		cluster.bindVolumes();
		await end;
		expect(cluster.assignments.length).toBe(1);
	});

	test('selectNode', async () => {
		const { cluster, binder } = ground(DYNAMIC);
		cluster.fail('selectNode', 'after', 'transient');
		const end = binder.bind(target('app'));
		await until(() => cluster.calls.length === 2);
		cluster.provision('data', volume('made', { class: 'csi', on: 'n1' }));
		await end;
		expect(cluster.pod('app')?.nodeName).toBe('n1');
	});

	test.each([
		['and the watch has shown it', false],
		['and the watch has not shown it yet', true],
	])('bindPod, %s: success', async (_, held) => {
		const { cluster, binder } = ground([pod('app')]);
		if (held) cluster.holdWatch();
		cluster.fail('bindPod', 'after', 'transient');
		await binder.bind(target('app'));
		expect(cluster.calls).toEqual(['bindPod app to n1', 'bindPod app to n1', 'readPod app']);
	});
});

describe('an object is gone', () => {
	test('the volume: another is taken, or refused', async () => {
		const { cluster, binder } = ground([...LOCAL, volume('pv-2', { on: 'n1' })]);
		cluster.holdWatch();
		cluster.remove('PersistentVolume', 'pv');
		const end = binder.bind(target('app'));
		await until(() => cluster.calls.length === 1);
		await turn();
		cluster.releaseWatch();
		await until(() => cluster.volume('pv-2')?.claimRef !== undefined);
		cluster.bindVolumes();
		await end;
	});

	test('the claim', async () => {
		const { cluster, binder } = ground(DYNAMIC);
		cluster.holdWatch();
		cluster.remove('PersistentVolumeClaim', 'data');
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.calls.length === 1);
		await turn();
		cluster.releaseWatch();
		expect(await end).toMatchObject({ result: 'refused', message: 'claim data does not exist' });
	});

	test('the pod, as it is bound', async () => {
		const { cluster, binder } = ground([pod('app')]);
		cluster.holdWatch();
		cluster.remove('Pod', 'app');
		expect(await errorOf(binder.bind(target('app')))).toMatchObject({
			result: 'ended',
			message: 'pod ns/app no longer exists',
		});
	});

	test.each([
		['is being deleted', { deleting: true }, 'pod ns/app is being deleted'],
		['is another one', { uid: 'uid-second' }, 'pod ns/app is another one by now: its UID is not uid-app'],
		['is on another node', { nodeName: 'n2' }, 'pod ns/app is already bound to another node'],
	])('the pod %s as it is bound, which the watch has not shown', async (_, fields, message) => {
		const { cluster, binder } = ground([pod('app')]);
		cluster.holdWatch();
		cluster.change('Pod', 'app', fields);
		expect(await errorOf(binder.bind(target('app')))).toMatchObject({ result: 'ended', message });
	});
});

describe('a write is refused', () => {
	test.each(['claimVolume', 'bindPod'] as const)('%s: the bind fails with what the API server said', async (call) => {
		const { cluster, binder } = ground(LOCAL);
		cluster.fail(call, 'before', 'refused');
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.calls.length === 1);
		cluster.bindVolumes();
		expect(await end).toMatchObject({ result: 'failed', message: 'scripted refused' });
		expect(cluster.calls).not.toContain('readPod app');
	});
});

describe('two pods share a claim', () => {
	const SHARED = [volume('pv', { on: 'n1' }), claim('data'), pod('one', 'data'), pod('two', 'data')];

	test('the second waits for what the first writes; the volume is claimed once', async () => {
		const { cluster, binder } = ground(SHARED);
		const held = cluster.gate('claimVolume', 'before');
		const both = [binder.bind(target('one')), binder.bind(target('two'))];
		await held.reached;
		held.open();
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		cluster.bindVolumes();
		await Promise.all(both);
		expect(cluster.calls.filter((call) => call.startsWith('claimVolume'))).toEqual(['claimVolume pv for data']);
	});

	test.each(['refused', 'conflict'] as const)(
		'the write of the first fails (%s): the second takes over',
		async (failure) => {
			const { cluster, binder } = ground(SHARED);
			const held = cluster.gate('claimVolume', 'before');
			const one = binder.bind(target('one')).catch(() => {});
			await held.reached;
			const two = binder.bind(target('two'));
			await turn();
			held.fail(failure);
			await until(() => cluster.volume('pv')?.claimRef !== undefined);
			cluster.bindVolumes();
			await Promise.all([one, two]);
			expect(cluster.pod('two')?.nodeName).toBe('n1');
		},
	);

	test('and it is provisioned: the same', async () => {
		const { cluster, binder } = ground([claim('data', { class: 'csi' }), pod('one', 'data'), pod('two', 'data')]);
		const held = cluster.gate('selectNode', 'before');
		const one = errorOf(binder.bind(target('one')));
		await held.reached;
		const two = binder.bind(target('two'));
		await turn();
		held.fail('refused');
		expect(await one).toMatchObject({ result: 'failed' });
		await until(() => cluster.claim('data')?.selectedNode === 'n1');
		cluster.provision('data', volume('made', { class: 'csi', on: 'n1' }));
		await two;
	});

	test('on two nodes: the second is refused, as the volume is elsewhere', async () => {
		const { cluster, binder } = ground(SHARED);
		const held = cluster.gate('claimVolume', 'before');
		const one = binder.bind(target('one', 'n1'));
		await held.reached;
		expect(await errorOf(binder.bind(target('two', 'n2')))).toMatchObject({ result: 'refused' });
		held.open();
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		cluster.bindVolumes();
		await one;
	});

	test('on two nodes, and it is provisioned: the second is refused while the first still writes', async () => {
		const { cluster, binder } = ground([claim('data', { class: 'csi' }), pod('one', 'data'), pod('two', 'data')]);
		const held = cluster.gate('selectNode', 'before');
		const one = binder.bind(target('one', 'n1'));
		await held.reached;
		expect(await errorOf(binder.bind(target('two', 'n2')))).toMatchObject({
			result: 'refused',
			message: 'claim data is already being provisioned for another node',
		});
		held.open();
		await until(() => cluster.claim('data')?.selectedNode === 'n1');
		cluster.provision('data', volume('made', { class: 'csi', on: 'n1' }));
		await one;
	});
});
