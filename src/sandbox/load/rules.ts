/** What the API server asks of objects beyond the types of their fields, as far as storage decisions depend on it. */

export interface TypeRules {
	/** Fields that must be there. */
	readonly required?: readonly string[];
	/** The words that a field, or each item of its list, may hold. */
	readonly words?: Readonly<Record<string, readonly string[]>>;
	/** Fields that are a quantity, or a map of quantities. */
	readonly quantities?: readonly string[];
	/** Anything else that is wrong, said of the field at the given path below the object. */
	readonly check?: (object: Readonly<Record<string, unknown>>) => Fault | undefined;
}

export interface Fault {
	readonly at: readonly string[];
	readonly message: string;
}

const ACCESS_MODES = ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'];
const VOLUME_MODES = ['Filesystem', 'Block'];
const SNAPSHOT_POLICIES = ['Delete', 'Retain'];

/** By type name, as in the field tables. */
export const RULES: Readonly<Record<string, TypeRules>> = {
	V1OwnerReference: { required: ['apiVersion', 'kind', 'name', 'uid'] },
	V1LabelSelectorRequirement: {
		required: ['key', 'operator'],
		words: { operator: ['In', 'NotIn', 'Exists', 'DoesNotExist'] },
	},

	V1NodeStatus: { quantities: ['capacity', 'allocatable'] },

	V1Pod: { required: ['spec'] },
	V1PodSpec: { required: ['containers'] },
	V1Container: { required: ['name'] },
	V1ResourceRequirements: { quantities: ['requests', 'limits'] },
	V1Volume: { required: ['name'] },
	V1PersistentVolumeClaimVolumeSource: { required: ['claimName'] },
	V1EphemeralVolumeSource: { required: ['volumeClaimTemplate'] },
	V1PersistentVolumeClaimTemplate: { required: ['spec'] },

	V1PersistentVolumeClaim: { required: ['spec'] },
	V1PersistentVolumeClaimSpec: {
		required: ['accessModes', 'resources'],
		words: { accessModes: ACCESS_MODES, volumeMode: VOLUME_MODES },
		check: ({ resources }) => need(resources, ['resources', 'requests', 'storage'], 1),
	},
	V1PersistentVolumeClaimStatus: { words: { phase: ['Pending', 'Bound', 'Lost'] }, quantities: ['capacity'] },
	V1VolumeResourceRequirements: { quantities: ['requests', 'limits'] },
	V1TypedLocalObjectReference: { required: ['kind', 'name'] },
	V1TypedObjectReference: { required: ['kind', 'name'] },

	V1PersistentVolume: { required: ['spec'] },
	V1PersistentVolumeSpec: {
		required: ['accessModes', 'capacity'],
		words: {
			accessModes: ACCESS_MODES,
			volumeMode: VOLUME_MODES,
			persistentVolumeReclaimPolicy: ['Retain', 'Delete', 'Recycle'],
		},
		quantities: ['capacity'],
		check: ({ capacity, local, nodeAffinity }) =>
			need(capacity, ['capacity', 'storage'], 1) ??
			(local && !nodeAffinity
				? { at: ['nodeAffinity'], message: 'is required for a local volume: it says which node the volume is on' }
				: undefined),
	},
	V1PersistentVolumeStatus: { words: { phase: ['Pending', 'Available', 'Bound', 'Released', 'Failed'] } },
	V1LocalVolumeSource: { required: ['path'] },
	V1CSIPersistentVolumeSource: { required: ['driver', 'volumeHandle'] },
	V1VolumeNodeAffinity: { required: ['required'] },
	V1NodeSelector: { required: ['nodeSelectorTerms'] },
	V1NodeSelectorRequirement: {
		required: ['key', 'operator'],
		words: { operator: ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'] },
	},

	V1StorageClass: {
		required: ['provisioner'],
		words: { volumeBindingMode: ['Immediate', 'WaitForFirstConsumer'], reclaimPolicy: ['Delete', 'Retain'] },
	},
	V1TopologySelectorLabelRequirement: { required: ['key', 'values'] },
	V1CSINode: { required: ['spec'] },
	V1CSINodeDriver: { required: ['name', 'nodeID'] },
	V1CSIDriver: { required: ['spec'] },
	V1CSIStorageCapacity: { required: ['storageClassName'], quantities: ['capacity', 'maximumVolumeSize'] },

	VolumeSnapshot: { required: ['spec'] },
	VolumeSnapshotSpec: { required: ['source'] },
	VolumeSnapshotSource: {
		check: (source) => exactlyOne(source, 'persistentVolumeClaimName', 'volumeSnapshotContentName'),
	},
	VolumeSnapshotStatus: { quantities: ['restoreSize'] },
	VolumeSnapshotContent: { required: ['spec'] },
	VolumeSnapshotContentSpec: {
		required: ['deletionPolicy', 'driver', 'source', 'volumeSnapshotRef'],
		words: { deletionPolicy: SNAPSHOT_POLICIES, sourceVolumeMode: VOLUME_MODES },
		check: ({ volumeSnapshotRef }) =>
			need(volumeSnapshotRef, ['volumeSnapshotRef', 'name'], 1) ??
			need(volumeSnapshotRef, ['volumeSnapshotRef', 'namespace'], 1),
	},
	VolumeSnapshotContentSource: { check: (source) => exactlyOne(source, 'snapshotHandle', 'volumeHandle') },
	VolumeSnapshotClass: { required: ['deletionPolicy', 'driver'], words: { deletionPolicy: SNAPSHOT_POLICIES } },
	ReferenceGrant: { required: ['spec'] },
	ReferenceGrantSpec: { required: ['from', 'to'] },
	ReferenceGrantFrom: { required: ['group', 'kind', 'namespace'] },
	ReferenceGrantTo: { required: ['group', 'kind'] },
};

/** The field at `path` must be there; `value` is what stands at its first `from` parts. An absent or mistyped one is another rule's matter. */
function need(value: unknown, path: readonly string[], from: number): Fault | undefined {
	if (value === undefined) return undefined;
	let current: unknown = value;
	for (const part of path.slice(from)) {
		if (current === undefined) break;
		if (typeof current !== 'object' || current === null) return undefined;
		current = (current as Readonly<Record<string, unknown>>)[part];
	}
	return current === undefined ? { at: path, message: 'is required' } : undefined;
}

function exactlyOne(object: Readonly<Record<string, unknown>>, one: string, other: string): Fault | undefined {
	if ((object[one] === undefined) !== (object[other] === undefined)) return undefined;
	return { at: [], message: `needs exactly one of ${one} and ${other}` };
}
