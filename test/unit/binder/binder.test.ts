/** One bind at a time for each pod, from the judgement to the Binding, and how it may end. */

import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Binder } from '../../../src/binder/binder.ts';
import { claim, csiNode, type Manifest, node, pod, storageClass, terms, volume, ZONE } from '../domain/builders.ts';
import { type FakeCluster, target } from './fake-cluster.ts';
import { errorOf, ground, turn, until } from './support.ts';

const LOCAL = [volume('pv', { on: 'n1' }), claim('data'), pod('app', 'data')];
const DYNAMIC = [claim('data', { class: 'csi' }), pod('app', 'data')];

describe('a bind', () => {
	test('claims the volume, waits for the PV controller, then binds the pod', async () => {
		const { cluster, binder } = ground(LOCAL);
		const end = binder.bind(target('app'));
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		await turn();
		expect(cluster.calls).toEqual(['claimVolume pv for data']);
		cluster.bindVolumes();
		await end;
		expect(cluster.calls).toEqual(['claimVolume pv for data', 'bindPod app to n1']);
		expect(cluster.pod('app')?.nodeName).toBe('n1');
	});

	test('selects the node, waits for the provisioner, then binds the pod', async () => {
		const { cluster, binder } = ground(DYNAMIC);
		const end = binder.bind(target('app'));
		await until(() => cluster.claim('data')?.selectedNode !== undefined);
		cluster.provision('data', volume('made', { class: 'csi', on: 'n1' }));
		await end;
		expect(cluster.calls).toEqual(['selectNode n1 for data', 'bindPod app to n1']);
	});

	test('of a pod without claims writes nothing else', async () => {
		const { cluster, binder } = ground([pod('app')]);
		await binder.bind(target('app'));
		expect(cluster.calls).toEqual(['bindPod app to n1']);
	});

	test('of a pod that is bound to that node already does nothing', async () => {
		const { cluster, binder } = ground(LOCAL);
		cluster.change('Pod', 'app', { nodeName: 'n1' });
		await binder.bind(target('app'));
		expect(cluster.calls).toEqual(['readPod app']);
	});

	test('finishes what another process has written', async () => {
		const { cluster, binder } = ground([
			volume('pv', { on: 'n1', claimRef: { name: 'data', uid: 'uid-data' } }),
			claim('data'),
			pod('app', 'data'),
		]);
		const end = binder.bind(target('app'));
		await turn();
		cluster.bindVolumes();
		await end;
		expect(cluster.calls).toEqual(['bindPod app to n1']);
	});

	test('waits for the volume that the claim names already but the watch has not shown', async () => {
		const { cluster, binder } = ground(DYNAMIC);
		const end = binder.bind(target('app'));
		await until(() => cluster.claim('data')?.selectedNode !== undefined);
		cluster.change('PersistentVolumeClaim', 'data', { volumeName: 'made', bindCompleted: true, phase: 'Bound' });
		await turn();
		expect(cluster.calls).toEqual(['selectNode n1 for data']);
		cluster.put(volume('made', { class: 'csi', on: 'n1', claimRef: { name: 'data', uid: 'uid-data' } }));
		await end;
	});

	test('waits for the claim where the provisioned volume shows before the claim names it', async () => {
		const { cluster, binder } = ground(DYNAMIC);
		const end = binder.bind(target('app'));
		await until(() => cluster.claim('data')?.selectedNode !== undefined);
		cluster.put(volume('made', { class: 'csi', on: 'n1', claimRef: { name: 'data', uid: 'uid-data' } }));
		await turn();
		expect(cluster.calls).toEqual(['selectNode n1 for data']);
		cluster.bindVolumes();
		await end;
	});
});

