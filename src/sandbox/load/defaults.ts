/** What an API server fills in when an object is created. */

import { hash } from 'node:crypto';
import type { RawClaim, RawObject, RawPod, RawSource, RawStorageClass, RawTypes, RawVolume } from '../raw.ts';
import { SNAPSHOT_GROUP } from '../snapshot-group.ts';
import type { HeldKind } from './kinds.ts';

/** The uid that an object without one gets: the same each time, so that a curl line works twice. */
export function uidFor(kind: string, namespace: string, name: string): string {
	const digest = hash('sha256', `${kind}/${namespace}/${name}`);
	return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

/** The object with the defaults of its kind. Those that depend on other objects come in a second pass, see `settle`. */
export function withDefaults(object: RawObject, { kind, namespaced }: HeldKind): RawObject {
	const { name, namespace: given, uid, ...rest } = object.metadata;
	const namespace = namespaced ? (given ?? 'default') : undefined;
	const metadata = { name, ...(namespace && { namespace }), ...rest, uid: uid ?? uidFor(kind, namespace ?? '', name) };
	const fill = FILL[kind] as ((object: RawObject) => RawObject) | undefined;
	return { ...(fill ? fill(object) : object), metadata };
}

const FILL: { readonly [K in keyof RawTypes]?: (object: RawTypes[K]) => RawTypes[K] } = {
	Pod: (pod): RawPod => ({
		...pod,
		spec: { ...{ schedulerName: 'default-scheduler' }, ...pod.spec },
		status: { phase: 'Pending', ...pod.status },
	}),
	PersistentVolumeClaim: (claim): RawClaim => ({
		...claim,
		spec: claimSpecWithDefaults(claim.spec),
		status: { phase: 'Pending', ...claim.status },
	}),
	PersistentVolume: (volume): RawVolume => ({
		...volume,
		spec: {
			volumeMode: 'Filesystem',
			persistentVolumeReclaimPolicy: 'Retain',
			...volume.spec,
			...(volume.spec.claimRef && { claimRef: { namespace: 'default', ...volume.spec.claimRef } }),
		},
	}),
	StorageClass: (storageClass): RawStorageClass => ({
		...storageClass,
		volumeBindingMode: storageClass.volumeBindingMode ?? 'Immediate',
		reclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
	}),
};

/** volumeMode, and each of dataSource and dataSourceRef from the other, as the API server keeps them alike. */
export function claimSpecWithDefaults(spec: RawClaim['spec']): RawClaim['spec'] {
	const filled = { volumeMode: 'Filesystem', ...spec };
	const { dataSource, dataSourceRef } = filled;
	if (dataSource && !dataSourceRef) return { ...filled, dataSourceRef: dataSource };
	if (dataSourceRef && !dataSource && !dataSourceRef.namespace && isVolumeSource(dataSourceRef)) {
		return { ...filled, dataSource: dataSourceRef };
	}
	return filled;
}

/** Any other kind may stand in dataSourceRef only. */
function isVolumeSource({ apiGroup = '', kind }: RawSource): boolean {
	return (
		(apiGroup === '' && kind === 'PersistentVolumeClaim') || (apiGroup === SNAPSHOT_GROUP && kind === 'VolumeSnapshot')
	);
}
