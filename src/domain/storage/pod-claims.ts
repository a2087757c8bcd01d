/**
 * The claims of a pod, before any node is looked at: podHasPVCs in volumebinding/volume_binding.go
 * and GetPodVolumeClaims in volumebinding/binder.go.
 */

import { type Reason, reason } from '../decision/reasons.ts';
import type { Claim, Pod, PodClaimVolume } from '../model.ts';
import type { ClusterView } from '../view.ts';

export interface PodClaims {
	/** Fully bound. A claim that two volumes mount stands twice, here and below. */
	readonly bound: readonly MountedClaim[];
	/** Unbound, of a class that waits for the first consumer. */
	readonly delayed: readonly Claim[];
}

export interface MountedClaim {
	readonly claim: Claim;
	readonly ephemeral: boolean;
}

/** Sorts the pod's claims, or gives the one reason for which no node will do. */
export function claimsOf(pod: Pod, view: ClusterView): PodClaims | Reason {
	const mounted: MountedClaim[] = [];
	for (const volume of pod.claimVolumes) {
		const claim = view.claim(pod.namespace, volume.claimName);
		const problem = problemOf(claim, volume, pod);
		if (problem) return problem;
		mounted.push({ claim: claim as Claim, ephemeral: volume.ephemeral });
	}
	const unbound = mounted.filter(({ claim }) => !isBound(claim)).map(({ claim }) => claim);
	const problems = unbound.map((claim) => bindingModeOf(claim, view)).filter((mode) => mode !== 'delayed');
	// An error of kube-scheduler, and so told before any claim that merely waits.
	const problem = problems.find(({ code }) => code === 'CLASS_INVALID') ?? problems[0];
	if (problem) return problem;
	return { bound: mounted.filter(({ claim }) => isBound(claim)), delayed: unbound };
}

/** isPVCFullyBound: the phase is not read, and the annotation counts whatever its value. */
export function isBound(claim: Claim): boolean {
	return claim.volumeName !== '' && claim.bindCompleted;
}

function problemOf(claim: Claim | undefined, { ephemeral, claimName }: PodClaimVolume, pod: Pod): Reason | undefined {
	if (!claim) return reason(ephemeral ? 'CLAIM_NOT_CREATED' : 'CLAIM_MISSING', { claim: claimName });
	if (claim.phase === 'Lost') return reason('CLAIM_LOST', { claim: claimName, volume: claim.volumeName });
	if (claim.deleting) return reason('CLAIM_DELETING', { claim: claimName });
	if (ephemeral && claim.controllerUid !== pod.uid) return reason('CLAIM_NOT_OWNED', { claim: claimName });
	return undefined;
}

/** A claim that names its volume beforehand is bound by the PV controller, whatever its class. */
function bindingModeOf(claim: Claim, view: ClusterView): 'delayed' | Reason {
	const storageClass = view.storageClass(claim.className);
	if (claim.className !== '' && !storageClass && claim.volumeName === '') {
		return reason('CLASS_MISSING', { claim: claim.name, class: claim.className });
	}
	if (storageClass && storageClass.bindingMode === undefined) {
		return reason('CLASS_INVALID', { claim: claim.name, class: claim.className });
	}
	if (storageClass?.bindingMode === 'WaitForFirstConsumer' && claim.volumeName === '') return 'delayed';
	return reason('CLAIM_UNBOUND', { claim: claim.name });
}
