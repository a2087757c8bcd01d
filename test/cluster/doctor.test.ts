// Claims that are pinned where they can never be provisioned, by a kube-scheduler without topobind and by a node that died:
// the doctor finds them all, removes the pins that it may, and the pods run. The driver is one whose volumes and snapshots
// are each on one node.

import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type DoctorRun, grantDoctor, runDoctor } from './doctor.ts';
import { type CsiDriver, type KubeObject, registerCsiDriver, type Scheduler } from './harness/index.ts';
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
import {
	grantEvents,
	grantPins,
	grantRights,
	type Mode,
	schedulerConfig,
	startTopobind,
	type Topobind,
} from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;

interface Scene {
	readonly namespace: string;
	readonly schedulerName: string;
	readonly driver: CsiDriver;
	/** Of the driver, which is also the name of the class. */
	readonly storageClass: string;
	/** Where a pod would rather run; where the data is; one that is about to die. */
	readonly wrong: string;
	readonly source: string;
	readonly dying: string;
	readonly config: object;
	/** A kube-scheduler that knows nothing of topobind. */
	readonly plain: Scheduler;
}

/** Nodes, a driver on them, a claim `data` on the second, its snapshot `snap`, and a scheduler without topobind. */
async function prepare(name: string, csi: { createDelay?: string; provisionerArgs?: string[] } = {}): Promise<Scene> {
	const [wrong, source, dying] = [`${name}-1`, `${name}-2`, `${name}-3`] as const;
	const nodes = [wrong, source, dying];
	await Promise.all(nodes.map((node) => controlPlane.createNode(node)));
	const storageClass = `${name}.test`;
	const driver = await controlPlane.startCsiDriver({
		name: storageClass,
		reach: 'node',
		nodes: nodes.map((node) => ({ name: node })),
		// That a claim is tried again without end is what tests wait for.
		provisionerArgs: ['--retry-interval-max=5s'],
		...csi,
	});
	await api.createAll(classesOf(storageClass, storageClass));
	const plain = await controlPlane.startScheduler({ schedulerName: name });
	const namespace = await api.createNamespace(name);
	const config = { sources: { drivers: { [storageClass]: { snapshots: 'source-volume' } } } };
	return { namespace, schedulerName: name, driver, storageClass, wrong, source, dying, config, plain };
}

async function end({ driver, plain, wrong, source, dying }: Scene): Promise<void> {
	await driver.stop();
	await plain.stop();
	for (const node of [wrong, source, dying]) await controlPlane.deleteNode(node);
}

async function makeData({ namespace, storageClass, schedulerName, source }: Scene): Promise<void> {
	const at = paths(namespace);
	await api.create(claim({ namespace, name: 'data', storageClass }));
	const nodeSelector = { 'kubernetes.io/hostname': source };
	await api.create(pod({ namespace, name: 'writer', schedulerName, claims: ['data'], nodeSelector }));
	await api.waitFor(at.pod('writer'), isRunning);
	await api.deleteAndWait(at.pod('writer'));
	await api.create(snapshot({ namespace, name: 'snap', snapshotClass: storageClass, claim: 'data' }));
	await api.waitFor(at.snapshot('snap'), isReadyToUse);
}

const SNAPSHOT = { kind: 'VolumeSnapshot', name: 'snap' } as const;
const CLONE = { kind: 'PersistentVolumeClaim', name: 'data' } as const;

interface Wish {
	/** By the greatest weight there is. */
	readonly prefers: string;
	readonly source?: typeof SNAPSHOT | typeof CLONE;
	readonly storageClass?: string;
}

/** A claim and its pod, and resolves when the scheduler has pinned the claim to where the pod would rather run. */
async function pin(scene: Scene, name: string, { prefers, source, storageClass }: Wish): Promise<void> {
	const { namespace, schedulerName } = scene;
	await api.create(
		claim({ namespace, name, storageClass: storageClass ?? scene.storageClass, ...(source && { source }) }),
	);
	const asked = pod({ namespace, name, schedulerName, claims: [name] });
	const preference = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [prefers] }] };
	asked.spec.affinity = {
		nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] },
	};
	await api.create(asked);
	const pinned = await api.waitFor(paths(namespace).claim(name), (now) => selectedNode(now) !== undefined);
	expect(selectedNode(pinned)).toBe(prefers);
}

