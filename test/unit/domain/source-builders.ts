/** Snapshots, clones and what they are made of, in few words; beside builders.ts. */

import type { Kind } from '../../../src/cluster/kinds.ts';
import { ClusterState, type DriverSettings } from '../../../src/cluster/state.ts';
import type { SnapshotReach } from '../../../src/domain/model.ts';
import type { RawTopologySelectorTerm } from '../../../src/domain/topology/requirement.ts';
import {
	type ClaimOptions,
	claim,
	HOST,
	type Manifest,
	NAMESPACE,
	node,
	put,
	storageClass,
	terms,
	volume,
} from './builders.ts';

export const DRIVER = 'local.example.com';
export const REACH = 'topobind.dev/snapshot-reach';
export const MODE_CHANGE = 'snapshot.storage.kubernetes.io/allow-volume-mode-change';
const SNAPSHOT_GROUP = 'snapshot.storage.k8s.io';

export interface SourceOptions {
	readonly kind?: string;
	readonly apiGroup?: string;
	readonly namespace?: string;
}

/** A claim of class `csi` that is to be filled from a snapshot, or from what the options say. */
export function restore(
	name: string,
	source: string,
	options: ClaimOptions & SourceOptions = {},
): Manifest<'PersistentVolumeClaim'> {
	const { kind = 'VolumeSnapshot', apiGroup = SNAPSHOT_GROUP, namespace } = options;
	const made = claim(name, { class: 'csi', ...options });
	const reference = { ...(apiGroup !== '' && { apiGroup }), kind, name: source };
	const field = namespace === undefined ? { dataSource: reference } : { dataSourceRef: { ...reference, namespace } };
	return { ...made, spec: { ...(made.spec as object), ...field } };
}

export function clone(name: string, source: string, options: ClaimOptions & SourceOptions = {}) {
	return restore(name, source, { kind: 'PersistentVolumeClaim', apiGroup: '', ...options });
}

export interface SnapshotOptions {
	readonly namespace?: string;
	readonly uid?: string;
	readonly status?: object | null;
	readonly deleting?: boolean;
	readonly finalizers?: readonly string[];
}

/** By default ready, 1Gi, bound to content `c-<name>`. */
export function snapshot(name: string, options: SnapshotOptions = {}): Manifest<'VolumeSnapshot'> {
	const { namespace = NAMESPACE, deleting, finalizers, status } = options;
	const whole = { boundVolumeSnapshotContentName: `c-${name}`, readyToUse: true, restoreSize: '1Gi' };
	return {
		kind: 'VolumeSnapshot',
		metadata: {
			name,
			namespace,
			uid: options.uid ?? `uid-${name}`,
			resourceVersion: '1',
			...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
			...(finalizers && { finalizers }),
		},
		status: status === null ? undefined : { ...whole, ...status },
	};
}

export interface ContentOptions {
	readonly spec?: object;
	readonly status?: object | null;
	readonly labels?: Record<string, string>;
	readonly annotations?: Record<string, string>;
	readonly affinity?: readonly RawTopologySelectorTerm[];
	readonly managedBy?: string;
}

/** The content of snapshot `name`: by default taken of the volume with handle `h`. */
export function content(name: string, options: ContentOptions = {}): Manifest<'VolumeSnapshotContent'> {
	const { annotations, affinity, managedBy } = options;
	return {
		kind: 'VolumeSnapshotContent',
		metadata: {
			name: `c-${name}`,
			uid: `uid-c-${name}`,
			resourceVersion: '1',
			...(annotations && { annotations }),
			...(managedBy !== undefined && { labels: { 'snapshot.storage.kubernetes.io/managed-by': managedBy } }),
		},
		spec: {
			driver: DRIVER,
			source: { volumeHandle: 'h' },
			volumeSnapshotClassName: 'snapshots',
			volumeSnapshotRef: { namespace: NAMESPACE, name, uid: `uid-${name}` },
			...(affinity && { nodeAffinity: affinity }),
			...options.spec,
		},
		status: options.status === null ? undefined : { snapshotHandle: `s-${name}`, ...options.status },
	};
}

export function snapshotClass(annotations: Record<string, string> = {}): Manifest<'VolumeSnapshotClass'> {
	return { kind: 'VolumeSnapshotClass', metadata: { name: 'snapshots', resourceVersion: '1', annotations } };
}

export function grant(
	namespace: string,
	from: readonly { readonly group?: string; readonly kind?: string; readonly namespace: string }[],
	to: readonly { readonly group?: string; readonly kind?: string; readonly name?: string }[],
	name = 'grant',
): Manifest<'ReferenceGrant'> {
	return {
		kind: 'ReferenceGrant',
		metadata: { name, namespace, resourceVersion: '1' },
		spec: {
			from: from.map((one) => ({ group: '', kind: 'PersistentVolumeClaim', ...one })),
			to: to.map((one) => ({ group: SNAPSHOT_GROUP, kind: 'VolumeSnapshot', ...one })),
		},
	};
}

/** A node on which the driver has registered these topology keys. */
export function registered(name: string, driver: string, topologyKeys: readonly string[]): Manifest<'CSINode'> {
	const drivers = [{ name: driver, nodeID: name, topologyKeys }];
	return { kind: 'CSINode', metadata: { name, resourceVersion: '1' }, spec: { drivers } };
}

/** What a volume has that every node reaches. */
export const EVERYWHERE = { affinity: terms([HOST, 'Exists']) };

/** A bound claim `origin` on volume `pv`, handle `h`, that only `n2` reaches. */
export function origin(
	options: { claim?: ClaimOptions; volume?: Parameters<typeof volume>[1]; csi?: object | null } = {},
) {
	const csi = options.csi === null ? {} : { csi: { driver: DRIVER, volumeHandle: 'h', ...options.csi } };
	return [
		claim('origin', { class: 'csi', bound: 'pv', ...options.claim }),
		volume('pv', {
			class: 'csi',
			phase: 'Bound',
			on: 'n2',
			claimRef: { name: 'origin', uid: 'uid-origin' },
			...options.volume,
			spec: { ...csi, ...options.volume?.spec },
		}),
	];
}

/** Three nodes and class `csi`, then the objects given, in a cluster where the drivers are so configured. */
export function scene(
	objects: readonly Manifest[],
	drivers: DriverSettings = {},
	isAbsent?: (kind: Kind) => boolean,
): ClusterState {
	const state = new ClusterState(drivers, true, isAbsent);
	const nodes = [node('n1', { zone: 'a' }), node('n2', { zone: 'a' }), node('n3', { zone: 'b' })];
	for (const object of [...nodes, storageClass('csi', { provisioner: DRIVER }), ...objects]) put(state, object);
	return state;
}

export const configured = (snapshots: SnapshotReach): DriverSettings => ({
	[DRIVER]: { snapshots },
});
