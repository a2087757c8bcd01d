/** The kinds topobind keeps, and the projected type of each. */

import type {
	CapacitySegment,
	Claim,
	CsiDriver,
	CsiNode,
	Node,
	Pod,
	ReferenceGrant,
	Snapshot,
	SnapshotClass,
	SnapshotContent,
	StorageClass,
	Volume,
} from '../domain/model.ts';

export interface KindTypes {
	Node: Node;
	/** Only pods that no node is assigned to yet. */
	Pod: Pod;
	PersistentVolumeClaim: Claim;
	PersistentVolume: Volume;
	StorageClass: StorageClass;
	CSINode: CsiNode;
	CSIDriver: CsiDriver;
	CSIStorageCapacity: CapacitySegment;
	VolumeSnapshot: Snapshot;
	VolumeSnapshotContent: SnapshotContent;
	VolumeSnapshotClass: SnapshotClass;
	ReferenceGrant: ReferenceGrant;
}

export type Kind = keyof KindTypes;