const about = ({ namespace }: Scene, name: string) => ({ namespace, kind: 'PersistentVolumeClaim', name });
const failed = ({ reason }: KubeObject) => reason === 'ProvisioningFailed';

/** Until the provisioner has failed so many times more; client-go counts the same event again. */
async function moreFailures({ namespace }: Scene, name: string, more: number): Promise<void> {
	const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=involvedObject.name=${name}`;
	const failures = (events: KubeObject[]) => events.filter(failed).reduce((sum, { count }) => sum + count, 0);
	const target = failures((await api.list(path)).items) + more;
	await api.waitForList(path, (events) => failures(events) >= target);
}

const pinOf = async ({ namespace }: Scene, name: string) => selectedNode(await api.get(paths(namespace).claim(name)));
const phaseOf = async ({ namespace }: Scene, name: string) => (await api.get(paths(namespace).pod(name))).status.phase;
const runsOn = async ({ namespace }: Scene, name: string) =>
	(await api.waitFor(paths(namespace).pod(name), isRunning))?.spec.nodeName;

/** The volumes that the cluster knows of the driver: what is more in the driver's own list is leaked. */
async function known({ storageClass }: Scene): Promise<string[]> {
	const { items } = await api.list('/api/v1/persistentvolumes');
	return items
		.filter(({ spec }) => spec.csi?.driver === storageClass)
		.map(({ spec }) => spec.csi.volumeHandle)
		.sort();
}

/** The class allows this node alone from now on, by the label that the driver goes by. */
const allow = ({ storageClass }: Scene, name: string, node: string) =>
	api.patch(`/apis/storage.k8s.io/v1/storageclasses/${name}`, {
		allowedTopologies: [{ matchLabelExpressions: [{ key: `${storageClass}/node`, values: [node] }] }],
	});

/** What the doctor says of each claim. */
const verdicts = ({ pins }: DoctorRun) =>
	Object.fromEntries(pins.map(({ claim, code, repair, outcome }) => [claim, [code, repair, outcome]]));

const versions = async (namespace: string) =>
	(await api.list(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`)).items.map(({ metadata }) => [
		metadata.name,
		metadata.resourceVersion,
	]);

