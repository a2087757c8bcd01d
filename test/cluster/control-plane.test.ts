// Proves the harness itself: the control plane is real, the CSI driver keeps to
// the specification, and with a stock kube-scheduler the fault that topobind
// exists for does happen.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { ensureBuilt } from './build/cache.ts';
import { type CsiDriver, failure, startProcess } from './harness/index.ts';
import {
	claim,
	classesOf,
	isBound,
	isReadyToUse,
	isRunning,
	paths,
	pod,
	selectedNode,
	snapshot,
	useControlPlane,
} from './shared.ts';

describe('the CSI driver', () => {
	test.each(['node', 'zone', 'anywhere'])('passes csi-sanity with reach %s', async (reach) => {
		const { bin } = await ensureBuilt();
		const dir = mkdtempSync(join(inject('controlPlane').dir, 'sanity-'));
		const socket = join(dir, 'csi.sock');
		const driver = await startProcess({
			name: 'driver',
			bin: bin['csi-driver'],
			args: [`--endpoint=${socket}`, '--node-id=n1', '--zone=z1', `--data-dir=${dir}`, `--reach=${reach}`],
			dir,
		});
		const sanity = await startProcess({
			name: 'sanity',
			bin: bin['csi-sanity'],
			args: [
				`--csi.endpoint=${socket}`,
				`--csi.mountdir=${join(dir, 'mount')}`,
				`--csi.stagingdir=${join(dir, 'staging')}`,
			],
			dir,
		});
		const end = await sanity.exited;
		await driver.stop();
		if (end !== 'exit code 0') throw failure('csi-sanity failed', sanity);
		expect(sanity.lastLines()).toContain('0 Failed');
	});
});

describe('a test run that is killed', () => {
	test('leaves no process and no folder behind', async () => {
		const script = fileURLToPath(new URL('./fixtures/killed-run.ts', import.meta.url));
		const env = { ...process.env, TOPOBIND_TEST_KEEP: '' };
		const run = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
		const [line] = await once(run.stdout.setEncoding('utf8'), 'data');
		const { dir, socket } = JSON.parse(line);
		const connection = await connectOnceThere(socket);

		run.stderr.resume();
		connection.resume();
		run.kill('SIGKILL');
		await Promise.all([
			once(connection, 'close'), // its other end was the process
			once(run, 'close'), // not before the reaper, which has its stderr, has ended as well
		]);
		expect(existsSync(dir)).toBe(false);
	});
});

