/** Kubernetes objects in few words, and a ClusterState made of them the way the watches make it. */

import type { Kind, KindTypes } from '../../../src/cluster/kinds.ts';
import { projections } from '../../../src/cluster/projections.ts';
import { ClusterState, type DriverSettings } from '../../../src/cluster/state.ts';
import type {
	RawLabelSelector,
	RawNodeSelector,
	RawTopologySelectorTerm,
} from '../../../src/domain/topology/requirement.ts';

/** An object as the API server sends it. */
export interface Manifest<K extends Kind = Kind> {
	readonly kind: K;
	readonly metadata: Metadata;
	readonly [field: string]: unknown;
}

interface Metadata {
	readonly name: string;
	readonly namespace?: string;
	readonly uid?: string;
	readonly resourceVersion?: string;
	readonly labels?: Record<string, string>;
	readonly annotations?: Record<string, string>;
	readonly deletionTimestamp?: string;
	readonly ownerReferences?: readonly { readonly uid: string; readonly controller?: boolean }[];
}

/** What every kind may be given beside its own fields. */
interface Common {
	readonly metadata?: Partial<Metadata>;
	readonly labels?: Record<string, string>;
	readonly annotations?: Record<string, string>;
	readonly version?: string;
	readonly uid?: string;
	readonly deleting?: boolean;
}

export const NAMESPACE = 'ns';
export const ZONE = 'topology.kubernetes.io/zone';
export const REGION = 'topology.kubernetes.io/region';
export const HOST = 'kubernetes.io/hostname';
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';
const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

/** A node labelled with its own name, as kubelets do. */
export function node(name: string, labels: Record<string, string> = {}, options: Common = {}): Manifest<'Node'> {
	return { kind: 'Node', metadata: metadata(name, { ...options, labels: { [HOST]: name, ...labels } }) };
}

export interface ClaimOptions extends Common {
	readonly class?: string;
	readonly betaClass?: string;
	readonly size?: string;
	readonly volume?: string;
	/** Bound to this volume, all through. */
	readonly bound?: string;
	readonly selectedNode?: string;
	readonly modes?: readonly string[];
	readonly volumeMode?: string;
	readonly attributesClass?: string;
	readonly selector?: RawLabelSelector;
	readonly phase?: string;
	readonly owners?: Metadata['ownerReferences'];
}

/** By default 1Gi of class `local`, ReadWriteOnce. */
export function claim(name: string, options: ClaimOptions = {}): Manifest<'PersistentVolumeClaim'> {
	const { betaClass, bound, selectedNode, size = '1Gi', selector, volumeMode, attributesClass, owners } = options;
	const annotations = {
		...(betaClass !== undefined && { [BETA_CLASS]: betaClass }),
		...(bound !== undefined && { [BIND_COMPLETED]: 'yes' }),
		...(selectedNode !== undefined && { [SELECTED_NODE]: selectedNode }),
		...options.annotations,
	};
	const own: Partial<Metadata> = {
		namespace: NAMESPACE,
		...(owners && { ownerReferences: owners }),
		...options.metadata,
	};
	return {
		kind: 'PersistentVolumeClaim',
		metadata: metadata(name, { ...options, annotations, metadata: own }),
		spec: {
			storageClassName: options.class ?? 'local',
			accessModes: options.modes ?? ['ReadWriteOnce'],
			...(size !== '' && { resources: { requests: { storage: size } } }),
			...((bound ?? options.volume) !== undefined && { volumeName: bound ?? options.volume }),
			...(selector && { selector }),
			...(volumeMode !== undefined && { volumeMode }),
			...(attributesClass !== undefined && { volumeAttributesClassName: attributesClass }),
		},
		status: { phase: options.phase ?? (bound === undefined ? 'Pending' : 'Bound') },
	};
}

export interface VolumeOptions extends Common {
	readonly class?: string;
	readonly betaClass?: string;
	readonly size?: string;
	readonly phase?: string;
	readonly modes?: readonly string[];
	readonly volumeMode?: string;
	readonly attributesClass?: string;
	/** The claim it is reserved for: `name`, or with namespace and uid. */
	readonly claimRef?: { readonly name: string; readonly namespace?: string; readonly uid?: string };
	/** Reached from nodes with this host name alone. */
	readonly on?: string;
	readonly affinity?: RawNodeSelector;
	readonly spec?: Record<string, unknown>;
}

/** By default 1Gi of class `local`, ReadWriteOnce, Available, reached from everywhere. */
export function volume(name: string, options: VolumeOptions = {}): Manifest<'PersistentVolume'> {
	const { betaClass, on, volumeMode, attributesClass, claimRef } = options;
	const annotations = { ...(betaClass !== undefined && { [BETA_CLASS]: betaClass }), ...options.annotations };
	const required = options.affinity ?? (on === undefined ? undefined : terms([HOST, 'In', on]));
	return {
		kind: 'PersistentVolume',
		metadata: metadata(name, { ...options, annotations }),
		spec: {
			storageClassName: options.class ?? 'local',
			accessModes: options.modes ?? ['ReadWriteOnce'],
			capacity: { storage: options.size ?? '1Gi' },
			...(required && { nodeAffinity: { required } }),
			...(claimRef && { claimRef: { namespace: NAMESPACE, ...claimRef } }),
			...(volumeMode !== undefined && { volumeMode }),
			...(attributesClass !== undefined && { volumeAttributesClassName: attributesClass }),
			...options.spec,
		},
		status: { phase: options.phase ?? 'Available' },
	};
}

