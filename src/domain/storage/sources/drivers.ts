import type { SnapshotReach } from '../../model.ts';

export interface WellKnownDriver {
	readonly snapshots: SnapshotReach;
	/** The page on which those who make the driver or its storage say so. */
	readonly citation: string;
}

/**
 * Where snapshots of well-known drivers can be restored. A driver stands here only if its own documentation says it;
 * one that does not is treated as `anywhere`, and its operator may configure it.
 */
export const WELL_KNOWN_DRIVERS: ReadonlyMap<string, WellKnownDriver> = new Map<string, WellKnownDriver>([
	[
		// Snapshots can be restored only on the node of the source volume.
		'topolvm.io',
		{ snapshots: 'source-volume', citation: 'https://github.com/topolvm/topolvm/blob/main/docs/limitations.md' },
	],
	[
		// The restored volume is created on the node where the original volume is.
		'zfs.csi.openebs.io',
		{
			snapshots: 'source-volume',
			citation:
				'https://openebs.io/docs/user-guides/local-storage-user-guide/local-pv-zfs/advanced-operations/zfs-clone',
		},
	],
	[
		// Restores are node-local: on the same node as the source.
		'rawfile.csi.openebs.io',
		{
			snapshots: 'source-volume',
			citation:
				'https://openebs.io/docs/user-guides/local-storage-user-guide/local-pv-rawfile/advanced-operations/rawfile-volume-restore',
		},
	],
	[
		// Replicated across the Availability Zones of a Region; a volume can be restored in any of them.
		'ebs.csi.aws.com',
		{ snapshots: 'anywhere', citation: 'https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshots.html' },
	],
	[
		// Global by default: a disk can be made of it in any region or zone.
		'pd.csi.storage.gke.io',
		{ snapshots: 'anywhere', citation: 'https://cloud.google.com/compute/docs/disks/set-snapshot-scope' },
	],
]);
