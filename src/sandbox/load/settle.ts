/** Defaults that depend on other objects, filled in when all are loaded. */

import {
	BIND_COMPLETED,
	hasAnnotation,
	keyOf,
	type RawClaim,
	type RawObject,
	type RawStorageClass,
	type RawVolume,
} from '../raw.ts';

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** Replaces, in place, claims without a class and volumes without a phase. */
export function settle(objects: RawObject[]): void {
	const defaultClass = findDefaultClass(objects);
	const claims = new Map<string, RawClaim>();
	for (const [i, object] of objects.entries()) {
		if (object.kind !== 'PersistentVolumeClaim') continue;
		const claim = withDefaultClass(object as RawClaim, defaultClass);
		objects[i] = claim;
		claims.set(keyOf(claim), claim);
	}
	for (const [i, object] of objects.entries()) {
		if (object.kind === 'PersistentVolume') objects[i] = withPhase(object as RawVolume, claims);
	}
}

/** Of several, the newest, then the first by name, as the DefaultStorageClass admission plugin takes it. */
function findDefaultClass(objects: readonly RawObject[]): string | undefined {
	const marked = objects.filter(
		(object) => object.kind === 'StorageClass' && object.metadata.annotations?.[DEFAULT_CLASS] === 'true',
	) as RawStorageClass[];
	const created = ({ metadata }: RawObject): number => Date.parse(metadata.creationTimestamp ?? '') || 0;
	marked.sort((a, b) => created(b) - created(a) || (a.metadata.name < b.metadata.name ? -1 : 1));
	return marked[0]?.metadata.name;
}

/** A class of '' is a choice: no class. */
function withDefaultClass(claim: RawClaim, storageClassName: string | undefined): RawClaim {
	if (storageClassName === undefined || claim.spec.storageClassName !== undefined) return claim;
	if (hasAnnotation(claim, BETA_CLASS)) return claim;
	return { ...claim, spec: { ...claim.spec, storageClassName } };
}

/** The PV controller's first word on the phase; what is bound half only, it completes later. */
function withPhase(volume: RawVolume, claims: ReadonlyMap<string, RawClaim>): RawVolume {
	if (volume.status?.phase !== undefined) return volume;
	const { claimRef } = volume.spec;
	const claim = claimRef && claims.get(`${claimRef.namespace}/${claimRef.name}`);
	const bound =
		claim && hasAnnotation(claim, BIND_COMPLETED) && claim.spec.volumeName === volume.metadata.name && claimRef.uid;
	return { ...volume, status: { ...volume.status, phase: bound ? 'Bound' : 'Available' } };
}
