/** Can the pod's storage work on these nodes? VolumeBinding's and VolumeZone's PreFilter and Filter, over sets of nodes. */

import type { Claim, Pod, Volume } from '../model.ts';
import { DelayedClaims, type Refusal } from '../storage/delayed-claims.ts';
import { claimsOf, type MountedClaim, type PodClaims } from '../storage/pod-claims.ts';
import { describeZone, matchesZone, zoneRequirementsOf } from '../storage/zone-labels.ts';
import type { NodeIndex } from '../topology/node-index.ts';
import { NodeSet } from '../topology/node-set.ts';
import type { Requirement } from '../topology/requirement.ts';
import type { ClusterView } from '../view.ts';
import { type Reason, reason } from './reasons.ts';

export type { Refusal } from '../storage/delayed-claims.ts';

/**
 * The candidates that the pod's storage cannot work on. A node may stand under several reasons;
 * the first of the list is the one told. Free of side effects.
 *
 * `nodes` is the index that the ids of `candidates` belong to: the view's own, or one of nodes it does not hold.
 */
export function judge(pod: Pod, view: ClusterView, candidates: NodeSet, nodes: NodeIndex = view.nodes): Refusal[] {
	if (pod.claimVolumes.length === 0) return [];
	const claims = claimsOf(pod, view);
	return isSorted(claims) ? judgeClaims(claims, view, candidates, nodes) : [{ reason: claims, nodes: candidates }];
}

/** The same of claims that are sorted already. Zones come last, as the plugin VolumeZone does. */
export function judgeClaims(
	claims: PodClaims,
	view: ClusterView,
	candidates: NodeSet,
	nodes: NodeIndex = view.nodes,
): Refusal[] {
	const refusals = missingFirst(claims.bound, view).flatMap(({ claim }) => judgeReach(claim, view, candidates, nodes));
	if (claims.delayed.length > 0) {
		const left = refusals.reduce((set, refusal) => set.difference(refusal.nodes), candidates);
		refusals.push(...new DelayedClaims(claims.delayed, view).refusals(nodes, left));
	}
	refusals.push(...claims.bound.flatMap((mounted) => judgeZones(mounted, view, candidates, nodes)));
	return refusals.filter((refusal) => !refusal.nodes.isEmpty);
}

export function isSorted(claims: PodClaims | Reason): claims is PodClaims {
	return 'bound' in claims;
}

/** VolumeZone's PreFilter finds that a volume is gone before any node is looked at; it never looks at ephemeral claims. */
function missingFirst(mounted: readonly MountedClaim[], view: ClusterView): MountedClaim[] {
	const isMissing = ({ claim, ephemeral }: MountedClaim) => !ephemeral && !view.volume(claim.volumeName);
	return [...mounted.filter(isMissing), ...mounted.filter((each) => !isMissing(each))];
}

/** checkBoundClaims in volumebinding/binder.go. */
function judgeReach(claim: Claim, view: ClusterView, candidates: NodeSet, nodes: NodeIndex): Refusal[] {
	const volume = view.volume(claim.volumeName);
	if (!volume) {
		const details = { claim: claim.name, volume: claim.volumeName };
		return [{ reason: reason('VOLUME_MISSING', details), nodes: candidates }];
	}
	const { affinity, migration } = volume;
	if (!migration) return refuseOutside(affinity, claim, volume, candidates, nodes);
	const migrated = new NodeSet();
	for (const id of candidates) {
		if (view.csiNode(nodes.nameOf(id))?.migratedPlugins.includes(migration.plugin)) migrated.add(id);
	}
	const onMigrated: Refusal[] =
		migration.problem === undefined
			? refuseOutside(migration.affinity, claim, volume, migrated, nodes)
			: [{ reason: untranslatable(claim, volume, migration.problem), nodes: migrated }];
	return [...onMigrated, ...refuseOutside(affinity, claim, volume, candidates.difference(migrated), nodes)];
}

function refuseOutside(
	affinity: Requirement | undefined,
	claim: Claim,
	volume: Volume,
	candidates: NodeSet,
	nodes: NodeIndex,
): Refusal[] {
	if (!affinity) return [];
	const details = { claim: claim.name, volume: volume.name, requirement: affinity.text };
	const refused = candidates.difference(nodes.select(affinity));
	return [{ reason: reason('VOLUME_NODE_AFFINITY', details), nodes: refused }];
}

function untranslatable(claim: Claim, volume: Volume, problem: string): Reason {
	return reason('VOLUME_UNTRANSLATABLE', { claim: claim.name, volume: volume.name, problem });
}

/** The Filter of volumezone/volume_zone.go, which never looks at the claims of ephemeral volumes. */
function judgeZones(
	{ claim, ephemeral }: MountedClaim,
	view: ClusterView,
	candidates: NodeSet,
	nodes: NodeIndex,
): Refusal[] {
	const volume = view.volume(claim.volumeName);
	if (!volume || ephemeral) return [];
	return zoneRequirementsOf(volume.labels).map((zone) => {
		const refused = new NodeSet();
		for (const id of candidates) if (!matchesZone(zone, nodes.labelsOf(id))) refused.add(id);
		const details = { claim: claim.name, volume: volume.name, requirement: describeZone(zone) };
		return { reason: reason('ZONE_LABEL', details), nodes: refused };
	});
}
