/** Whether a claim can be filled from its source on a node: every rule of docs/sources.md, one after the other. */

import type { ClusterState } from '../../../src/cluster/state.ts';
import type { Claim, ClaimSource, Labels, SnapshotContent, Volume } from '../../../src/domain/model.ts';
import { compareQuantities, type Quantity, wholeUnits, ZERO } from '../../../src/domain/storage/quantity.ts';
import { matchesRequirement } from '../../../src/domain/topology/requirement.ts';
import { naiveBest } from './naive-volumes.ts';

export function canBeFilled(
	claim: Claim,
	provisioner: string,
	state: ClusterState,
	node: string,
	beside: readonly Claim[],
): boolean {
	const { source } = claim;
	if (!source || !['VolumeSnapshot', 'PersistentVolumeClaim'].includes(source.kind)) return true;
	if (claim.selector || !isGranted(claim, source, state)) return false;
	const labels = state.nodes.labelsOf(state.nodes.idOf(node) as number);
	if (source.kind === 'PersistentVolumeClaim') {
		const along = beside.find((one) => one.name === source.name && one.namespace === source.namespace);
		if (along && isMadeAlong(claim, source, provisioner, state, beside)) {
			if (along.selectedNode !== undefined) return true;
			const there = leftFor(along, beside, state, labels);
			return (there ? there.csi?.driver : state.storageClass(along.className)?.provisioner) === provisioner;
		}
		const volume = soundOrigin(claim, source, provisioner, state);
		return volume !== undefined && reaches(volume, labels);
	}
	if (source.apiGroup !== 'snapshot.storage.k8s.io') return false;
	const content = soundContent(claim, source, provisioner, state);
	return content !== undefined && extendsTo(content, state, node, labels);
}

/** The smaller claims of the pod choose first. */
function leftFor(along: Claim, beside: readonly Claim[], state: ClusterState, labels: Labels): Volume | undefined {
	const taken = new Set<string>();
	const open = beside.filter((one) => one.selectedNode === undefined);
	for (const one of open.sort((a, b) => compareQuantities(a.request ?? ZERO, b.request ?? ZERO))) {
		const best = naiveBest(one, state.all('PersistentVolume').values(), labels, taken);
		if (one === along) return best;
		if (best) taken.add(best.name);
	}
	return undefined;
}

function isMadeAlong(
	claim: Claim,
	{ name, namespace }: ClaimSource,
	driver: string,
	state: ClusterState,
	beside: readonly Claim[],
): boolean {
	const origin = beside.find((one) => one.name === name && one.namespace === namespace);
	if (origin?.phase !== 'Pending' || origin === claim || !origin.classInSpec || !claim.classInSpec) return false;
	if (!isEnough(claim.request, origin.request ?? ZERO) || origin.volumeMode !== claim.volumeMode) return false;
	const mayBeThere = (one: Claim) =>
		[...state.all('PersistentVolume').values()].some(
			({ csi, className, phase, claimRef, deleting }) =>
				csi?.driver === driver && className === one.className && phase === 'Available' && !claimRef && !deleting,
		);
	const { provisioner } = state.storageClass(origin.className) ?? {};
	if (provisioner !== driver && !mayBeThere(origin)) return false;
	// Three claims at most.
	const next = state.claim(namespace, origin.source?.kind === 'PersistentVolumeClaim' ? origin.source.name : '');
	if (next === claim) return mayBeThere(origin);
	const last = state.claim(namespace, next?.source?.kind === 'PersistentVolumeClaim' ? next.source.name : '');
	return !(next?.phase === 'Pending' && last === claim) || mayBeThere(origin) || mayBeThere(next);
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
	const mayChange = content.allowsModeChange || !state.preventsModeChange(driver);
	const isOfMode = volumeMode === undefined || volumeMode === claim.volumeMode || mayChange;
	return isOfMode ? content : undefined;
}

function isEnough(request: Quantity | undefined, least: Quantity): boolean {
	return wholeUnits(request ?? ZERO) >= wholeUnits(least);
}

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
			const all = [...state.all('PersistentVolume').values()];
			const volumes = all.filter(({ csi }) => csi?.driver === driver && csi.handle === volumeHandle);
			if (volumes.length > 0 && volumeHandle !== '') return volumes.some((volume) => reaches(volume, labels));
			return managedBy === '' || isManagedTo(node, content, state);
		}
		default:
			return true;
	}
}

function isManagedTo(node: string, { managedBy, driver }: SnapshotContent, state: ClusterState): boolean {
	const segment = segmentOf(managedBy, driver, state);
	if (segment) {
		const labels = state.all('Node').get(node)?.labels ?? {};
		return segment.every(([key, value]) => labels[key] === value);
	}
	const registered = [...state.all('Node').keys()].filter((name) =>
		state.csiNode(name)?.drivers.some((one) => one.name === driver),
	);
	const isLocal =
		registered.length > 1 &&
		registered.every((name) => segmentOf(name, driver, state)?.some(([, value]) => value === name));
	return !isLocal || node === managedBy;
}

function segmentOf(node: string, driver: string, state: ClusterState): [string, string][] | undefined {
	const keys = state.csiNode(node)?.drivers.find(({ name }) => name === driver)?.topologyKeys ?? [];
	const labels = state.all('Node').get(node)?.labels;
	const segment = keys.map((key): [string, string] => [key, labels?.[key] ?? '']);
	return segment.length > 0 && segment.every(([, value]) => value !== '') ? segment : undefined;
}

function reaches({ affinity }: Volume, labels: Labels): boolean {
	return affinity === undefined || matchesRequirement(affinity, labels);
}
