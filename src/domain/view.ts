import type {
	CapacitySegment,
	Claim,
	CsiDriver,
	CsiNode,
	ReferenceGrant,
	Snapshot,
	SnapshotClass,
	SnapshotContent,
	SnapshotReach,
	StorageClass,
	Volume,
} from './model.ts';
import type { StaticVolumes } from './storage/static-volumes.ts';
import type { NodeIndex } from './topology/node-index.ts';

/**
 * The cluster as the domain sees it: what the watches say, overlaid by what was assumed.
 * Synchronous, so that a judgement, which never awaits, reads one consistent state.
 */
export interface ClusterView {
	/** Whether topobind says which volume a claim gets, as in delegate mode; else VolumeBinding does, by what it alone has assumed. */
	readonly choosesVolumes: boolean;
	readonly nodes: NodeIndex;
	claim(namespace: string, name: string): Claim | undefined;
	volume(name: string): Volume | undefined;
	storageClass(name: string): StorageClass | undefined;
	/** The volumes of a class that a claim may still be bound to; undefined when there are none. */
	staticVolumes(className: string): StaticVolumes | undefined;
	csiDriver(name: string): CsiDriver | undefined;
	csiNode(name: string): CsiNode | undefined;
	/** In an order that does not depend on when they were seen. */
	capacitySegments(className: string): readonly CapacitySegment[];
	snapshot(namespace: string, name: string): Snapshot | undefined;
	snapshotContent(name: string): SnapshotContent | undefined;
	snapshotClass(name: string): SnapshotClass | undefined;
	/** Those in the namespace. */
	referenceGrants(namespace: string): Iterable<ReferenceGrant>;
	/** The volume that the driver knows by this handle. */
	volumeOfHandle(driver: string, handle: string): Volume | undefined;
	/** Where snapshots of the driver can be restored, as configured; undefined where it is not. */
	snapshotReach(driver: string): SnapshotReach | undefined;
}