export type Expression = readonly [key: string, operator: string, ...values: string[]];

/** A node selector of one term a list of expressions; with a single expression, of one term. */
export function terms(...list: readonly (Expression | readonly Expression[])[]): RawNodeSelector {
	return {
		nodeSelectorTerms: list.map((term) => ({
			matchExpressions: (Array.isArray(term[0]) ? (term as readonly Expression[]) : [term as Expression]).map(
				expression,
			),
		})),
	};
}

export function expression([key, operator, ...values]: Expression) {
	return values.length > 0 ? { key, operator, values } : { key, operator };
}

export interface ClassOptions extends Common {
	readonly provisioner?: string;
	/** null leaves the field out. */
	readonly mode?: string | null;
	readonly topologies?: readonly RawTopologySelectorTerm[];
}

/** By default WaitForFirstConsumer, without a provisioner. */
export function storageClass(name: string, options: ClassOptions = {}): Manifest<'StorageClass'> {
	const { provisioner = 'kubernetes.io/no-provisioner', mode = 'WaitForFirstConsumer', topologies } = options;
	return {
		kind: 'StorageClass',
		metadata: metadata(name, options),
		provisioner,
		...(mode !== null && { volumeBindingMode: mode }),
		...(topologies && { allowedTopologies: topologies }),
	};
}

/** One topology selector term for each record: `{ zone: ['a', 'b'] }`. */
export function topologies(...list: readonly Record<string, readonly string[]>[]): RawTopologySelectorTerm[] {
	return list.map((term) => ({
		matchLabelExpressions: Object.entries(term).map(([key, values]) => ({ key, values })),
	}));
}

export function csiNode(name: string, migrated?: string): Manifest<'CSINode'> {
	const annotations = migrated === undefined ? {} : { 'storage.alpha.kubernetes.io/migrated-plugins': migrated };
	return { kind: 'CSINode', metadata: metadata(name, { annotations }), spec: { drivers: [] } };
}

export function csiDriver(name: string, storageCapacity?: boolean): Manifest<'CSIDriver'> {
	return {
		kind: 'CSIDriver',
		metadata: metadata(name, {}),
		spec: storageCapacity === undefined ? {} : { storageCapacity },
	};
}

export interface CapacityOptions extends Common {
	readonly class?: string;
	readonly capacity?: string;
	readonly maximum?: string;
	/** null leaves the field out; by default every node. */
	readonly nodes?: RawLabelSelector | null;
}

export function capacity(name: string, options: CapacityOptions = {}): Manifest<'CSIStorageCapacity'> {
	const { nodes = {}, maximum } = options;
	return {
		kind: 'CSIStorageCapacity',
		metadata: metadata(name, { ...options, metadata: { namespace: 'drivers', ...options.metadata } }),
		storageClassName: options.class ?? 'csi',
		...(options.capacity !== undefined && { capacity: options.capacity }),
		...(maximum !== undefined && { maximumVolumeSize: maximum }),
		...(nodes && { nodeTopology: nodes }),
	};
}

/** A pod that mounts these claims; `{ ephemeral: 'scratch' }` is a generic ephemeral volume of that name. */
export function pod(name: string, ...mounts: readonly (string | { readonly ephemeral: string })[]): Manifest<'Pod'> {
	const volumes = mounts.map((mount, at) =>
		typeof mount === 'string'
			? { name: `v${at}`, persistentVolumeClaim: { claimName: mount } }
			: { name: mount.ephemeral, ephemeral: { volumeClaimTemplate: {} } },
	);
	return {
		kind: 'Pod',
		metadata: metadata(name, { metadata: { namespace: NAMESPACE } }),
		spec: { schedulerName: 'default-scheduler', volumes },
	};
}

export function project<K extends Kind>(manifest: Manifest<K>): KindTypes[K] {
	return (projections[manifest.kind] as unknown as (raw: object) => KindTypes[K])(manifest);
}

/** A cluster of these objects, seen in this order. */
export function cluster(...manifests: readonly Manifest[]): ClusterState {
	return configuredCluster({}, ...manifests);
}

/** The same where drivers are so configured. */
export function configuredCluster(drivers: DriverSettings, ...manifests: readonly Manifest[]): ClusterState {
	const state = new ClusterState(drivers);
	for (const manifest of manifests) put(state, manifest);
	return state;
}

export function put(state: ClusterState, manifest: Manifest): void {
	state.upsert(manifest.kind, project(manifest) as never);
}

function metadata(name: string, { labels, annotations, version, uid, deleting, metadata }: Common): Metadata {
	return {
		name,
		uid: uid ?? `uid-${name}`,
		resourceVersion: version ?? '1',
		...(labels && { labels }),
		...(annotations && Object.keys(annotations).length > 0 && { annotations }),
		...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
		...metadata,
	};
}
