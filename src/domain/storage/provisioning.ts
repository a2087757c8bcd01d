/**
 * Where a volume could be provisioned for a claim: checkVolumeProvisions and hasEnoughCapacity in volumebinding/binder.go,
 * and what nobody else asks before a node is chosen, the claim's source.
 */

import { type Reason, reason } from '../decision/reasons.ts';
import type { Claim, StorageClass } from '../model.ts';
import type { NodeIndex } from '../topology/node-index.ts';
import { NodeSet } from '../topology/node-set.ts';
import type { Requirement } from '../topology/requirement.ts';
import type { ClusterView } from '../view.ts';
import type { ProvisioningStep } from './provisioning-step.ts';
import { wholeUnits, ZERO } from './quantity.ts';
import { sourceStep } from './sources.ts';

const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/**
 * What must hold of a node, in the order in which the first failure is the one told. Empty: every node will do.
 * `beside` are the claims of the same pod that wait for a node as this one does.
 */
export function provisioningSteps(
	claim: Claim,
	beside: readonly Claim[],
	view: ClusterView,
	nodes: NodeIndex,
): ProvisioningStep[] {
	const storageClass = view.storageClass(claim.className);
	if (!storageClass || storageClass.provisioner === '' || storageClass.provisioner === NO_PROVISIONER) {
		return [{ allowed: new NodeSet(), reason: noStaticVolume(claim) }];
	}
	const steps: ProvisioningStep[] = [];
	// First, because it is what the person who made the claim has to know: where the data is, or that it is not there yet.
	const source = claim.source && sourceStep(claim, claim.source, storageClass, beside, view, nodes);
	if (source) steps.push(source);
	const { allowedTopologies } = storageClass;
	if (allowedTopologies) {
		const details = { claim: claim.name, class: claim.className, requirement: allowedTopologies.text };
		steps.push({ allowed: nodes.select(allowedTopologies), reason: reason('CLASS_TOPOLOGY', details) });
	}
	const segments = segmentsWithRoom(claim, storageClass, view);
	if (segments) {
		const details = { claim: claim.name, class: claim.className, request: claim.request?.text ?? '0' };
		const allowed = new NodeSet();
		for (const { nodeTopology } of segments) for (const id of nodes.idsMeeting(nodeTopology)) allowed.add(id);
		steps.push({ allowed, reason: reason('CAPACITY', details) });
	}
	return steps;
}

/** Free bytes that a node's capacity segments tell for the claim's class; undefined where the driver tells none. */
export function freeBytes(claim: Claim, view: ClusterView, nodes: NodeIndex): ((id: number) => bigint) | undefined {
	const storageClass = view.storageClass(claim.className);
	const segments = storageClass && segmentsWithRoom(claim, storageClass, view);
	if (!segments) return undefined;
	const most = new Map<number, bigint>();
	for (const { free, nodeTopology } of segments) {
		for (const id of nodes.idsMeeting(nodeTopology)) if (free > (most.get(id) ?? 0n)) most.set(id, free);
	}
	return (id) => most.get(id) ?? 0n;
}

function noStaticVolume(claim: Claim): Reason {
	const request = (claim.request ?? ZERO).text;
	return reason('NO_STATIC_VOLUME', { claim: claim.name, class: claim.className, request });
}

interface SegmentWithRoom {
	/** Bytes. */
	readonly free: bigint;
	readonly nodeTopology: Requirement;
}

/** Undefined where capacity is not checked: no request, or a driver that has not opted in. */
function segmentsWithRoom(claim: Claim, storageClass: StorageClass, view: ClusterView): SegmentWithRoom[] | undefined {
	if (!claim.request || !view.csiDriver(storageClass.provisioner)?.storageCapacity) return undefined;
	const bytes = wholeUnits(claim.request);
	return view.capacitySegments(storageClass.name).flatMap(({ capacity, maximumVolumeSize, nodeTopology }) => {
		const limit = maximumVolumeSize ?? capacity;
		if (limit === undefined || limit < bytes || nodeTopology === undefined) return [];
		return [{ free: capacity ?? limit, nodeTopology }];
	});
}
