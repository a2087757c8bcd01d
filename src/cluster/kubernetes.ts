/** A real cluster: one reflector a kind feeds the state, and patches go back. */

import { objectKey } from '../domain/model.ts';
import type { KubeClient, Query } from './api/client.ts';
import { ApiError, ApiRefused } from './api/errors.ts';
import { loadKubeConfig } from './api/kubeconfig.ts';
import { Reflector, type ReflectorLogger } from './api/reflector.ts';
import type { Timing } from './api/timing.ts';
import { ApiWriter } from './api-writer.ts';
import type { Cluster, Readiness, WatchReadiness } from './cluster.ts';
import { ApiEventWriter } from './event-writer.ts';
import { insist, type Requester } from './insist.ts';
import type { Kind, KindTypes } from './kinds.ts';
import { ApiPinWriter } from './pin-writer.ts';
import { projections } from './projections.ts';
import { ClusterState, type DriverSettings } from './state.ts';

interface Collection {
	readonly path: string;
	readonly query?: Query;
	/** Of a kind that not every cluster has; it may also come later. */
	readonly optional?: boolean;
}

const COLLECTIONS: { readonly [K in Kind]: Collection } = {
	Node: { path: '/api/v1/nodes' },
	// Assigned pods are many and never judged.
	Pod: { path: '/api/v1/pods', query: { fieldSelector: 'spec.nodeName=' } },
	PersistentVolumeClaim: { path: '/api/v1/persistentvolumeclaims' },
	PersistentVolume: { path: '/api/v1/persistentvolumes' },
	StorageClass: { path: '/apis/storage.k8s.io/v1/storageclasses' },
	CSINode: { path: '/apis/storage.k8s.io/v1/csinodes' },
	CSIDriver: { path: '/apis/storage.k8s.io/v1/csidrivers' },
	CSIStorageCapacity: { path: '/apis/storage.k8s.io/v1/csistoragecapacities' },
	VolumeSnapshot: { path: '/apis/snapshot.storage.k8s.io/v1/volumesnapshots', optional: true },
	VolumeSnapshotContent: { path: '/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents', optional: true },
	VolumeSnapshotClass: { path: '/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses', optional: true },
	// The version that external-provisioner reads.
	ReferenceGrant: { path: '/apis/gateway.networking.k8s.io/v1beta1/referencegrants', optional: true },
};

/** A watch that is down for longer makes the service unready: what it says may be out of date. */
const STALE_AFTER_MS = 30_000;

const HASTY_MS = 10_000;
const START_PATIENCE_MS = 5_000;

export interface KubernetesOptions {
	/** Without it, the service account of the pod. */
	readonly kubeconfig?: string;
	/** What is configured for each CSI driver. */
	readonly drivers?: DriverSettings;
	/** As of `ClusterView`; by default true. */
	readonly choosesVolumes?: boolean;
	readonly logger?: ReflectorLogger;
	readonly onList?: (kind: Kind) => void;
	readonly onEvent?: (kind: Kind) => void;
	/** How patient requests and watches are; the defaults are for a real cluster, tests have less time. */
	readonly timeoutMs?: number;
	readonly timing?: Partial<Timing>;
}

/**
 * Connects and begins to watch; does not wait for the first lists.
 * Throws KubeConfigError or ServiceAccountError, or the ApiRefused or ApiUnreachable of a first request that shows the cluster cannot be used.
 */
