/**
 * The fields that each type of object has, by type name, in the notation of client-node's attribute maps:
 * `string`, `Array<V1Taint>`, `{ [key: string]: string; }`, ….
 */

export type Fields = ReadonlyMap<string, string>;

/** Undefined for a name that is no object type. */
export type FieldsOf = (type: string) => Fields | undefined;

interface GeneratedModel {
	getAttributeTypeMap?(): readonly { readonly baseName: string; readonly type: string }[];
}

/** Built-in kinds from client-node's generated models, the others from the tables below. */
export async function loadFields(): Promise<FieldsOf> {
	// Loaded only when manifests are, and only the models: the whole package takes three times as long.
	const models = (await import('@kubernetes/client-node/dist/gen/models/all.js')) as unknown as Readonly<
		Record<string, GeneratedModel>
	>;
	const known = new Map<string, Fields | undefined>();
	return (type) => {
		if (!known.has(type)) known.set(type, CUSTOM.get(type) ?? generatedFields(models[type]));
		return known.get(type);
	};
}

function generatedFields(model: GeneratedModel | undefined): Fields | undefined {
	const attributes = model?.getAttributeTypeMap?.();
	return attributes && new Map(attributes.map(({ baseName, type }) => [baseName, type]));
}

const STRINGS = '{ [key: string]: string; }';
const OBJECT = { apiVersion: 'string', kind: 'string', metadata: 'V1ObjectMeta' };

const TABLES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	VolumeSnapshot: { ...OBJECT, spec: 'VolumeSnapshotSpec', status: 'VolumeSnapshotStatus' },
	VolumeSnapshotSpec: { source: 'VolumeSnapshotSource', volumeSnapshotClassName: 'string' },
	VolumeSnapshotSource: { persistentVolumeClaimName: 'string', volumeSnapshotContentName: 'string' },
	VolumeSnapshotStatus: {
		boundVolumeSnapshotContentName: 'string',
		creationTime: 'Date',
		error: 'VolumeSnapshotError',
		readyToUse: 'boolean',
		restoreSize: 'string',
		volumeGroupSnapshotName: 'string',
	},
	VolumeSnapshotError: { message: 'string', time: 'Date' },
	VolumeSnapshotContent: { ...OBJECT, spec: 'VolumeSnapshotContentSpec', status: 'VolumeSnapshotContentStatus' },
	VolumeSnapshotContentSpec: {
		deletionPolicy: 'string',
		driver: 'string',
		// KEP-5943, read wherever it exists.
		nodeAffinity: 'Array<V1TopologySelectorTerm>',
		source: 'VolumeSnapshotContentSource',
		sourceVolumeMode: 'string',
		volumeSnapshotClassName: 'string',
		volumeSnapshotRef: 'V1ObjectReference',
	},
	VolumeSnapshotContentSource: { snapshotHandle: 'string', volumeHandle: 'string' },
	VolumeSnapshotContentStatus: {
		creationTime: 'number',
		error: 'VolumeSnapshotError',
		readyToUse: 'boolean',
		restoreSize: 'number',
		snapshotHandle: 'string',
		volumeGroupSnapshotHandle: 'string',
	},
	VolumeSnapshotClass: { ...OBJECT, deletionPolicy: 'string', driver: 'string', parameters: STRINGS },
	ReferenceGrant: { ...OBJECT, spec: 'ReferenceGrantSpec' },
	ReferenceGrantSpec: { from: 'Array<ReferenceGrantFrom>', to: 'Array<ReferenceGrantTo>' },
	ReferenceGrantFrom: { group: 'string', kind: 'string', namespace: 'string' },
	ReferenceGrantTo: { group: 'string', kind: 'string', name: 'string' },
};

const CUSTOM: ReadonlyMap<string, Fields> = new Map(
	Object.entries(TABLES).map(([type, fields]) => [type, new Map(Object.entries(fields))]),
);
