/** Whether a pod's storage works on a node, found out claim by claim and volume by volume, without any index. */

import type { ClusterState } from '../../../src/cluster/state.ts';
import type { Claim, Labels, Pod } from '../../../src/domain/model.ts';
import { compareQuantities, wholeUnits, ZERO } from '../../../src/domain/storage/quantity.ts';
import { matchesZone, zoneRequirementsOf } from '../../../src/domain/storage/zone-labels.ts';
import { matchesRequirement } from '../../../src/domain/topology/requirement.ts';
import { canBeFilled } from './naive-sources.ts';
import { naiveBest } from './naive-volumes.ts';

/** For pods whose claims exist, are sound, and are either bound or delayed. */
export function naivelyWorks(pod: Pod, state: ClusterState, node: string): boolean {
	const labels = state.nodes.labelsOf(state.nodes.idOf(node) as number);
	const { bound, delayed } = claimsOf(pod, state);
	if (!bound.every((claim) => reaches(claim, state, labels))) return false;
	if (delayed.some(({ selectedNode }) => selectedNode !== undefined && selectedNode !== node)) return false;
	const { left } = naiveChoice(pod, state, node);
	const pinned = delayed.filter(({ selectedNode }) => selectedNode !== undefined);
	return [...pinned, ...left].every((claim) => canProvision(claim, state, node, delayed));
}

/** Which volumes the pod's claims get on a node, whether or not the rest works there, and the claims that get none. */
export function naiveChoice(
	pod: Pod,
	state: ClusterState,
	node: string,
): { readonly taken: ReadonlySet<string>; readonly left: readonly Claim[] } {
	const labels = state.nodes.labelsOf(state.nodes.idOf(node) as number);
	const open = claimsOf(pod, state)
		.delayed.filter(({ selectedNode }) => selectedNode === undefined)
		.sort((a, b) => compareQuantities(a.request ?? ZERO, b.request ?? ZERO));
	const taken = new Set<string>();
	const left = open.filter((claim) => {
		const best = naiveBest(claim, state.all('PersistentVolume').values(), labels, taken);
		if (best) taken.add(best.name);
		return !best;
	});
	return { taken, left };
}

function claimsOf(pod: Pod, state: ClusterState) {
	const claims = pod.claimVolumes.map(({ claimName }) => state.claim(pod.namespace, claimName) as Claim);
	return {
		bound: claims.filter(({ volumeName }) => volumeName !== ''),
		delayed: claims.filter(({ volumeName }) => volumeName === ''),
	};
}

function reaches(claim: Claim, state: ClusterState, labels: Labels): boolean {
	const volume = state.volume(claim.volumeName);
	if (!volume) return false;
	if (volume.affinity && !matchesRequirement(volume.affinity, labels)) return false;
	return zoneRequirementsOf(volume.labels).every((zone) => matchesZone(zone, labels));
}

function canProvision(claim: Claim, state: ClusterState, node: string, beside: readonly Claim[]): boolean {
	const labels = state.nodes.labelsOf(state.nodes.idOf(node) as number);
	const { provisioner = '', allowedTopologies } = state.storageClass(claim.className) ?? {};
	if (provisioner === '' || provisioner === 'kubernetes.io/no-provisioner') return false;
	if (allowedTopologies && !matchesRequirement(allowedTopologies, labels)) return false;
	if (!canBeFilled(claim, provisioner, state, node, beside)) return false;
	const { request } = claim;
	if (!request || !state.csiDriver(provisioner)?.storageCapacity) return true;
	return [...state.all('CSIStorageCapacity').values()].some(
		({ className, capacity, maximumVolumeSize, nodeTopology }) => {
			const limit = maximumVolumeSize ?? capacity;
			if (className !== claim.className || limit === undefined || limit < wholeUnits(request)) return false;
			return nodeTopology !== undefined && matchesRequirement(nodeTopology, labels);
		},
	);
}
