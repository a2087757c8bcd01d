/**
 * What topobind keeps of each Kubernetes object: only what a storage decision reads.
 *
 * All values are immutable once made; a change in the cluster makes a new value. `resourceVersion`
 * is the one the object carried when it was seen, and is never compared with `<`.
 */

import type { Quantity } from './storage/quantity.ts';
import type { Labels } from './topology/labels.ts';
import type { Requirement } from './topology/requirement.ts';

export type { Labels } from './topology/labels.ts';

/** Identity and version that every kept object has. Cluster-scoped objects have namespace ''. */
export interface ObjectIdentity {
	readonly namespace: string;
	readonly name: string;
	readonly uid: string;
	readonly resourceVersion: string;
	/** metadata.deletionTimestamp is set. */
	readonly deleting: boolean;
}

export interface Node extends ObjectIdentity {
	readonly labels: Labels;
}

/** A pod's volume that needs a claim: one it names, or a generic ephemeral one (claim `<pod>-<volume>`). */
export interface PodClaimVolume {
	readonly volumeName: string;
	readonly claimName: string;
	readonly ephemeral: boolean;
}

export interface Pod extends ObjectIdentity {
	/** spec.nodeName, '' while unassigned. */
	readonly nodeName: string;
	readonly claimVolumes: readonly PodClaimVolume[];
	/** spec.schedulerName. */
	readonly schedulerName: string;
	/** What the scheduler said when it last found no node; '' where it has not, or has since. */
	readonly unschedulable: string;
	/** Annotation topobind.dev/try-again: the last mark that topobind has put on it; '' when there is none. */
	readonly mark: string;
}

export interface ObjectReference {
	readonly namespace: string;
	readonly name: string;
	/** '' when the reference carries none. */
	readonly uid: string;
}

/** spec.dataSource or, where that is absent, spec.dataSourceRef of a claim. */
export interface ClaimSource {
	readonly apiGroup: string;
	readonly kind: string;
	readonly namespace: string;
	readonly name: string;
}

export interface Claim extends ObjectIdentity {
	/** status.phase; 'Pending' when unset. */
	readonly phase: string;
	/** The beta annotation first, then spec.storageClassName; '' when neither is set. */
	readonly className: string;
	/** spec.storageClassName is set, if only to ''. Cloning asks for it; the annotation is not enough. */
	readonly classInSpec: boolean;
	/** spec.volumeName, '' when unset. */
	readonly volumeName: string;
	/** Annotation pv.kubernetes.io/bind-completed is present, with any value. */
	readonly bindCompleted: boolean;
	/** Annotation volume.kubernetes.io/selected-node; '' is a value, undefined is absence. */
	readonly selectedNode: string | undefined;
	/** spec.resources.requests.storage; undefined when the claim asks for none. */
	readonly request: Quantity | undefined;
	readonly accessModes: readonly string[];
	/** 'Filesystem' when unset. */
	readonly volumeMode: string;
	/** spec.volumeAttributesClassName, '' when unset. */
	readonly attributesClass: string;
	/** spec.selector over volume labels; one that Kubernetes cannot parse carries `invalid`. */
	readonly selector: Requirement | undefined;
	/** UID of the owner reference with controller: true. */
	readonly controllerUid: string | undefined;
	readonly source: ClaimSource | undefined;
}

export interface Volume extends ObjectIdentity {
	readonly labels: Labels;
	readonly phase: string;
	readonly className: string;
	readonly capacity: Quantity;
	readonly accessModes: readonly string[];
	readonly volumeMode: string;
	readonly attributesClass: string;
	readonly claimRef: ObjectReference | undefined;
	/** Nodes that can reach the volume; undefined means all. */
	readonly affinity: Requirement | undefined;
	readonly csi: { readonly driver: string; readonly handle: string } | undefined;
	/** Where the volume's kind is one that CSI migration translates: what it needs on nodes that have migrated the plugin. */
	readonly migration: VolumeMigration | undefined;
}

