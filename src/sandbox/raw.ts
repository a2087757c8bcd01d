/**
 * Kubernetes objects as manifests write them. Only the fields that the sandbox itself reads or writes are
 * typed; all others ride along untouched. Every object is immutable: a change makes a new one.
 */

import type { RawLabelSelector, RawNodeSelector, RawTopologySelectorTerm } from '../domain/topology/requirement.ts';

type Strings = Readonly<Record<string, string>>;

export interface RawMetadata {
	readonly name: string;
	readonly namespace?: string | undefined;
	readonly uid: string;
	readonly resourceVersion: string;
	readonly labels?: Strings | undefined;
	readonly annotations?: Strings | undefined;
	readonly ownerReferences?: readonly RawOwner[] | undefined;
	readonly finalizers?: readonly string[] | undefined;
	readonly creationTimestamp?: string | undefined;
	readonly deletionTimestamp?: string | undefined;
}

export interface RawOwner {
	readonly apiVersion: string;
	readonly kind: string;
	readonly name: string;
	readonly uid: string;
	readonly controller?: boolean;
	readonly blockOwnerDeletion?: boolean;
}

export interface RawObject {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: RawMetadata;
}

export interface RawReference {
	readonly apiVersion?: string | undefined;
	readonly kind?: string | undefined;
	readonly namespace?: string | undefined;
	readonly name: string;
	readonly uid?: string | undefined;
	readonly resourceVersion?: string | undefined;
}

export interface RawPod extends RawObject {
	readonly spec: {
		readonly nodeName?: string | undefined;
		readonly volumes?:
			| readonly {
					readonly name: string;
					readonly ephemeral?: {
						readonly volumeClaimTemplate: { readonly metadata?: Partial<RawMetadata>; readonly spec: RawClaim['spec'] };
					};
			  }[]
			| undefined;
	};
	readonly status?: {
		readonly phase?: string;
		readonly conditions?: readonly { readonly type: string; readonly status: string }[];
	};
}

/** spec.dataSource or spec.dataSourceRef. */
export interface RawSource {
	readonly apiGroup?: string | undefined;
	readonly kind: string;
	readonly namespace?: string | undefined;
	readonly name: string;
}

export interface RawClaim extends RawObject {
	readonly spec: {
		readonly accessModes?: readonly string[] | undefined;
		readonly resources?: { readonly requests?: Strings | undefined } | undefined;
		readonly storageClassName?: string | undefined;
		readonly volumeName?: string | undefined;
		readonly volumeMode?: string | undefined;
		readonly volumeAttributesClassName?: string | undefined;
		readonly selector?: RawLabelSelector | undefined;
		readonly dataSource?: RawSource | undefined;
		readonly dataSourceRef?: RawSource | undefined;
	};
	readonly status?: {
		readonly phase?: string;
		readonly accessModes?: readonly string[] | undefined;
		readonly capacity?: Strings | undefined;
	};
}

export interface RawVolume extends RawObject {
	readonly spec: {
		readonly capacity?: Strings | undefined;
		readonly accessModes?: readonly string[] | undefined;
		readonly storageClassName?: string | undefined;
		readonly persistentVolumeReclaimPolicy?: string | undefined;
		readonly volumeMode?: string | undefined;
		readonly volumeAttributesClassName?: string | undefined;
		readonly claimRef?: RawReference | undefined;
		readonly csi?: { readonly driver: string; readonly volumeHandle: string } | undefined;
		readonly nodeAffinity?: { readonly required?: RawNodeSelector } | undefined;
	};
	readonly status?: { readonly phase?: string };
}

export interface RawStorageClass extends RawObject {
	readonly provisioner: string;
	readonly reclaimPolicy?: string | undefined;
	readonly volumeBindingMode?: string | undefined;
	readonly allowedTopologies?: readonly RawTopologySelectorTerm[] | undefined;
}

export interface RawCsiNode extends RawObject {
	readonly spec: {
		/** Absent where the node has none: an API server writes null for it. */
		readonly drivers?: readonly { readonly name: string; readonly topologyKeys?: readonly string[] }[];
	};
}

export interface RawCapacity extends RawObject {
	readonly storageClassName: string;
	readonly capacity?: string | undefined;
	readonly maximumVolumeSize?: string | undefined;
	readonly nodeTopology?: RawLabelSelector | undefined;
}

export interface RawSnapshot extends RawObject {
	readonly spec: {
		readonly source: { readonly persistentVolumeClaimName?: string; readonly volumeSnapshotContentName?: string };
		readonly volumeSnapshotClassName?: string | undefined;
	};
	readonly status?: {
		readonly boundVolumeSnapshotContentName?: string | undefined;
		readonly readyToUse?: boolean;
		readonly restoreSize?: string | undefined;
		readonly creationTime?: string;
	};
}

export interface RawSnapshotContent extends RawObject {
	readonly spec: {
		readonly driver: string;
		readonly deletionPolicy: string;
		readonly source: { readonly volumeHandle?: string; readonly snapshotHandle?: string };
		readonly sourceVolumeMode?: string | undefined;
		readonly volumeSnapshotClassName?: string | undefined;
		readonly volumeSnapshotRef: RawReference;
		/** KEP-5943; not in the CRDs of today. */
		readonly nodeAffinity?: readonly RawTopologySelectorTerm[] | undefined;
	};
	readonly status?: {
		readonly snapshotHandle?: string | undefined;
		readonly readyToUse?: boolean;
		/** Bytes. */
		readonly restoreSize?: number | undefined;
		/** Nanoseconds. */
		readonly creationTime?: number;
	};
}

export interface RawSnapshotClass extends RawObject {
	readonly driver: string;
	readonly deletionPolicy: string;
}

export interface RawGrant extends RawObject {
	readonly spec: {
		readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
		readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
	};
}

/** The kinds that the sandbox holds. */
export interface RawTypes {
	Node: RawObject;
	Pod: RawPod;
	PersistentVolumeClaim: RawClaim;
	PersistentVolume: RawVolume;
	StorageClass: RawStorageClass;
	CSINode: RawCsiNode;
	CSIDriver: RawObject;
	CSIStorageCapacity: RawCapacity;
	VolumeSnapshot: RawSnapshot;
	VolumeSnapshotContent: RawSnapshotContent;
	VolumeSnapshotClass: RawSnapshotClass;
	ReferenceGrant: RawGrant;
}

export type RawKind = keyof RawTypes;

/** `namespace/name`, or the bare name for a cluster-scoped object: as objectKey of the model does. */
export function keyOf({ metadata }: RawObject): string {
	return metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name;
}

/** The object with these annotations set; a value of undefined removes one. */
export function annotate<T extends RawObject>(object: T, changes: Readonly<Record<string, string | undefined>>): T {
	const annotations: Record<string, string> = { ...object.metadata.annotations };
	for (const [name, value] of Object.entries(changes)) {
		if (value === undefined) delete annotations[name];
		else annotations[name] = value;
	}
	return { ...object, metadata: { ...object.metadata, annotations } };
}

export function hasAnnotation({ metadata }: RawObject, name: string): boolean {
	return metadata.annotations?.[name] !== undefined;
}

export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
