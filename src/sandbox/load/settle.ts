/** Defaults that depend on other objects, filled in when all are loaded. */

import { findDefaultClass, withDefaultClass } from '../default-class.ts';
import {
	BIND_COMPLETED,
	hasAnnotation,
	keyOf,
	type RawClaim,
	type RawObject,
	type RawStorageClass,
	type RawVolume,
} from '../raw.ts';

/** Replaces, in place, claims without a class and volumes without a phase. */
export function settle(objects: RawObject[]): void {
	const defaultClass = findDefaultClass(
		objects.filter((object) => object.kind === 'StorageClass') as RawStorageClass[],
	);
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

/** The PV controller's first word on the phase; what is bound half only, it completes later. */
function withPhase(volume: RawVolume, claims: ReadonlyMap<string, RawClaim>): RawVolume {
	if (volume.status?.phase !== undefined) return volume;
	const { claimRef } = volume.spec;
	const claim = claimRef && claims.get(`${claimRef.namespace}/${claimRef.name}`);
	const bound =
		claim && hasAnnotation(claim, BIND_COMPLETED) && claim.spec.volumeName === volume.metadata.name && claimRef.uid;
	return { ...volume, status: { ...volume.status, phase: bound ? 'Bound' : 'Available' } };
}