/** An in-tree volume as CSI migration sees it; made by storage/migration.ts. */
export interface VolumeMigration {
	/** In-tree plugin name, e.g. kubernetes.io/aws-ebs. */
	readonly plugin: string;
	readonly affinity: Requirement | undefined;
	/** Why the translation fails, where it does. */
	readonly problem: string | undefined;
}

export interface StorageClass extends ObjectIdentity {
	readonly provisioner: string;
	/** undefined when the class carries no volumeBindingMode. */
	readonly bindingMode: string | undefined;
	/** Nodes that the class allows; undefined means all. */
	readonly allowedTopologies: Requirement | undefined;
}

export interface CsiNode extends ObjectIdentity {
	readonly drivers: readonly { readonly name: string; readonly topologyKeys: readonly string[] }[];
	/** Annotation storage.alpha.kubernetes.io/migrated-plugins, split on ','. */
	readonly migratedPlugins: readonly string[];
}

export interface CsiDriver extends ObjectIdentity {
	readonly storageCapacity: boolean;
}

/** A CSIStorageCapacity: free storage of one class in one topology segment. */
export interface CapacitySegment extends ObjectIdentity {
	readonly className: string;
	/** Bytes, rounded up to whole ones; undefined when the driver told nothing. */
	readonly capacity: bigint | undefined;
	readonly maximumVolumeSize: bigint | undefined;
	/** Nodes of the segment; undefined means none. */
	readonly nodeTopology: Requirement | undefined;
}

export interface Snapshot extends ObjectIdentity {
	/** status.boundVolumeSnapshotContentName, '' while there is none. */
	readonly contentName: string;
	/** status.readyToUse. */
	readonly ready: boolean;
	/** status.restoreSize: the least that a volume restored from it must have. */
	readonly restoreSize: Quantity | undefined;
	/** Finalizer that external-provisioner sets while it restores: from then on deletion no longer stands in the way. */
	readonly restoring: boolean;
}

export interface SnapshotContent extends ObjectIdentity {
	readonly driver: string;
	/** spec.volumeSnapshotClassName, '' when unset. */
	readonly className: string;
	readonly snapshotRef: ObjectReference;
	/** status.snapshotHandle is set. */
	readonly hasHandle: boolean;
	/** spec.source.volumeHandle: the volume it was taken of; '' for a snapshot that was there before Kubernetes knew of it. */
	readonly volumeHandle: string;
	/** Mode of that volume; undefined when unknown. */
	readonly volumeMode: string | undefined;
	/** Annotation snapshot.storage.kubernetes.io/allow-volume-mode-change is true. */
	readonly allowsModeChange: boolean;
	/** Label snapshot.storage.kubernetes.io/managed-by: a node's name; '' without distributed snapshotting. */
	readonly managedBy: string;
	/** Annotation topobind.dev/snapshot-reach, as written. */
	readonly reach: string | undefined;
	/** spec.nodeAffinity (KEP-5943): nodes that can be given a volume from it; undefined where the field is absent. */
	readonly affinity: Requirement | 'every node' | undefined;
}

export interface SnapshotClass extends ObjectIdentity {
	/** Annotation topobind.dev/snapshot-reach, as written. */
	readonly reach: string | undefined;
}

/** A ReferenceGrant, so far as it is about claims that use sources of its namespace. */
export interface ReferenceGrant extends ObjectIdentity {
	/** Namespaces whose claims may. */
	readonly from: readonly string[];
	/** What they may use; without a name, all of the kind. */
	readonly to: readonly { readonly apiGroup: string; readonly kind: string; readonly name: string | undefined }[];
}

/** The `namespace/name` key under which namespaced objects are kept; the bare name for others. */
export function objectKey(object: { readonly namespace: string; readonly name: string }): string {
	return object.namespace === '' ? object.name : `${object.namespace}/${object.name}`;
}

/**
 * - anywhere: on every node that the class can provision for.
 * - source-volume: where the volume is that the snapshot was taken of.
 * - managed-by-node: on the node that the content's label snapshot.storage.kubernetes.io/managed-by names.
 */
export type SnapshotReach = 'anywhere' | 'source-volume' | 'managed-by-node';