describe.each<Mode>(['companion', 'delegate'])('%s mode', (mode) => {
	let scene: Scene;
	let unasked: Scene;
	let running: { stop(): Promise<void> }[] = [];

	beforeAll(async () => {
		await grantRights(controlPlane);
		await grantEvents(controlPlane);
		await grantDoctor(controlPlane, { repair: true });
		scene = await prepare(`doctor-${mode}`);
		unasked = { ...scene, namespace: await api.createNamespace(`doctor-${mode}-unasked`) };
		return async () => {
			for (const part of running.reverse()) await part.stop();
			await end(scene);
		};
	});

	const doctor = ({ namespace, config }: Scene, ...args: string[]) =>
		runDoctor(controlPlane, { config, args: ['-n', namespace, ...args] });

	/** Claims that nobody was asked for yet, as their node dies, its driver goes or the class changes. */
	async function freeUnasked(): Promise<void> {
		const { driver, storageClass, wrong, source, dying, schedulerName, plain, config } = scene;
		await makeData(scene);
		await pin(scene, 'restore', { prefers: wrong, source: SNAPSHOT });
		await pin(scene, 'clone', { prefers: wrong, source: CLONE });
		// An attempt that ends so may have left a volume in the making.
		driver.failCreate('Unavailable', { node: dying });
		await pin(scene, 'asked', { prefers: dying });
		await Promise.all(['restore', 'clone', 'asked'].map((name) => api.waitForEvent(about(scene, name), failed)));

		const [narrow] = classesOf(storageClass, `${storageClass}-narrow`) as [KubeObject, KubeObject];
		await api.create(narrow);
		await controlPlane.withoutControllerManager(async () => {
			await pin(unasked, 'node', { prefers: dying });
			await pin(unasked, 'class', { prefers: source, storageClass: narrow.metadata.name });
			await pin(unasked, 'driver', { prefers: wrong });
			await driver.stopNode(dying);
			await controlPlane.deleteNode(dying);
			await allow(scene, narrow.metadata.name, wrong);
			await api.patch(`/apis/storage.k8s.io/v1/csinodes/${wrong}`, { spec: { drivers: [] } });
			// It would pin at once, and wrongly again, what is made free.
			await plain.stop();

			const before = await versions(unasked.namespace);
			const found = await doctor(unasked);
			expect(found.code).toBe(1);
			expect(verdicts(found)).toEqual({
				class: ['PIN_CLASS_TOPOLOGY', 'safe', 'found'],
				driver: ['PIN_DRIVER_MISSING', 'safe', 'found'],
				node: ['PIN_NODE_GONE', 'safe', 'found'],
			});
			expect(await versions(unasked.namespace)).toEqual(before);

			const repaired = await doctor(unasked, '--repair');
			expect(repaired).toMatchObject({ code: 0, stderr: '' });
			expect(repaired.pins.map(({ outcome }) => outcome)).toEqual(['removed', 'removed', 'removed']);
			for (const name of ['class', 'driver', 'node']) {
				expect(await pinOf(unasked, name)).toBeUndefined();
				await api.waitForEvent(about(unasked, name), ({ reason }) => reason === 'TopobindPinRemoved');
			}
			expect(await doctor(unasked)).toMatchObject({ code: 0, pins: [] });
		});
		await registerCsiDriver(api, wrong, { name: storageClass, topologyKeys: [`${storageClass}/node`] });

		const topobind = await startTopobind(controlPlane, { mode, config });
		const scheduler = await controlPlane.startScheduler({
			config: await schedulerConfig(mode, topobind.extender),
			schedulerName,
			user: 'scheduler',
		});
		running = [topobind, scheduler];
		expect(await runsOn(unasked, 'class')).toBe(wrong);
		expect([wrong, source]).toContain(await runsOn(unasked, 'driver'));
		expect([wrong, source]).toContain(await runsOn(unasked, 'node'));
	}

	/** Claims that a provisioner was asked for by then. */
	async function freeAsked(): Promise<void> {
		const { wrong, source, dying, driver, namespace } = scene;
		// Control: topobind has taken over, and the provisioner has tried again.
		await Promise.all(['restore', 'clone'].map((name) => moreFailures(scene, name, 2)));
		for (const [name, node] of Object.entries({ restore: wrong, clone: wrong, asked: dying })) {
			expect(await pinOf(scene, name)).toBe(node);
			expect(await phaseOf(scene, name)).toBe('Pending');
		}

		const before = await versions(namespace);
		const found = await doctor(scene);
		expect(found.code).toBe(1);
		expect(verdicts(found)).toEqual({
			asked: ['PIN_NODE_GONE', 'refused', 'found'],
			clone: ['PIN_SOURCE_UNREACHABLE', 'safe', 'found'],
			restore: ['PIN_SOURCE_UNREACHABLE', 'safe', 'found'],
		});
		expect(await versions(namespace)).toEqual(before);

		const repaired = await doctor(scene, '--repair');
		expect(repaired.code).toBe(1);
		expect(verdicts(repaired)).toEqual({
			asked: ['PIN_NODE_GONE', 'refused', 'found'],
			clone: ['PIN_SOURCE_UNREACHABLE', 'safe', 'removed'],
			restore: ['PIN_SOURCE_UNREACHABLE', 'safe', 'removed'],
		});
		expect(await runsOn(scene, 'restore')).toBe(source);
		expect(await runsOn(scene, 'clone')).toBe(source);
		expect(await pinOf(scene, 'asked')).toBe(dying);
		expect(await phaseOf(scene, 'asked')).toBe('Pending');

		const vouched = await doctor(scene, '--repair', '--machine-gone', dying);
		expect(vouched.code).toBe(0);
		expect(verdicts(vouched)).toEqual({ asked: ['PIN_NODE_GONE', 'safe', 'removed'] });
		expect([wrong, source]).toContain(await runsOn(scene, 'asked'));
		expect(driver.volumes()).toEqual(await known(scene));
	}

	test('without the doctor no claim that is pinned wrongly is ever provisioned; with it all are that it may make free, and their pods run', async () => {
		await freeUnasked();
		await freeAsked();
	});
});

