// topobind's cache against the API server's own lists.

import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { Cluster } from '../../../src/cluster/cluster.ts';
import type { Kind, KindTypes } from '../../../src/cluster/kinds.ts';
import { projections } from '../../../src/cluster/projections.ts';
import { objectKey } from '../../../src/domain/model.ts';
import { type Api, ApiError, type KubeObject } from '../harness/index.ts';

const PATHS: { readonly [K in Kind]: string } = {
	Node: '/api/v1/nodes',
	Pod: '/api/v1/pods?fieldSelector=spec.nodeName%3D',
	PersistentVolumeClaim: '/api/v1/persistentvolumeclaims',
	PersistentVolume: '/api/v1/persistentvolumes',
	StorageClass: '/apis/storage.k8s.io/v1/storageclasses',
	CSINode: '/apis/storage.k8s.io/v1/csinodes',
	CSIDriver: '/apis/storage.k8s.io/v1/csidrivers',
	CSIStorageCapacity: '/apis/storage.k8s.io/v1/csistoragecapacities',
	VolumeSnapshot: '/apis/snapshot.storage.k8s.io/v1/volumesnapshots',
	VolumeSnapshotContent: '/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents',
	VolumeSnapshotClass: '/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses',
	ReferenceGrant: '/apis/gateway.networking.k8s.io/v1beta1/referencegrants',
};

/** Of every object of every kind, what the cache holds and what the API server, as the cache would have it: those that differ. */
export async function differences(cluster: Cluster, api: Api): Promise<string[]> {
	const lists = await Promise.all(
		(Object.entries(PATHS) as [Kind, string][]).map(async ([kind, path]) => ({
			kind,
			held: await listed(api, kind, path),
		})),
	);
	return lists.flatMap(({ kind, held }) => {
		const cached: ReadonlyMap<string, KindTypes[Kind]> = cluster.state.all(kind);
		return [...new Set([...held.keys(), ...cached.keys()])].flatMap((key) => {
			const [ours, theirs] = [cached.get(key), held.get(key)];
			if (isDeepStrictEqual(ours, theirs)) return [];
			if (ours?.resourceVersion === theirs?.resourceVersion) return `${kind} ${key}: the cache has it otherwise`;
			return `${kind} ${key}: the cache has ${ours?.resourceVersion}, the API server ${theirs?.resourceVersion}`;
		});
	});
}

/**
 * Until the cache holds what the API server holds. Both may move on between two looks, so it looks again
 * with each change that the cache sees; bounded.
 */
export async function untilEqual(cluster: Cluster, api: Api, timeoutMs = 20_000): Promise<void> {
	const over = AbortSignal.timeout(timeoutMs);
	for (;;) {
		const changes = new EventTarget();
		const unsubscribe = cluster.state.subscribe(() => changes.dispatchEvent(new Event('change')));
		try {
			const changed = once(changes, 'change', { signal: AbortSignal.any([over, AbortSignal.timeout(500)]) });
			changed.catch(() => {});
			const found = await differences(cluster, api);
			if (found.length === 0) return;
			if (over.aborted) throw new Error(`after ${timeoutMs} ms the cache differs:\n${found.join('\n')}`);
			await changed.catch(() => {});
		} finally {
			unsubscribe();
		}
	}
}

async function listed(api: Api, kind: Kind, path: string): Promise<Map<string, KindTypes[Kind]>> {
	const { items } = await api.list(path).catch((error) => {
		if (error instanceof ApiError && error.status === 404) return { items: [] as KubeObject[] };
		throw error;
	});
	const project = projections[kind] as (raw: object) => KindTypes[Kind];
	return new Map(items.map(project).map((object) => [objectKey(object), object]));
}