describe('a control plane', () => {
	const controlPlane = useControlPlane();
	const { api } = controlPlane;
	const schedulerName = 'stock';
	const nodes = ['base-1', 'base-2', 'base-3'];
	let namespace: string;
	let at: ReturnType<typeof paths>;

	beforeAll(async () => {
		await Promise.all(nodes.map((name) => controlPlane.createNode(name, { allocatable: { cpu: '4' } })));
		await controlPlane.startScheduler({ schedulerName });
		namespace = await api.createNamespace('base');
		at = paths(namespace);
	});
	afterAll(() => Promise.all(nodes.map((name) => controlPlane.deleteNode(name))));

	test('reports the version it was built from', async () => {
		expect((await api.get('/version')).gitVersion).toBe('v1.37.2');
	});

	test('gives the user topobind no rights of its own accord', async () => {
		// Other files may have run before, and have granted it some.
		await api.delete('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/topobind');
		const topobind = controlPlane.apiAs('topobind');
		// The API server learns of that by a watch of its own.
		const look = () => topobind.get('/api/v1/nodes').catch(({ message }: Error) => message);
		await expect.poll(look, { timeout: 10_000 }).toContain('403');
	});

	test('schedules a pod and runs it', async () => {
		await api.create(pod({ namespace, name: 'plain', schedulerName }));
		const running = await api.waitFor(at.pod('plain'), isRunning);
		expect(nodes).toContain(running?.spec.nodeName);
		await api.waitForEvent({ namespace, kind: 'Pod', name: 'plain' }, (event) => event.reason === 'Scheduled');
	});

	test('notices what never happens', async () => {
		await api.create(pod({ namespace, name: 'ignored', schedulerName: 'nobody' }));
		await api.neverWithin(at.pod('ignored'), isRunning, 1000);
		await expect(api.neverWithin(at.pod('plain'), isRunning, 1000)).rejects.toThrow('became true');
	});

	describe('with a driver whose nodes are islands', () => {
		let driver: CsiDriver;
		const name = 'island.topobind.test';
		const storageClass = 'base-island';

		beforeAll(async () => {
			driver = await controlPlane.startCsiDriver({
				name,
				reach: 'node',
				nodes: nodes.map((node) => ({ name: node })),
			});
			await api.createAll(classesOf(name, storageClass));
		});

		test('binds a claim once its pod has a node', async () => {
			await api.create(claim({ namespace, name: 'data', storageClass }));
			await api.create(pod({ namespace, name: 'user', schedulerName, claims: ['data'] }));
			const bound = await api.waitFor(at.claim('data'), isBound);
			const running = await api.waitFor(at.pod('user'), isRunning);
			expect(selectedNode(bound)).toBe(running?.spec.nodeName);

			const volume = await api.get(`/api/v1/persistentvolumes/${bound?.spec.volumeName}`);
			expect(volume.spec.nodeAffinity.required.nodeSelectorTerms).toEqual([
				{ matchExpressions: [{ key: `${name}/node`, operator: 'In', values: [running?.spec.nodeName] }] },
			]);
		});

		test('fails to create volumes when told to', async () => {
			driver.failCreate('Internal', { message: 'the disk is on fire' });
			await api.create(claim({ namespace, name: 'burning', storageClass }));
			await api.create(pod({ namespace, name: 'burning', schedulerName, claims: ['burning'] }));
			const event = await api.waitForEvent(
				{ namespace, kind: 'PersistentVolumeClaim', name: 'burning' },
				({ reason }) => reason === 'ProvisioningFailed',
			);
			expect(event.message).toContain('code = Internal desc = the disk is on fire');
			driver.allowCreate();
			await api.waitFor(at.claim('burning'), isBound);
		});

		test('holds snapshots back when told to', async () => {
			driver.holdSnapshots();
			await api.create(snapshot({ namespace, name: 'held', snapshotClass: storageClass, claim: 'data' }));
			await api.waitFor(at.snapshot('held'), (now) => now?.status?.readyToUse === false);
			driver.releaseSnapshots();
			await api.waitFor(at.snapshot('held'), isReadyToUse);
		});

		// The control run of every claim of ours about restores.
		test('is where a restore gets pinned to a node that cannot reach the snapshot', async () => {
			const home = 'base-2';
			const homeOnly = { 'kubernetes.io/hostname': home };
			await api.create(claim({ namespace, name: 'disk', storageClass }));
			await api.create(pod({ namespace, name: 'writer', schedulerName, nodeSelector: homeOnly, claims: ['disk'] }));
			await api.waitFor(at.pod('writer'), isRunning);
			await api.create(snapshot({ namespace, name: 'shot', snapshotClass: storageClass, claim: 'disk' }));
			const shot = await api.waitFor(at.snapshot('shot'), isReadyToUse);

			// All that is needed to choose right is there.
			const contents = '/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents';
			const content = await api.get(`${contents}/${shot?.status.boundVolumeSnapshotContentName}`);
			expect(content.metadata.labels['snapshot.storage.kubernetes.io/managed-by']).toBe(home);

			const filler = pod({ namespace, name: 'filler', schedulerName, nodeSelector: homeOnly, cpu: '3500m' });
			await api.create(filler);
			await api.waitFor(at.pod('filler'), isRunning);
			const source = { kind: 'VolumeSnapshot', name: 'shot' } as const;
			await api.create(claim({ namespace, name: 'restored', storageClass, source }));
			await api.create(pod({ namespace, name: 'reader', schedulerName, cpu: '1', claims: ['restored'] }));

			const pinned = await api.waitFor(at.claim('restored'), (now) => selectedNode(now) !== undefined);
			expect(selectedNode(pinned)).not.toBe(home);
			const about = { namespace, kind: 'PersistentVolumeClaim', name: 'restored' };
			const failed = await api.waitForEvent(about, ({ reason }) => reason === 'ProvisioningFailed');
			expect(failed.message).toMatch(/code = NotFound desc = snapshot \S+ cannot be reached from node/);

			// Room on the right node does not help any more: it is tried again where it was.
			await api.deleteAndWait(at.pod('filler'));
			await api.waitForEvent(about, ({ reason, count }) => reason === 'ProvisioningFailed' && count > failed.count);
			expect(selectedNode(await api.get(at.claim('restored')))).toBe(selectedNode(pinned));
			const reader = await api.get(at.pod('reader'));
			expect(reader.status.phase).toBe('Pending');
			expect(reader.spec.nodeName).toBeUndefined();
		});
	});

	describe('with a driver whose snapshots reach everywhere', () => {
		const name = 'everywhere.topobind.test';
		const storageClass = 'base-everywhere';

		test('restores a snapshot on another node', async () => {
			await controlPlane.startCsiDriver({ name, reach: 'anywhere', nodes: nodes.map((node) => ({ name: node })) });
			await api.createAll(classesOf(name, storageClass));
			const on = (node: string) => ({ nodeSelector: { 'kubernetes.io/hostname': node } });
			await api.create(claim({ namespace, name: 'from', storageClass }));
			await api.create(pod({ namespace, name: 'from', schedulerName, ...on('base-1'), claims: ['from'] }));
			await api.waitFor(at.claim('from'), isBound);
			await api.create(snapshot({ namespace, name: 'wide', snapshotClass: storageClass, claim: 'from' }));
			await api.waitFor(at.snapshot('wide'), isReadyToUse);
			const source = { kind: 'VolumeSnapshot', name: 'wide' } as const;
			await api.create(claim({ namespace, name: 'to', storageClass, source }));
			await api.create(pod({ namespace, name: 'to', schedulerName, ...on('base-3'), claims: ['to'] }));
			expect(selectedNode(await api.waitFor(at.claim('to'), isBound))).toBe('base-3');
		});
	});
});

/** Connects to a socket that a process is about to open. */
async function connectOnceThere(path: string): Promise<Socket> {
	for (let attempt = 0; attempt < 200; attempt++) {
		const socket = connect(path);
		try {
			await once(socket, 'connect');
			return socket;
		} catch {
			await setTimeout(50);
		}
	}
	throw new Error(`nobody listens on ${path}`);
}
