// Sources in another namespace: only with a ReferenceGrant there, which external-provisioner asks for too late.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CsiDriver } from './harness/index.ts';
import { type Source, useControlPlane } from './shared.ts';
import { installGrants, referenceGrant } from './sources/grant-crd.ts';
import { CLONE, Scene, SNAPSHOT, startDriver } from './sources/scene.ts';
import { type Mode, startScheduling } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODES = ['grants-1', 'grants-2'];
const DRIVER = 'grants.test';
const config = { sources: { drivers: { [DRIVER]: { snapshots: 'source-volume' } } } };
const SOURCES: [string, Source][] = [
	['snapshot', SNAPSHOT],
	['claim to be cloned', CLONE],
];

let driver: CsiDriver;
let removeGrants = async () => {};
beforeAll(async () => {
	await Promise.all(NODES.map((name) => controlPlane.createNode(name)));
	// Before the provisioners, which wait for it.
	removeGrants = await installGrants(api);
	driver = await startDriver(controlPlane, {
		name: DRIVER,
		reach: 'node',
		nodes: NODES.map((name) => ({ name })),
		provisionerArgs: ['--feature-gates=CrossNamespaceVolumeDataSource=true'],
	});
});
afterAll(async () => {
	await driver.stop();
	await removeGrants();
	for (const name of NODES) await controlPlane.deleteNode(name);
});

/** A namespace with data and a snapshot of it, and another one that wants them. */
async function open(name: string, schedulerName: string) {
	const options = { driver, schedulerName, dataOn: 'grants-2', preferred: 'grants-1' };
	const vault = await Scene.open(controlPlane, { ...options, name: `vault-${name}` });
	await vault.snapshot('snap');
	await vault.ready('snap');
	const scene = new Scene(api, await api.createNamespace(`grants-${name}`), { ...options, name });
	return { vault: vault.namespace, scene };
}

describe.each<Mode>(['companion', 'delegate'])('%s mode', (mode) => {
	let scene: Scene;
	let vault: string;
	beforeAll(async () => {
		const { schedulerName, scheduler, topobind } = await startScheduling(controlPlane, { mode, config });
		({ scene, vault } = await open(mode, schedulerName));
		return async () => {
			await scheduler.stop();
			await topobind.stop();
		};
	});

	test.each(SOURCES)(
		'a %s in another namespace waits for its grant, and then runs where the data is',
		async (_, source) => {
			const { kind, name } = source;
			const from = scene.namespace;
			const there = { ...source, namespace: vault };
			const pod = kind.toLowerCase();
			const no = `no ReferenceGrant in namespace ${vault} lets claims of namespace ${from} use it; create one there`;
			await scene.restore(pod, there);
			await scene.whyPending(pod, `claim ${pod} cannot be filled from its source, ${kind} ${vault}/${name}: ${no}`);
			expect(await scene.pin(pod)).toBeUndefined();

			await api.create(referenceGrant({ from, namespace: vault, kind, name }));
			expect(await scene.running(pod)).toBe('grants-2');
			await scene.bound(pod);
			await scene.deletePods([pod]);
		},
	);
});

describe('control: kube-scheduler without topobind', () => {
	test('without a grant claims are pinned, to where the data is not', async () => {
		const schedulerName = 'grants-control';
		const scheduler = await controlPlane.startScheduler({ schedulerName });
		const { scene, vault } = await open('control', schedulerName);
		const names = ['restore', 'clone'];
		for (const [i, [, source]] of SOURCES.entries())
			await scene.restore(names[i] as string, { ...source, namespace: vault });
		await scene.failedToProvision(names);
		for (const name of names) {
			expect(await scene.pin(name)).toBe('grants-1');
			const about = { namespace: scene.namespace, kind: 'PersistentVolumeClaim', name };
			await api.waitForEvent(about, ({ message }) => message.includes("isn't allowed"));
		}
		await scene.deletePods(names);
		await scheduler.stop();
	});
});
