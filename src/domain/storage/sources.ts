/**
 * The snapshot or claim that a claim is to be filled from: is it fit for that, and which nodes does it reach?
 * kube-scheduler asks neither, and external-provisioner only when the node is chosen and the claim can no longer leave it.
 *
 * A source matters only where the claim is provisioned. The search for a pre-provisioned volume does not look at it,
 * neither in FindMatchingVolume (component-helpers/storage/volume/pv_helpers.go) nor in the PV controller.
 */

import { type Reason, reason } from '../decision/reasons.ts';
import type { Claim, ClaimSource, StorageClass } from '../model.ts';
import type { NodeIndex } from '../topology/node-index.ts';
import { NodeSet } from '../topology/node-set.ts';
import type { ClusterView } from '../view.ts';
import type { ProvisioningStep } from './provisioning-step.ts';
import { reachAlong } from './sources/along.ts';
import { isClone } from './sources/circle.ts';
import { checkClone } from './sources/clone.ts';
import { problemOfGrant } from './sources/grants.ts';
import { invalid, isProblem, type SourceProblem } from './sources/problem.ts';
import { type Reach, reachOfClone, reachOfSnapshot } from './sources/reach.ts';
import { checkSnapshot } from './sources/snapshot.ts';

/** The step that provisioning owes to the claim's source; undefined where there is none, or it limits nothing. */
export function sourceStep(
	claim: Claim,
	source: ClaimSource,
	storageClass: StorageClass,
	beside: readonly Claim[],
	view: ClusterView,
	nodes: NodeIndex,
): ProvisioningStep | undefined {
	const found = judgeSource(claim, source, storageClass, view, beside);
	if (!found) return undefined;
	if (isProblem(found)) return { allowed: new NodeSet(), reason: refusal(claim, source, found) };
	const { limit } = found;
	if (!limit) return undefined;
	const details = { claim: claim.name, source: sourceName(claim, source), requirement: limit.text };
	return { allowed: limit.nodes(nodes), reason: reason('SOURCE_UNREACHABLE', details) };
}

/**
 * What the source reaches, or why the claim cannot be filled from it. Undefined for kinds that volume populators see to.
 * `beside` are the delayed claims of the pod that it is judged for: a clone can be made along with its source.
 */
export function judgeSource(
	claim: Claim,
	source: ClaimSource,
	{ provisioner }: StorageClass,
	view: ClusterView,
	beside: readonly Claim[] = [],
): Reach | SourceProblem | undefined {
	const isSnapshot = source.kind === 'VolumeSnapshot';
	const isClaim = isClone(source);
	if (!isSnapshot && !isClaim) return undefined;
	const problem = problemOfGrant(source, claim.namespace, view) ?? problemOfReference(claim, source);
	if (problem) return problem;
	const driver = TRANSLATED.get(provisioner) ?? provisioner;
	if (isSnapshot) {
		const content = checkSnapshot(claim, source, driver, view);
		return isProblem(content) ? content : reachOfSnapshot(content, view);
	}
	const found = checkClone(claim, source, driver, view, beside);
	if ('along' in found) return reachAlong(found.along, beside, driver, view);
	return isProblem(found) ? found : reachOfClone(found);
}

/** prepareProvision: a claim is cloned whatever API group the reference names, a snapshot is restored of one group only. */
function problemOfReference({ selector }: Claim, { kind, apiGroup }: ClaimSource): SourceProblem | undefined {
	if (kind === 'VolumeSnapshot' && apiGroup !== SNAPSHOT_GROUP) {
		const found = apiGroup === '' ? 'none' : apiGroup;
		return invalid(`the claim names API group ${found} for it; create the claim with ${SNAPSHOT_GROUP}`);
	}
	if (selector) return invalid('the claim has a selector, which is for volumes that are there; create it without');
	return undefined;
}

const SNAPSHOT_GROUP = 'snapshot.storage.k8s.io';

/** For a person: without the namespace where it is the claim's own. */
export function sourceName(claim: Claim, { kind, namespace, name }: ClaimSource): string {
	return namespace === claim.namespace ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

function refusal(claim: Claim, source: ClaimSource, { code, problem }: SourceProblem): Reason {
	return reason(code, { claim: claim.name, source: sourceName(claim, source), problem });
}

/**
 * In-tree provisioners whose class is renamed when external-provisioner translates it. Of the others the class keeps the in-tree
 * name, which no source has as its driver: external-provisioner cannot restore or clone with such a class, and says so here.
 * TranslateInTreeStorageClassToCSI in csi-translation-lib/plugins/portworx.go.
 */
const TRANSLATED: ReadonlyMap<string, string> = new Map([['kubernetes.io/portworx-volume', 'pxd.portworx.com']]);
