import type { Kind, KindTypes } from '../cluster/kinds.ts';
import { projections } from '../cluster/projections.ts';
import type { Claim, Volume } from '../domain/model.ts';
import { keyOf, type RawClaim, type RawObject, type RawVolume } from './raw.ts';

/** What topobind keeps of the object. Throws an Error that names object and field when a value is unusable. */
export function project<K extends Kind>(kind: K, raw: RawObject): KindTypes[K] {
	try {
		return projections[kind](raw as never);
	} catch (error) {
		throw new Error(`${kind} ${keyOf(raw)}: ${(error as Error).message}`, { cause: error });
	}
}

export function claimOf(raw: RawClaim): Claim {
	return project('PersistentVolumeClaim', raw);
}

export function volumeOf(raw: RawVolume): Volume {
	return project('PersistentVolume', raw);
}