describe('a pod has one bind at a time', () => {
	test('the same bind twenty times at once is one bind, and all get its end', async () => {
		const { cluster, binder } = ground(LOCAL);
		const all = Array.from({ length: 20 }, () => binder.bind(target('app')));
		expect(binder.running).toBe(1);
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		cluster.bindVolumes();
		await Promise.all(all);
		expect(cluster.calls).toEqual(['claimVolume pv for data', 'bindPod app to n1']);
	});

	test('all get its error, too', async () => {
		const { binder } = ground([claim('data'), pod('app', 'data')]);
		const errors = await Promise.all([1, 2, 3].map(() => errorOf(binder.bind(target('app')))));
		expect(new Set(errors).size).toBe(1);
		expect(errors[0]).toMatchObject({
			result: 'refused',
			message: 'claim data finds no available volume of class local with 1Gi',
		});
	});

	test('for another node it is refused while one runs, and free again afterwards', async () => {
		const { cluster, binder } = ground(LOCAL);
		const held = cluster.gate('claimVolume', 'before');
		const first = binder.bind(target('app', 'n1'));
		await held.reached;
		expect(await errorOf(binder.bind(target('app', 'n2')))).toMatchObject({
			result: 'refused',
			message: 'the pod is being bound to another node',
		});
		held.fail('refused');
		await errorOf(first);
		expect(await errorOf(binder.bind(target('app', 'n2')))).toMatchObject({
			message: 'claim data finds no available volume of class local with 1Gi',
		});
	});

	test('a pod of the same name made anew is another pod', async () => {
		const { cluster, binder } = ground(LOCAL);
		cluster.change('Pod', 'app', { uid: 'uid-second' });
		expect(await errorOf(binder.bind(target('app')))).toMatchObject({
			message: 'pod ns/app is another one by now: its UID is not uid-app',
		});
		const end = binder.bind({ ...target('app'), uid: 'uid-second' });
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		cluster.bindVolumes();
		await end;
	});

	test('also while the bind of the first still runs', async () => {
		const { cluster, binder } = ground(LOCAL);
		const held = cluster.gate('claimVolume', 'before');
		const first = errorOf(binder.bind(target('app')));
		await held.reached;
		cluster.change('Pod', 'app', { uid: 'uid-second' });
		const second = binder.bind({ ...target('app'), uid: 'uid-second' });
		expect(binder.running).toBe(2);
		held.open();
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		cluster.bindVolumes();
		await second;
		expect(await first).toMatchObject({
			result: 'ended',
			message: 'pod ns/app is another one by now: its UID is not uid-app',
		});
	});

	test('also where the watch still shows the first: the API server is asked', async () => {
		const { cluster, binder } = ground([pod('app')]);
		cluster.holdWatch();
		cluster.change('Pod', 'app', { uid: 'uid-second' });
		await binder.bind({ ...target('app'), uid: 'uid-second' });
		expect(cluster.calls).toEqual(['readPod app', 'bindPod app to n1']);
	});
});

