/** Claims that are bound before the bind begins: what the watch has not shown yet must not bind the pod. */

import { describe, expect, test } from 'vitest';
import { claim, type Manifest, pod, volume } from '../domain/builders.ts';
import { type FakeCluster, target } from './fake-cluster.ts';
import { errorOf, ground, turn, until } from './support.ts';

const boundTo = (name: string, of: string) =>
	volume(name, { on: 'n1', phase: 'Bound', claimRef: { name: of, uid: `uid-${of}` } });
const BOUND: readonly Manifest[] = [boundTo('pv', 'data'), claim('data', { bound: 'pv' }), pod('app', 'data')];

/** The claim is deleted and made anew, and its volume is Released, as a reclaim policy of Retain has it. */
function remake(cluster: FakeCluster): void {
	cluster.remove('PersistentVolumeClaim', 'data');
	cluster.change('PersistentVolume', 'pv', { phase: 'Released' });
	cluster.put(claim('data', { uid: 'uid-new' }));
}

test('a claim that is what the watch has shown is read once, and the pod is bound', async () => {
	const { cluster, binder } = ground(BOUND);
	await binder.bind(target('app'));
	expect(cluster.calls).toEqual(['readClaim data', 'bindPod app to n1']);
});

test('what changes nothing of its volume does not hold up the bind, though the watch has not shown it', async () => {
	const { cluster, binder } = ground(BOUND);
	cluster.holdWatch();
	cluster.change('PersistentVolumeClaim', 'data', { sizeBytes: undefined } as never);
	await binder.bind(target('app'));
	expect(cluster.pod('app')?.nodeName).toBe('n1');
});

describe('the watch is late', () => {
	test('a claim was made anew: the pod waits until it is shown, and is judged again', async () => {
		const { cluster, binder } = ground(BOUND);
		cluster.holdWatch();
		remake(cluster);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.calls.length === 1);
		await turn();
		await turn();
		expect(cluster.calls).toEqual(['readClaim data']);
		cluster.releaseWatch();
		expect(await end).toMatchObject({
			result: 'refused',
			message: 'claim data finds no available volume of class local with 1Gi',
		});
		expect(cluster.pod('app')?.nodeName).toBe('');
	});

	test('and there is another volume: that one is claimed, and the pod bound', async () => {
		const { cluster, binder } = ground([...BOUND, volume('pv-2', { on: 'n1' })]);
		cluster.holdWatch();
		remake(cluster);
		const end = binder.bind(target('app'));
		await until(() => cluster.calls.length === 1);
		cluster.releaseWatch();
		await until(() => cluster.volume('pv-2')?.claimRef !== undefined);
		cluster.bindVolumes();
		await end;
		expect(cluster.calls).toEqual(['readClaim data', 'claimVolume pv-2 for data', 'bindPod app to n1']);
		expect(cluster.claim('data')).toMatchObject({ uid: 'uid-new', volumeName: 'pv-2' });
	});

	test.each([
		['is being deleted', { deleting: true }, 'claim data is being deleted'],
		['has lost its volume', { phase: 'Lost' }, 'claim data has lost its volume pv'],
	])('a claim %s: refused for that, once it is shown', async (_, fields, message) => {
		const { cluster, binder } = ground(BOUND);
		cluster.holdWatch();
		cluster.change('PersistentVolumeClaim', 'data', fields as never);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.calls.length === 1);
		cluster.releaseWatch();
		expect(await end).toMatchObject({ result: 'refused', message });
	});

	test.each([
		['is bound to another volume', { volumeName: 'elsewhere' }],
		['is bound no longer', { volumeName: '', bindCompleted: false }],
		['is not bound for good', { bindCompleted: false }],
		['is another one that has got the volume', { uid: 'uid-new' }],
	])('a claim %s: the pod is not bound', async (_, fields) => {
		const { cluster, binder } = ground(BOUND, { timeoutMs: 300 });
		cluster.holdWatch();
		cluster.change('PersistentVolumeClaim', 'data', fields);
		expect(await errorOf(binder.bind(target('app')))).toMatchObject({
			result: 'timeout',
			message: 'timed out after 0.3 s waiting for the watch to show how claim data has changed',
		});
		expect(cluster.calls).toEqual(['readClaim data']);
	});

	test('a claim is gone: the bind ends at once and says so', async () => {
		const { cluster, binder } = ground(BOUND);
		cluster.holdWatch();
		cluster.remove('PersistentVolumeClaim', 'data');
		expect(await errorOf(binder.bind(target('app')))).toMatchObject({
			result: 'ended',
			message: 'claim data no longer exists',
		});
		expect(cluster.pod('app')?.nodeName).toBe('');
	});

	test('the pod is deleted before it is shown: the bind ends at once', async () => {
		const { cluster, binder } = ground(BOUND);
		cluster.holdWatch();
		remake(cluster);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.calls.length === 1);
		await turn();
		cluster.remove('Pod', 'app');
		// Watches of two kinds are two: the pod's is in time.
		cluster.state.remove('Pod', 'ns/app');
		expect(await end).toMatchObject({ result: 'ended', message: 'pod ns/app no longer exists' });
	});

	test('the pod is bound to the node by another replica before it is shown: that is success', async () => {
		const { cluster, binder } = ground(BOUND);
		cluster.holdWatch();
		remake(cluster);
		const end = binder.bind(target('app'));
		await until(() => cluster.calls.length === 1);
		await turn();
		cluster.change('Pod', 'app', { nodeName: 'n1' });
		cluster.state.remove('Pod', 'ns/app');
		await end;
		expect(cluster.calls.filter((call) => call.startsWith('bindPod'))).toEqual([]);
	});
});