describe('while a CreateVolume is under way', () => {
	let scene: Scene;
	beforeAll(async () => {
		await grantDoctor(controlPlane, { repair: true });
		// And after an answer there is quiet for a while.
		const provisionerArgs = ['--timeout=60s', '--retry-interval-start=60s'];
		scene = await prepare('doctor-slow', { createDelay: '12s', provisionerArgs });
		return () => end(scene);
	});

	/** Pinned to the first node, and the provisioner there has called its driver. */
	async function begin(name: string, wish: Partial<Wish>): Promise<void> {
		await pin(scene, name, { prefers: scene.wrong, ...wish });
		await api.waitForEvent(about(scene, name), ({ reason }) => reason === 'Provisioning');
	}

	test('the doctor refuses, the volume is made and used, and nothing leaks', async () => {
		const { driver, storageClass, namespace, wrong, source } = scene;
		const name = `${storageClass}-narrow`;
		await api.create((classesOf(storageClass, name) as [KubeObject])[0]);
		await begin('slow', { storageClass: name });
		await allow(scene, name, source);
		const { code, pins } = await runDoctor(controlPlane, { args: ['-n', namespace, '--repair'] });
		expect(code).toBe(1);
		expect(pins).toMatchObject([{ claim: 'slow', code: 'PIN_CLASS_TOPOLOGY', repair: 'refused', outcome: 'found' }]);
		expect(isBound(await api.get(paths(namespace).claim('slow')))).toBe(false);
		expect(await pinOf(scene, 'slow')).toBe(wrong);
		expect(await runsOn(scene, 'slow')).toBe(wrong);
		expect(driver.volumes()).toEqual(await known(scene));
	});

	test('a restore is refused, and no longer once the driver has answered that it cannot be made there', async () => {
		const { namespace, config } = scene;
		const doctor = (...args: string[]) => runDoctor(controlPlane, { config, args: ['-n', namespace, ...args] });
		await makeData(scene);
		await begin('restore', { source: SNAPSHOT });
		const during = await doctor('--repair');
		expect(verdicts(during)).toEqual({ restore: ['PIN_SOURCE_UNREACHABLE', 'refused', 'found'] });
		expect(during.pins[0]?.because).toContain('the last event of the provisioner is that it has begun');
		await api.waitForEvent(about(scene, 'restore'), failed);
		expect(verdicts(await doctor())).toEqual({ restore: ['PIN_SOURCE_UNREACHABLE', 'safe', 'found'] });
	});

	test('control: a pin that is removed by hand all the same leaves a volume that nothing in the cluster knows of', async () => {
		const { driver, namespace, wrong } = scene;
		await begin('by-hand', {});
		// So that another node is chosen.
		await api.patch(`/api/v1/nodes/${wrong}`, { spec: { unschedulable: true } });
		await api.patch(paths(namespace).claim('by-hand'), {
			metadata: { annotations: { 'volume.kubernetes.io/selected-node': null } },
		});
		await api.waitFor(paths(namespace).claim('by-hand'), isBound);
		const { uid } = (await api.get(paths(namespace).claim('by-hand'))).metadata;
		const made = () => driver.volumes().filter((handle) => handle.endsWith(uid));
		await vi.waitUntil(() => made().length === 2, { timeout: 60_000, interval: 100 });
		expect((await known(scene)).filter((handle) => handle.endsWith(uid))).toHaveLength(1);
	});
});