describe('what ends a bind', () => {
	/** Ends while the claim is being waited for. */
	async function endOf(objects: readonly Manifest[], what: (cluster: FakeCluster) => void) {
		const { cluster, binder } = ground(objects);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.calls.length > 0);
		await turn();
		what(cluster);
		const { result, message } = await end;
		expect(cluster.pod('app')?.nodeName ?? '').toBe('');
		return { result, message };
	}

	test('the pod is deleted', async () => {
		const gone = { result: 'ended', message: 'pod ns/app no longer exists' };
		expect(await endOf(LOCAL, (cluster) => cluster.remove('Pod', 'app'))).toEqual(gone);
	});

	test('the pod is deleted, and one of its name takes its place', async () => {
		const why = { result: 'ended', message: 'pod ns/app is another one by now: its UID is not uid-app' };
		expect(await endOf(LOCAL, (cluster) => cluster.change('Pod', 'app', { uid: 'uid-second' }))).toEqual(why);
	});

	test('the pod is being deleted', async () => {
		const going = { result: 'ended', message: 'pod ns/app is being deleted' };
		expect(await endOf(LOCAL, (cluster) => cluster.change('Pod', 'app', { deleting: true }))).toEqual(going);
	});

	test('the node vanishes', async () => {
		const why = { result: 'ended', message: 'the node no longer exists' };
		expect(await endOf(LOCAL, (cluster) => cluster.remove('Node', 'n1'))).toEqual(why);
		expect(await endOf(DYNAMIC, (cluster) => cluster.remove('Node', 'n1'))).toEqual(why);
	});

	test('the claim is deleted, also where one of its name takes its place', async () => {
		const why = { result: 'ended', message: 'claim data no longer exists' };
		expect(await endOf(LOCAL, (cluster) => cluster.remove('PersistentVolumeClaim', 'data'))).toEqual(why);
		expect(await endOf(DYNAMIC, (cluster) => cluster.remove('PersistentVolumeClaim', 'data'))).toEqual(why);
		expect(await endOf(LOCAL, (cluster) => cluster.put(claim('data', { uid: 'uid-new' })))).toEqual(why);
	});

	test('the volume is deleted, or taken away', async () => {
		expect(await endOf(LOCAL, (cluster) => cluster.remove('PersistentVolume', 'pv'))).toEqual({
			result: 'ended',
			message: 'volume pv no longer exists',
		});
		const taken = { result: 'ended', message: 'volume pv was taken away from claim data' };
		const reset = { claimRef: undefined };
		expect(await endOf(LOCAL, (cluster) => cluster.change('PersistentVolume', 'pv', reset))).toEqual(taken);
		const other = { claimRef: { namespace: 'ns', name: 'other', uid: 'uid-other' } };
		expect(await endOf(LOCAL, (cluster) => cluster.change('PersistentVolume', 'pv', other))).toEqual(taken);
	});

	test('the provisioner gives the node back', async () => {
		expect(
			await endOf(DYNAMIC, (cluster) => cluster.change('PersistentVolumeClaim', 'data', { selectedNode: undefined })),
		).toEqual({ result: 'ended', message: 'the selected node of claim data was taken back' });
	});

	test('the provisioned volume cannot be reached from the node', async () => {
		const unexpected = volume('made', { class: 'csi', on: 'n2' });
		expect(await endOf(DYNAMIC, (cluster) => cluster.provision('data', unexpected))).toEqual({
			result: 'ended',
			message: 'volume made needs kubernetes.io/hostname in (n2), which the selected node does not have',
		});
	});

	describe('the provisioned volume is an in-tree one', () => {
		const EBS_ZONE = 'topology.ebs.csi.aws.com/zone';
		const inTree = (volumeID: string) =>
			volume('made', {
				...{ class: 'csi', affinity: terms([ZONE, 'In', 'a']), spec: { awsElasticBlockStore: { volumeID } } },
			});
		const migrates = csiNode('n1', 'kubernetes.io/aws-ebs');
		const on = (zone: string, csiZone: string) => node('n1', { [ZONE]: zone, [EBS_ZONE]: csiZone });
		const provisions = (volumeID: string) => (cluster: FakeCluster) => cluster.provision('data', inTree(volumeID));

		test('and its node has migrated to CSI: the CSI driver decides where it can be reached', async () => {
			const { message } = await endOf([...DYNAMIC, on('a', 'b'), migrates], provisions('vol-1'));
			expect(message).toBe(`volume made needs ${EBS_ZONE} in (a), which the selected node does not have`);
			const { message: untranslatable } = await endOf([...DYNAMIC, on('a', 'a'), migrates], provisions('aws:///x'));
			expect(untranslatable).toBe('volume made cannot be migrated to CSI: "aws:///x" is not the id of an EBS volume');
		});

		test('and its node has not: its own affinity does', async () => {
			const { cluster, binder } = ground([...DYNAMIC, on('a', 'b'), csiNode('n1')]);
			const end = binder.bind(target('app'));
			await until(() => cluster.claim('data')?.selectedNode !== undefined);
			cluster.provision('data', inTree('vol-1'));
			await end;
		});

		test('and its node migrates while the claim is waited for: that is noticed', async () => {
			const { cluster, binder } = ground([...DYNAMIC, on('a', 'b'), csiNode('n1')]);
			const end = errorOf(binder.bind(target('app')));
			await until(() => cluster.claim('data')?.selectedNode !== undefined);
			// The claim names its volume, and is not bound to it for good.
			cluster.put(inTree('vol-1'));
			cluster.change('PersistentVolumeClaim', 'data', { volumeName: 'made' });
			await turn();
			cluster.put(migrates);
			expect(await end).toMatchObject({ result: 'ended', message: expect.stringContaining(EBS_ZONE) });
		});
	});

	test('a label of the node changes so that the volume cannot be reached any more', async () => {
		const renamed = node('n1', { 'kubernetes.io/hostname': 'elsewhere' });
		expect(await endOf(LOCAL, (cluster) => cluster.put(renamed))).toMatchObject({ result: 'ended' });
	});

	test('the pod is bound to the node by another replica: that is success', async () => {
		const { cluster, binder } = ground(LOCAL);
		const end = binder.bind(target('app'));
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		cluster.change('Pod', 'app', { nodeName: 'n1' });
		await end;
		expect(cluster.calls).toEqual(['claimVolume pv for data', 'readPod app']);
	});

	test('also between two volumes: the second is not claimed any more', async () => {
		const { cluster, binder } = ground([
			...['pv-1', 'pv-2'].map((name) => volume(name, { on: 'n1' })),
			...['a', 'b'].map((name) => claim(name)),
			pod('app', 'a', 'b'),
		]);
		const end = binder.bind(target('app'));
		await until(() => cluster.volume('pv-1')?.claimRef !== undefined);
		cluster.change('Pod', 'app', { nodeName: 'n1' });
		await end;
		expect(cluster.calls).toEqual(['claimVolume pv-1 for a', 'readPod app']);
	});

	test('the pod is bound to another node', async () => {
		const { cluster, binder } = ground(LOCAL);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		cluster.change('Pod', 'app', { nodeName: 'n2' });
		expect(await end).toMatchObject({ result: 'ended', message: 'pod ns/app is already bound to another node' });
	});

	test('the claim is bound to another volume than was planned: judged again, not bound blindly', async () => {
		const elsewhere = volume('other', { on: 'n2', phase: 'Bound', claimRef: { name: 'data', uid: 'uid-data' } });
		const end = await endOf(LOCAL, (cluster) => {
			cluster.put(elsewhere);
			cluster.change('PersistentVolumeClaim', 'data', { volumeName: 'other', bindCompleted: true, phase: 'Bound' });
		});
		expect(end).toEqual({
			result: 'refused',
			message: 'claim data is bound to volume other, which needs kubernetes.io/hostname in (n2)',
		});
	});
});

