/** What binding a pod to a node takes: AssumePodVolumes in volumebinding/binder.go, as a value. */

import type { Claim, Pod, Volume } from '../model.ts';
import { DelayedClaims } from '../storage/delayed-claims.ts';
import { claimsOf, isBound, type PodClaims } from '../storage/pod-claims.ts';
import { isReservedFor } from '../storage/static-volumes.ts';
import { NodeSet } from '../topology/node-set.ts';
import type { ClusterView } from '../view.ts';
import { isSorted, judgeClaims } from './judge.ts';
import { type Reason, reason } from './reasons.ts';

export interface Plan {
	readonly node: string;
	/** Every claim of the pod, once. */
	readonly claims: readonly Claim[];
	/** Volumes that the claims are to be bound to, smallest request first; with those whose claimRef already says so. */
	readonly bindings: readonly { readonly claim: Claim; readonly volume: Volume; readonly written: boolean }[];
	/** Claims to be provisioned on the node; with those whose selected-node already says so, which come first. */
	readonly provisions: readonly { readonly claim: Claim; readonly written: boolean }[];
}

/** The plan for a node on which the pod's storage works now, or the reason why it does not. */
export function planBinding(pod: Pod, view: ClusterView, node: string): Plan | Reason {
	const id = view.nodes.idOf(node);
	if (id === undefined) return reason('UNKNOWN_NODE');
	const mounted = claimsOf(pod, view);
	if (!isSorted(mounted)) return mounted;
	const claims = mountedOnce(mounted);
	const refusal = judgeClaims(claims, view, NodeSet.of([id]))[0];
	if (refusal) return refusal.reason;
	const { bindings, provisions } = new DelayedClaims(claims.delayed, view).assign(view.nodes.labelsOf(id));
	return {
		node,
		claims: [...new Set([...claims.bound.map(({ claim }) => claim), ...claims.delayed])],
		bindings: bindings.map(({ claim, volume }) => ({ claim, volume, written: isWritten(claim, volume) })),
		provisions: provisions.map((claim) => ({ claim, written: claim.selectedNode !== undefined })),
	};
}

export function isReason(result: Plan | Reason): result is Reason {
	return 'code' in result;
}

/**
 * A claim that two volumes of the pod mount is planned once. Filter judges it twice, as kube-scheduler does;
 * to bind it to two volumes would lose one of them. What each mount asks of it is asked all the same: the one may name it,
 * the other own it.
 */
function mountedOnce({ bound, delayed }: PodClaims): PodClaims {
	return { bound, delayed: [...new Set(delayed)] };
}

/** GetBindVolumeToClaim leaves a volume alone only if its claimRef carries the claim's UID. */
function isWritten(claim: Claim, volume: Volume): boolean {
	return isReservedFor(volume, claim) && volume.claimRef?.uid === claim.uid;
}

/** All claims of the plan are bound. */
export function allBound(plan: Plan): boolean {
	return plan.claims.every(isBound);
}