describe('serve', () => {
	let scene: Scene;
	beforeAll(async () => {
		await grantRights(controlPlane);
		await grantEvents(controlPlane);
		await grantPins(controlPlane);
		await grantDoctor(controlPlane, { repair: false });
		scene = await prepare('doctor-serve');
		return () => end(scene);
	});

	const told = (reason: string) => api.waitForEvent(about(scene, 'restore'), (event) => event.reason === reason);
	const metric = async (topobind: Topobind, line: string) =>
		(await (await fetch(`${topobind.admin}/metrics`)).text()).split('\n').includes(line);

	test('tells of a pin by metric and event, and removes it only where that is configured', async () => {
		const { config, schedulerName, plain, wrong, source, namespace, driver } = scene;
		await makeData(scene);
		await pin(scene, 'restore', { prefers: wrong, source: SNAPSHOT });
		await plain.stop();
		// From here on nothing but the configuration keeps it from a repair.
		await moreFailures(scene, 'restore', 3);
		const proven = await runDoctor(controlPlane, { config, args: ['-n', namespace] });
		expect(verdicts(proven)).toEqual({ restore: ['PIN_SOURCE_UNREACHABLE', 'safe', 'found'] });
		const serve = (repair: boolean, listen?: string) =>
			startTopobind(controlPlane, {
				...{ mode: 'companion', config: { ...config, doctor: { repair, intervalSeconds: 1 } } },
				...(listen !== undefined && { listen }),
			});

		const telling = await serve(false);
		const scheduler = await controlPlane.startScheduler({
			config: await schedulerConfig('companion', telling.extender),
			schedulerName,
			user: 'scheduler',
		});
		const found = await told('TopobindPinFound');
		expect(found).toMatchObject({ type: 'Warning', message: expect.stringMatching(/^PIN_SOURCE_UNREACHABLE: /) });
		expect(await metric(telling, 'topobind_pinned_claims{code="PIN_SOURCE_UNREACHABLE"} 1')).toBe(true);
		// The provisioner tries again, after longer than some rounds take, and is refused again.
		await moreFailures(scene, 'restore', 2);
		expect(await pinOf(scene, 'restore')).toBe(wrong);
		expect(await phaseOf(scene, 'restore')).toBe('Pending');
		const events = await api.events(namespace, 'PersistentVolumeClaim', 'restore');
		expect(events.filter(({ source: from }) => from.component === 'topobind')).toMatchObject([
			{ reason: 'TopobindPinFound', count: 1 },
		]);
		await telling.stop();

		const repairing = await serve(true, new URL(telling.extender).host);
		await told('TopobindPinRemoved');
		expect(await runsOn(scene, 'restore')).toBe(source);
		expect(await metric(repairing, 'topobind_pin_repairs_total{result="removed"} 1')).toBe(true);
		expect(await metric(repairing, 'topobind_pinned_claims{code="PIN_SOURCE_UNREACHABLE"} 0')).toBe(true);
		expect(driver.volumes()).toEqual(await known(scene));
		await scheduler.stop();
		await repairing.stop();
	});

	test('takes the pin from under a bind of its own: the bind says so, and the pod goes where its data is', async () => {
		const bound = await prepare('doctor-bind');
		const { schedulerName, plain, wrong, source, namespace, driver } = bound;
		await makeData(bound);
		await plain.stop();
		// It is not told that snapshots of this driver stay where they are, and so chooses as a scheduler without topobind does.
		const doctor = { repair: true, intervalSeconds: 1 };
		const topobind = await startTopobind(controlPlane, { mode: 'delegate', config: { doctor } });
		const scheduler = await controlPlane.startScheduler({
			config: await schedulerConfig('delegate', topobind.extender),
			schedulerName,
			user: 'scheduler',
		});
		await pin(bound, 'restore', { prefers: wrong, source: SNAPSHOT });
		await moreFailures(bound, 'restore', 2);
		expect(await pinOf(bound, 'restore')).toBe(wrong);

		const { boundVolumeSnapshotContentName: content } = (await api.get(paths(namespace).snapshot('snap'))).status;
		await api.patch(`/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents/${content}`, {
			metadata: { annotations: { 'topobind.dev/snapshot-reach': 'source-volume' } },
		});
		await api.waitForEvent({ namespace, kind: 'Pod', name: 'restore' }, ({ reason, message }) => {
			return reason === 'FailedScheduling' && message.includes('the selected node of claim restore was taken back');
		});
		expect(await runsOn(bound, 'restore')).toBe(source);
		expect(driver.volumes()).toEqual(await known(bound));
		await scheduler.stop();
		await topobind.stop();
		await end(bound);
	});
});