describe('time', () => {
	test.each([
		['a claim without its volume', LOCAL, 'claim data to be bound to volume pv'],
		['a claim without a provisioner', DYNAMIC, 'claim data to be provisioned by class csi'],
	])('is up: the message tells what was waited for: %s', async (_, objects, what) => {
		const { binder } = ground(objects, { timeoutMs: 300 });
		expect(await errorOf(binder.bind(target('app')))).toMatchObject({
			result: 'timeout',
			message: `timed out after 0.3 s waiting for ${what}`,
		});
	});

	test.each(['claimVolume', 'bindPod'] as const)('is up while %s is not answered', async (call) => {
		const { cluster, binder } = ground(LOCAL, { timeoutMs: 300 });
		const held = cluster.gate(call, 'before');
		const end = errorOf(binder.bind(target('app')));
		cluster.bindVolumes();
		await until(() => cluster.calls.length > 0);
		cluster.bindVolumes();
		await held.reached;
		const what = call === 'bindPod' ? 'the pod to be bound' : 'the API server';
		expect(await end).toMatchObject({ result: 'timeout', message: `timed out after 0.3 s waiting for ${what}` });
		expect(cluster.state.assumed).toBe(0);
		held.open();
		await turn();
	});

	test('is up also for a bind whose plans come to nothing, and others go on meanwhile', async () => {
		const { cluster, binder } = ground([...LOCAL, pod('twin', 'data')], { timeoutMs: 100 });
		// The plan takes for written what another bind has assumed, and the look at its progress does not: a mistake of ours.
		vi.spyOn(cluster.state, 'isAssumed').mockReturnValue(false);
		const held = cluster.gate('claimVolume', 'before');
		const other = new Binder(cluster.state, cluster, { timeoutMs: 10_000 });
		const first = errorOf(other.bind(target('app')));
		await held.reached;
		expect((await errorOf(binder.bind(target('twin')))).result).toBe('timeout');
		// Not before: what it wrote would end the other's turns too.
		held.fail('refused');
		expect((await first).result).toBe('failed');
	});

	test('what was written stays when it is up, and the next bind finishes it', async () => {
		const { cluster, binder } = ground(DYNAMIC, { timeoutMs: 300 });
		await errorOf(binder.bind(target('app')));
		const again = errorOf(binder.bind(target('app')));
		cluster.provision('data', volume('made', { class: 'csi', on: 'n1' }));
		await expect(again).rejects.toThrow('the bind succeeded');
		expect(cluster.calls).toEqual(['selectNode n1 for data', 'readClaim data', 'bindPod app to n1']);
	});
});