describe('a read', () => {
	test('that fails for a while is tried again', async () => {
		const { cluster, binder } = ground(BOUND);
		cluster.fail('readClaim', 'before', 'transient');
		cluster.fail('readClaim', 'after', 'transient');
		await binder.bind(target('app'));
		expect(cluster.calls).toEqual(['readClaim data', 'readClaim data', 'readClaim data', 'bindPod app to n1']);
	});

	test('that is refused, or is not answered in time, leaves the pod unbound', async () => {
		const { cluster, binder } = ground(BOUND, { timeoutMs: 300 });
		cluster.fail('readClaim', 'before', 'refused');
		expect(await errorOf(binder.bind(target('app')))).toMatchObject({ result: 'failed', message: 'scripted refused' });
		const held = cluster.gate('readClaim', 'before');
		expect(await errorOf(binder.bind(target('app')))).toMatchObject({
			result: 'timeout',
			message: 'timed out after 0.3 s waiting for the claims to be read',
		});
		held.open();
		await turn();
		expect(cluster.pod('app')?.nodeName).toBe('');
	});
});

test('of many claims a few are read at once, and the last is looked at as the first', async () => {
	const names = Array.from({ length: 11 }, (_, i) => `c${i}`);
	const manifests = names.flatMap((name) => [boundTo(`pv-${name}`, name), claim(name, { bound: `pv-${name}` })]);
	const { cluster, binder } = ground([...manifests, pod('app', ...names)], { timeoutMs: 500 });
	let open = 0;
	let most = 0;
	cluster.pace = async (call, moment) => {
		if (call !== 'readClaim') return;
		open += moment === 'before' ? 1 : -1;
		most = Math.max(most, open);
		await turn();
	};
	cluster.holdWatch();
	cluster.change('PersistentVolumeClaim', 'c10', { volumeName: '', bindCompleted: false });
	expect(await errorOf(binder.bind(target('app')))).toMatchObject({ result: 'timeout' });
	expect(cluster.calls).toEqual(names.map((name) => `readClaim ${name}`));
	expect(most).toBeGreaterThan(1);
	expect(most).toBeLessThan(6);
	expect(cluster.pod('app')?.nodeName).toBe('');
});

describe('a claim of the pod was not bound when the bind began', () => {
	const BOTH = [...BOUND.slice(0, 2), claim('more', { class: 'csi' }), pod('app', 'data', 'more')];
	const provision = (cluster: FakeCluster) => cluster.provision('more', volume('made', { class: 'csi', on: 'n1' }));

	test('the watch has shown it bound since, and so whatever had happened to the others: nothing is read', async () => {
		const { cluster, binder } = ground(BOTH);
		const end = binder.bind(target('app'));
		await until(() => cluster.claim('more')?.selectedNode !== undefined);
		provision(cluster);
		await end;
		expect(cluster.calls).toEqual(['selectNode n1 for more', 'bindPod app to n1']);
	});

	test.each([
		['made anew', remake, 'claim data finds no available volume of class local with 1Gi'],
		[
			'deleted',
			(cluster: FakeCluster) => cluster.change('PersistentVolumeClaim', 'data', { deleting: true }),
			'claim data is being deleted',
		],
	])('a claim that was bound is %s while the other is waited for: judged again', async (_, happen, message) => {
		const { cluster, binder } = ground(BOTH);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.claim('more')?.selectedNode !== undefined);
		await turn();
		happen(cluster);
		provision(cluster);
		expect(await end).toMatchObject({ result: 'refused', message });
		expect(cluster.pod('app')?.nodeName).toBe('');
	});
});