describe('a claim that waits for no consumer, which its provisioners pin themselves', () => {
	let scene: Scene;
	beforeAll(async () => {
		await grantDoctor(controlPlane, { repair: true });
		// They pin at once, and after two answers there is quiet for a while.
		const retries = ['--retry-interval-start=4s', '--retry-interval-max=20s'];
		scene = await prepare('doctor-at-once', { provisionerArgs: [...retries, '--node-deployment-base-delay=1s'] });
		return () => end(scene);
	});

	test('is found where its data is not, and provisioned where it is once it has been made free', async () => {
		const { driver, storageClass, namespace, wrong, source, dying, config } = scene;
		const doctor = (...args: string[]) => runDoctor(controlPlane, { config, args: ['-n', namespace, ...args] });
		await makeData(scene);
		const name = `${storageClass}-at-once`;
		await api.create({ ...(classesOf(storageClass, name) as [KubeObject])[0], volumeBindingMode: 'Immediate' });
		await Promise.all([source, dying].map((node) => driver.stopProvisioner(node)));
		await api.create(claim({ namespace, name: 'restore', storageClass: name, source: SNAPSHOT }));
		const pinned = await api.waitFor(paths(namespace).claim('restore'), (now) => selectedNode(now) !== undefined);
		expect(selectedNode(pinned)).toBe(wrong);
		await driver.startProvisioner(source);
		// Control: another is there by then, and the claim stays where it is.
		await moreFailures(scene, 'restore', 2);
		expect(await pinOf(scene, 'restore')).toBe(wrong);
		expect(verdicts(await doctor())).toEqual({ restore: ['PIN_SOURCE_UNREACHABLE', 'safe', 'found'] });

		// It might pin the claim again.
		await driver.stopProvisioner(wrong);
		expect(verdicts(await doctor('--repair'))).toEqual({ restore: ['PIN_SOURCE_UNREACHABLE', 'safe', 'removed'] });
		await api.waitFor(paths(namespace).claim('restore'), isBound);
		expect(await pinOf(scene, 'restore')).toBe(source);
		expect(driver.volumes()).toEqual(await known(scene));
	});
});