describe('the end of the process', () => {
	test('no new binds; the running one may be joined and may end', async () => {
		const { cluster, binder } = ground([...LOCAL, pod('other')]);
		const first = binder.bind(target('app'));
		const stopped = binder.stop(10_000);
		const joined = binder.bind(target('app'));
		expect(await errorOf(binder.bind(target('other')))).toMatchObject({
			result: 'stopped',
			message: 'topobind is shutting down',
		});
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		cluster.bindVolumes();
		await Promise.all([first, joined, stopped]);
	});

	test('what runs after the grace period is ended, and what was written stays for the next process', async () => {
		const { cluster, binder } = ground(LOCAL);
		const end = errorOf(binder.bind(target('app')));
		await until(() => cluster.volume('pv')?.claimRef !== undefined);
		await binder.stop(10);
		expect(await end).toMatchObject({ result: 'stopped', message: 'topobind is shutting down' });
		expect(cluster.volume('pv')?.claimRef?.name).toBe('data');
	});

	test('no write begins once it was ended', async () => {
		const { cluster, binder } = ground([
			...['pv-1', 'pv-2'].map((name) => volume(name, { on: 'n1' })),
			...['a', 'b'].map((name) => claim(name)),
			pod('app', 'a', 'b'),
		]);
		const held = cluster.gate('claimVolume', 'after');
		const end = errorOf(binder.bind(target('app')));
		await held.reached;
		await binder.stop(0);
		held.open();
		expect(await end).toMatchObject({ result: 'stopped' });
		await turn();
		expect(cluster.calls).toEqual(['claimVolume pv-1 for a']);
	});
});

test('a bind that waits looks again for what concerns it, and for nothing else', async () => {
	const { cluster, binder } = ground(LOCAL);
	const end = binder.bind(target('app'));
	await until(() => cluster.volume('pv')?.claimRef !== undefined);
	await turn();
	const looks = vi.spyOn(cluster.state, 'seen');
	const others = [
		...[claim('other'), pod('other', 'other'), node('n2', { changed: 'yes' }), storageClass('another')],
		volume('others', { on: 'n1', claimRef: { name: 'other', uid: 'uid-other' } }),
	];
	for (const other of others) {
		cluster.put(other);
		await turn();
	}
	cluster.change('PersistentVolume', 'others', { phase: 'Bound' });
	await turn();
	const ofOwn = () => looks.mock.calls.filter(([kind, key]) => kind === 'PersistentVolumeClaim' && key === 'ns/data');
	// A new volume may be one for the claim; the second time it is known not to be.
	expect(ofOwn().length).toBeLessThanOrEqual(1);
	cluster.bindVolumes();
	await end;
});

test('no timer outlives a bind, nor the end of the process', async () => {
	const set = vi.spyOn(globalThis, 'setTimeout');
	const cleared = vi.spyOn(globalThis, 'clearTimeout');
	onTestFinished(() => {
		set.mockRestore();
		cleared.mockRestore();
	});
	const { binder } = ground([pod('app')], { timeoutMs: 600_001 });
	await binder.bind(target('app'));
	await binder.stop(600_002);
	const long = set.mock.results.filter((_, i) => (set.mock.calls[i]?.[1] ?? 0) > 600_000);
	expect(long).toHaveLength(2);
	for (const { value } of long) expect(cleared).toHaveBeenCalledWith(value);
});

test('onEnd is told of each bind once, whoever joined it, and how long it took', async () => {
	const ends: string[] = [];
	const { cluster, binder } = ground(LOCAL, {
		onEnd: ({ result, ms }) => {
			ends.push(result);
			expect(ms).toBeGreaterThan(0);
		},
	});
	await errorOf(binder.bind(target('app', 'n2')));
	const both = [binder.bind(target('app')), binder.bind(target('app'))];
	await until(() => cluster.volume('pv')?.claimRef !== undefined);
	cluster.bindVolumes();
	await Promise.all(both);
	expect(ends).toEqual(['refused', 'bound']);
});
