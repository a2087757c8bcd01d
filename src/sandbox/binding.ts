/** How a volume and a claim are tied, as pv_helpers.go and the PV controller write it. */

import type { Claim } from '../domain/model.ts';
import {
	annotate,
	BIND_COMPLETED,
	BOUND_BY_CONTROLLER,
	hasAnnotation,
	type RawClaim,
	type RawReference,
	type RawVolume,
} from './raw.ts';

export function referenceTo(claim: Pick<Claim, 'namespace' | 'name' | 'uid' | 'resourceVersion'>): RawReference {
	const { namespace, name, uid, resourceVersion } = claim;
	return { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion };
}

/** The claimRef names the claim, and its UID where it carries one (IsVolumeBoundToClaim). */
export function isClaimedBy(
	{ spec: { claimRef } }: RawVolume,
	claim: Pick<Claim, 'namespace' | 'name' | 'uid'>,
): boolean {
	if (claimRef?.name !== claim.name || claimRef.namespace !== claim.namespace) return false;
	return !claimRef.uid || claimRef.uid === claim.uid;
}

/** The volume with a full claimRef (GetBindVolumeToClaim). The same object when it is so already. */
export function withClaim(
	volume: RawVolume,
	claim: Pick<Claim, 'namespace' | 'name' | 'uid' | 'resourceVersion'>,
): RawVolume {
	if (volume.spec.claimRef?.uid === claim.uid) return volume;
	const claimed = { ...volume, spec: { ...volume.spec, claimRef: referenceTo(claim) } };
	// Someone who reserved the volume for this claim keeps the reservation when the claim goes.
	return isClaimedBy(volume, claim) ? claimed : annotate(claimed, { [BOUND_BY_CONTROLLER]: 'yes' });
}

/** The claim as bound to the volume. The same object when it is so already. */
export function withVolume(claim: RawClaim, volume: RawVolume): RawClaim {
	if (hasAnnotation(claim, BIND_COMPLETED) && claim.status?.phase === 'Bound') return claim;
	const byController = claim.spec.volumeName ? {} : { [BOUND_BY_CONTROLLER]: 'yes' };
	const { accessModes, capacity } = volume.spec;
	return {
		...annotate(claim, { ...byController, [BIND_COMPLETED]: 'yes' }),
		spec: { ...claim.spec, volumeName: volume.metadata.name },
		status: { ...claim.status, phase: 'Bound', accessModes, capacity },
	};
}