describe('a provisioner that is not there', () => {
	let scene: Scene;
	beforeAll(async () => {
		await grantRights(controlPlane);
		await grantEvents(controlPlane);
		await grantPins(controlPlane);
		await grantDoctor(controlPlane, { repair: true });
		// Often enough that a live one is never taken for silent, and seldom enough that client-go drops none of its first events.
		scene = await prepare('doctor-silent', { provisionerArgs: ['--retry-interval-max=8s'] });
		return () => end(scene);
	});

	const config = { doctor: { silenceSeconds: 30, intervalSeconds: 1 } };
	const doctor = (...args: string[]) => runDoctor(controlPlane, { config, args: ['-n', scene.namespace, ...args] });
	const toldOf = async (name: string) =>
		(await api.events(scene.namespace, 'PersistentVolumeClaim', name))
			.filter(({ source }) => source.component === 'topobind')
			.map(({ message }) => message);

	/** Kills the provisioner of the node once it has failed, and not in the middle of an attempt. */
	async function stopAfterFailure(node: string, name: string): Promise<void> {
		for (let attempt = 1; attempt <= 5; attempt++) {
			await moreFailures(scene, name, 2);
			await scene.driver.stopProvisioner(node);
			const events = await api.events(scene.namespace, 'PersistentVolumeClaim', name);
			const words = events.filter(({ reason }) => reason.startsWith('Provisioning'));
			const [last] = words.sort((a, b) => Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion));
			if (last && failed(last)) return;
			await scene.driver.startProvisioner(node);
		}
		throw new Error(`the provisioner of ${node} was in the middle of an attempt each time`);
	}

	test('is found by its silence, be it from the first or since it died; one that fails again and again is not; once it runs, the pod does', async () => {
		const { driver, storageClass, wrong, source, dying } = scene;
		driver.failCreate('Unavailable', { node: dying });
		await pin(scene, 'died', { prefers: dying });
		await stopAfterFailure(dying, 'died');
		await driver.stopProvisioner(wrong);
		driver.failCreate('Unavailable', { node: source });
		await pin(scene, 'silent', { prefers: wrong });
		await pin(scene, 'failing', { prefers: source });
		const topobind = await startTopobind(controlPlane, { mode: 'companion', config });
		const counted = async () => {
			const text = await (await fetch(`${topobind.admin}/metrics`)).text();
			return Number(/^topobind_pinned_claims\{code="PIN_PROVISIONER_SILENT"\} (\d+)$/m.exec(text)?.[1]);
		};

		const event = await api.waitForEvent(about(scene, 'silent'), ({ reason }) => reason === 'TopobindPinFound');
		expect(event.message).toMatch(
			new RegExp(`^PIN_PROVISIONER_SILENT: ${storageClass} was asked for its volume on node ${wrong}, .* To mend it: `),
		);
		// Other files may have left claims that nobody provisions: pinned earlier, so that they are counted by now.
		const peak = await counted();
		expect(peak).toBeGreaterThan(0);
		const repaired = await doctor('--repair');
		expect(repaired).toMatchObject({ code: 1, stderr: '' });
		expect(verdicts(repaired)).toEqual({
			died: ['PIN_PROVISIONER_SILENT', 'refused', 'found'],
			silent: ['PIN_PROVISIONER_SILENT', 'refused', 'found'],
		});
		const [died, silent] = repaired.pins;
		expect(died?.message).toContain('since ProvisioningFailed at');
		expect(silent?.instead).toMatch(/^start the provisioner/);
		expect(await pinOf(scene, 'silent')).toBe(wrong);
		expect(await phaseOf(scene, 'silent')).toBe('Pending');

		await driver.startProvisioner(wrong);
		await driver.startProvisioner(dying);
		driver.allowCreate(source);
		driver.allowCreate(dying);
		expect(await runsOn(scene, 'silent')).toBe(wrong);
		expect(await runsOn(scene, 'failing')).toBe(source);
		expect(await runsOn(scene, 'died')).toBe(dying);
		await expect.poll(counted, { timeout: 20_000 }).toBeLessThan(peak);
		expect(await toldOf('failing')).toEqual([]);
		expect(await doctor()).toMatchObject({ code: 0, pins: [], stderr: '' });
		await topobind.stop();
	});

	test('cannot be told of without the right to read events: the command ends with 3 and says so, and all else is said', async () => {
		const { driver, wrong, dying, namespace } = scene;
		await driver.stopProvisioner(wrong);
		driver.failCreate('Unavailable', { node: dying });
		await pin(scene, 'deaf', { prefers: wrong });
		await pin(scene, 'lost', { prefers: dying });
		await driver.stopNode(dying);
		await controlPlane.deleteNode(dying);
		// Of no right to events, and so of nothing to be heard: silence of any length.
		const change = (role: KubeObject) => ({
			...role,
			rules: role.rules.filter(({ resources }: KubeObject) => !resources.includes('events')),
		});
		await grantDoctor(controlPlane, { repair: false, change });
		const args = ['-n', namespace];
		const run = await vi.waitFor(
			async () => {
				const latest = await runDoctor(controlPlane, { config: { doctor: { silenceSeconds: 1 } }, args });
				expect(latest.code).toBe(3);
				return latest;
			},
			{ timeout: 60_000, interval: 500 },
		);
		await grantDoctor(controlPlane, { repair: true });
		expect(run.pins).toMatchObject([{ claim: 'lost', code: 'PIN_NODE_GONE' }]);
		expect(run.stderr.match(/events is forbidden/g)).toHaveLength(1);
		expect(run.stderr).toContain('whether a provisioner sees to the other pinned claims could not be told');
	});
});