export async function connectKubernetes(options: KubernetesOptions): Promise<Cluster> {
	const { kubeconfig, timeoutMs } = options;
	const { client, description } = await loadKubeConfig({
		...(kubeconfig !== undefined && { kubeconfig }),
		...(timeoutMs !== undefined && { timeoutMs }),
	});
	try {
		await firstCall(client, options.logger);
	} catch (error) {
		await client.close();
		throw error instanceof ApiError ? new ApiRefused(description, error) : error;
	}
	const state = new ClusterState(options.drivers, options.choosesVolumes, (kind) =>
		reflectors.some((one) => one.kind === kind && one.reflector.state === 'absent'),
	);
	const reflectors = (Object.keys(COLLECTIONS) as Kind[]).map((kind) => ({
		kind,
		reflector: reflect(kind, client, state, options),
	}));
	for (const { reflector } of reflectors) void reflector.start();
	const writer = new ApiWriter(client);
	const whenSynced = Promise.all(reflectors.map(({ reflector }) => reflector.synced)).then(() => {});
	// Nobody has to wait for it.
	whenSynced.catch(() => {});
	return {
		description,
		state,
		writer,
		marker: writer,
		pins: new ApiPinWriter(hasty(client)),
		events: new ApiEventWriter(hasty(client)),
		get synced() {
			return reflectors.every(({ reflector }) => reflector.isSynced);
		},
		whenSynced,
		readiness: () => readinessOf(reflectors),
		async stop() {
			await Promise.all(reflectors.map(({ reflector }) => reflector.stop()));
			await client.close();
		},
	};
}

/** What passes is given a moment, also at the start; who waits for an answer to a mistake does not wait long. */
async function firstCall(client: KubeClient, logger?: ReflectorLogger): Promise<void> {
	let final: ApiError | undefined;
	const call = () =>
		client.request('GET', COLLECTIONS.Node.path, { query: { limit: 1 } }).catch((error) => {
			// Credentials that are read just now are not about to be replaced.
			if (!(error instanceof ApiError && error.status === 401)) throw error;
			final = error;
		});
	const tell = ({ message }: Error) => logger?.warn({ error: message }, 'the API server is tried again');
	await insist(call, tell, START_PATIENCE_MS);
	if (final) throw final;
}

/** For what is tried again: a list may take long, the answer to a single object does not. */
function hasty(client: KubeClient): Requester {
	return { request: (method, path, options) => client.request(method, path, { timeoutMs: HASTY_MS, ...options }) };
}

function reflect<K extends Kind>(
	kind: K,
	client: KubeClient,
	state: ClusterState,
	{ logger, onList, onEvent, timing }: KubernetesOptions,
): Reflector<KindTypes[K]> {
	const project = projections[kind] as (raw: object) => KindTypes[K];
	return new Reflector<KindTypes[K]>({
		client,
		...COLLECTIONS[kind],
		project(raw) {
			const value = project(raw);
			return { key: objectKey(value), value };
		},
		sink: {
			replace(items) {
				onList?.(kind);
				state.replace(kind, items);
			},
			upsert(_key, value) {
				onEvent?.(kind);
				state.upsert(kind, value);
			},
			remove(key) {
				onEvent?.(kind);
				state.remove(kind, key);
			},
		},
		...(logger && { logger }),
		...(timing && { timing }),
	});
}

type Watch = Pick<Reflector<unknown>, 'isSynced' | 'state' | 'staleSince' | 'lastError'>;

function readinessOf(reflectors: readonly { readonly kind: Kind; readonly reflector: Watch }[]): Readiness {
	const watches = reflectors.map(({ kind, reflector }) => watchReadiness(kind, reflector));
	const isStale = ({ staleSince }: WatchReadiness) =>
		staleSince !== undefined && Date.now() - Date.parse(staleSince) > STALE_AFTER_MS;
	const synced = watches.every((watch) => watch.synced);
	return { synced, ready: synced && !watches.some(isStale), watches };
}

function watchReadiness(kind: Kind, { isSynced, state, staleSince, lastError }: Watch): WatchReadiness {
	return {
		kind,
		synced: isSynced,
		state,
		...(staleSince !== undefined && { staleSince: new Date(staleSince).toISOString() }),
		...(lastError && { problem: explain(lastError, kind) }),
		...(lastError && isForbidden(lastError) && { forbidden: true }),
	};
}

function explain(error: Error, kind: Kind): string {
	return isForbidden(error) ? `may not list and watch ${kind}: ${error.message}` : error.message;
}

function isForbidden(error: Error): boolean {
	return error instanceof ApiError && error.status === 403;
}
