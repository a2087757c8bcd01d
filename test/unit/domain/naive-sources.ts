/** Whether a claim can be filled from its source on a node: every rule of docs/sources.md, one after the other. */

import type { ClusterState } from '../../../src/cluster/state.ts';
import type { Claim, ClaimSource, Labels, SnapshotContent, Volume } from '../../../src/domain/model.ts';
import { type Quantity, wholeUnits, ZERO } from '../../../src/domain/storage/quantity.ts';
import { matchesRequirement } from '../../../src/domain/topology/requirement.ts';

export function canBeFilled(claim: Claim, provisioner: string, state: ClusterState, node: string): boolean {
	const { source } = claim;
	if (!source) return true;
	const isSnapshot = source.kind === 'VolumeSnapshot' && source.apiGroup === 'snapshot.storage.k8s.io';
	const isClone = source.kind === 'PersistentVolumeClaim' && source.apiGroup === '';
	if (!isSnapshot && !isClone) return true;
	if (claim.selector || !isGranted(claim, source, state)) return false;
	const labels = state.nodes.labelsOf(state.nodes.idOf(node) as number);
	if (isClone) {
		const volume = soundOrigin(claim, source, provisioner, state);
		return volume !== undefined && reaches(volume, labels);
	}
	const content = soundContent(claim, source, provisioner, state);
	return content !== undefined && extendsTo(content, state, node, labels);
}

function isGranted(claim: Claim, { namespace, apiGroup, kind, name }: ClaimSource, state: ClusterState): boolean {
	if (namespace === claim.namespace) return true;
	return [...state.all('ReferenceGrant').values()].some((grant) => {
		const to = grant.to.some(
			(target) => target.apiGroup === apiGroup && target.kind === kind && [name, undefined].includes(target.name),
		);
		return grant.namespace === namespace && grant.from.includes(claim.namespace) && to;
	});
}

function soundOrigin(claim: Claim, source: ClaimSource, driver: string, state: ClusterState): Volume | undefined {
	const origin = state.claim(source.namespace, source.name);
	const volume = state.volume(origin?.volumeName ?? '');
	if (origin?.phase !== 'Bound' || origin.deleting || !origin.classInSpec || !claim.classInSpec) return undefined;
	if (!isEnough(claim.request, origin.request ?? ZERO)) return undefined;
	if (volume?.csi?.driver !== driver || volume.phase !== 'Bound') return undefined;
	const { claimRef, volumeMode } = volume;
	const isItsOwn =
		claimRef?.uid === origin.uid && claimRef.namespace === origin.namespace && claimRef.name === origin.name;
	return isItsOwn && volumeMode === claim.volumeMode ? volume : undefined;
}

function soundContent(
	claim: Claim,
	{ namespace, name }: ClaimSource,
	driver: string,
	state: ClusterState,
): SnapshotContent | undefined {
	const snapshot = state.snapshot(namespace, name);
	const content = state.snapshotContent(snapshot?.contentName ?? '');
	if (!snapshot || !content) return undefined;
	if (snapshot.deleting && !snapshot.restoring) return undefined;
	const { snapshotRef, volumeMode } = content;
	if (snapshotRef.uid !== snapshot.uid || snapshotRef.namespace !== namespace || snapshotRef.name !== name) {
		return undefined;
	}
	if (content.driver !== driver || !snapshot.ready || !content.hasHandle) return undefined;
	if (snapshot.restoreSize && !(claim.request && isEnough(claim.request, snapshot.restoreSize))) return undefined;
	const isOfMode = volumeMode === undefined || volumeMode === claim.volumeMode || content.allowsModeChange;
	return isOfMode ? content : undefined;
}

function isEnough(request: Quantity | undefined, least: Quantity): boolean {
	return wholeUnits(request ?? ZERO) >= wholeUnits(least);
}

/** Without CSINodes: the managing node is then the only one that is known to reach what it manages. */
function extendsTo(content: SnapshotContent, state: ClusterState, node: string, labels: Labels): boolean {
	const { affinity, driver, managedBy, className, volumeHandle } = content;
	if (affinity === 'every node') return true;
	if (affinity) return matchesRequirement(affinity, labels);
	const isManager = managedBy === '' || managedBy === node;
	const known = ['anywhere', 'source-volume', 'managed-by-node'];
	const policies = [content.reach, state.snapshotClass(className)?.reach, state.snapshotReach(driver)];
	switch (policies.find((policy) => policy !== undefined && known.includes(policy))) {
		case 'managed-by-node':
			return isManager;
		case 'source-volume': {
			const volumes = [...state.all('PersistentVolume').values()];
			const volume = volumes.find(({ csi }) => csi?.driver === driver && csi.handle === volumeHandle);
			return volume ? reaches(volume, labels) : isManager;
		}
		default:
			return true;
	}
}

function reaches({ affinity }: Volume, labels: Labels): boolean {
	return affinity === undefined || matchesRequirement(affinity, labels);
}
