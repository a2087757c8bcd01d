// Snapshots made by hand, as they are imported into a cluster: the snapshot controller binds them, but no snapshotter sees
// to them, so they become ready when the test says so.

import type { KubeObject } from '../harness/index.ts';
import type { Scene } from './scene.ts';

const API = 'snapshot.storage.k8s.io/v1';
export const CONTENTS = `/apis/${API}/volumesnapshotcontents`;

export interface Imported {
	/** Fields of the content's metadata and spec that are other than usual. */
	readonly metadata?: object;
	readonly spec?: object;
}

/** The content of a snapshot of the scene's namespace; contents are cluster-wide. */
export const contentName = ({ namespace }: Scene, snapshot: string): string => `${namespace}-${snapshot}`;
export const contentPath = (scene: Scene, snapshot: string): string => `${CONTENTS}/${contentName(scene, snapshot)}`;

/** The handle that the driver gave to a snapshot which it took. */
export async function handleOf({ api, at }: Scene, snapshot: string): Promise<string> {
	const { status } = await api.get(at.snapshot(snapshot));
	return (await api.get(`${CONTENTS}/${status.boundVolumeSnapshotContentName}`)).status.snapshotHandle;
}

/** A content and its snapshot, bound to each other and not ready. */
export async function importSnapshot(
	scene: Scene,
	name: string,
	handle: string,
	imported: Imported = {},
): Promise<void> {
	await importContent(scene, name, handle, imported);
	await importUnbound(scene, name);
	await scene.api.waitFor(scene.at.snapshot(name), (object) => object?.status?.boundVolumeSnapshotContentName);
}

export async function importContent(
	scene: Scene,
	name: string,
	handle: string,
	{ metadata, spec }: Imported = {},
): Promise<KubeObject> {
	const { api, driver, namespace } = scene;
	return api.create({
		apiVersion: API,
		kind: 'VolumeSnapshotContent',
		metadata: { name: contentName(scene, name), ...metadata },
		spec: {
			driver: driver.name,
			deletionPolicy: 'Retain',
			volumeSnapshotClassName: driver.name,
			source: { snapshotHandle: handle },
			volumeSnapshotRef: { namespace, name },
			...spec,
		},
	});
}

/** The snapshot alone. */
export async function importUnbound(scene: Scene, name: string, metadata: object = {}): Promise<KubeObject> {
	const { api, driver, namespace } = scene;
	return api.create({
		apiVersion: API,
		kind: 'VolumeSnapshot',
		metadata: { namespace, name, ...metadata },
		spec: {
			volumeSnapshotClassName: driver.name,
			source: { volumeSnapshotContentName: contentName(scene, name) },
		},
	});
}

/** As a snapshotter would; the snapshot controller hands it on to the snapshot. */
export async function becomeReady(scene: Scene, name: string, handle: string): Promise<void> {
	const status = { readyToUse: true, snapshotHandle: handle, restoreSize: 2 ** 30 };
	await scene.api.patch(`${contentPath(scene, name)}/status`, { status });
}
