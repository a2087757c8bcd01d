/** Why a pod's storage works on some nodes and not on others: claim by claim, and all together. */

import type { ClusterState } from '../cluster/state.ts';
import { judge, type Refusal } from '../domain/decision/judge.ts';
import type { ReasonCode } from '../domain/decision/reasons.ts';
import { type Claim, objectKey, type Pod, type PodClaimVolume } from '../domain/model.ts';
import { isBound } from '../domain/storage/pod-claims.ts';
import { explainSource, type SourceExplanation } from './source.ts';

export interface PodExplanation {
	readonly pod: string;
	readonly namespace: string;
	/** The node the pod is assigned to; absent while it has none. */
	readonly node?: string;
	readonly nodes: NodesExplanation;
	/** Each claim judged as if the pod had no other, but those that it is cloned from and that are made along with it. */
	readonly claims: readonly ClaimExplanation[];
}

export interface NodesExplanation {
	readonly total: number;
	/** Nodes on which the storage works, as far as storage goes. */
	readonly feasible: number;
	/** The first of them by name. */
	readonly examples: readonly string[];
	/** In the order in which they are found; a node stands under the first that holds. */
	readonly refused: readonly RefusalExplanation[];
}

export interface RefusalExplanation {
	readonly code: ReasonCode;
	readonly message: string;
	readonly nodes: number;
	readonly examples: readonly string[];
}

export interface ClaimExplanation {
	readonly claim: string;
	/** bound; selected: a node was chosen and nothing is bound yet; unbound; missing. */
	readonly state: 'bound' | 'selected' | 'unbound' | 'missing';
	readonly class?: string;
	readonly request?: string;
	readonly volume?: string;
	/** What the volume asks of nodes. */
	readonly needs?: string;
	readonly selectedNode?: string;
	/** What it is to be filled from, while it is not bound. */
	readonly source?: SourceExplanation;
	readonly nodes: NodesExplanation;
}

const EXAMPLES = 5;

/** Judges the pod on every node of the cluster, whether or not kube-scheduler asked. */
export function explainPod(pod: Pod, cluster: ClusterState): PodExplanation {
	return {
		pod: pod.name,
		namespace: pod.namespace,
		...(pod.nodeName !== '' && { node: pod.nodeName }),
		nodes: explainNodes(pod, cluster),
		claims: pod.claimVolumes.map((volume) =>
			explainMounted(volume.claimName, withOrigins(volume, pod, cluster), cluster),
		),
	};
}

/**
 * A claim as a pod that mounts it alone would meet it; undefined when there is no such claim. Where a waiting pod mounts
 * the claim together with those that it is cloned from, as that pod does.
 */
export function explainClaim(namespace: string, name: string, cluster: ClusterState): ClaimExplanation | undefined {
	if (!cluster.claim(namespace, name)) return undefined;
	const pods = podsMounting(namespace, name, cluster).map((pod) => withOrigins(claimVolume(name), pod, cluster));
	const pod = pods.find(({ claimVolumes }) => claimVolumes.length > 1) ?? podMounting(namespace, [claimVolume(name)]);
	return explainMounted(name, pod, cluster);
}

function explainMounted(name: string, pod: Pod, cluster: ClusterState): ClaimExplanation {
	return { ...describeClaim(name, pod, cluster), nodes: explainNodes(pod, cluster) };
}

/** Every node of the cluster, each that is refused under the first reason that holds there. */
export function explainNodes(pod: Pod, cluster: ClusterState): NodesExplanation {
	const { nodes } = cluster;
	const refused: RefusalExplanation[] = [];
	let left = nodes.all;
	for (const refusal of judge(pod, cluster, nodes.all)) {
		refused.push(describeRefusal({ ...refusal, nodes: left.intersection(refusal.nodes) }, cluster));
		left = left.difference(refusal.nodes);
	}
	return {
		total: nodes.size,
		feasible: left.size,
		examples: firstNames(left, cluster),
		refused: refused.filter((refusal) => refusal.nodes > 0),
	};
}

function describeRefusal({ reason, nodes }: Refusal, cluster: ClusterState): RefusalExplanation {
	return { code: reason.code, message: reason.message, nodes: nodes.size, examples: firstNames(nodes, cluster) };
}

function firstNames(ids: Iterable<number>, { nodes }: ClusterState): string[] {
	return [...ids]
		.map((id) => nodes.nameOf(id))
		.sort()
		.slice(0, EXAMPLES);
}

function describeClaim(name: string, pod: Pod, cluster: ClusterState): Omit<ClaimExplanation, 'nodes'> {
	const claim = cluster.claim(pod.namespace, name);
	if (!claim) return { claim: name, state: 'missing' };
	const source = explainSource(claim, cluster, unboundOf(pod, cluster));
	const needs = cluster.volume(claim.volumeName)?.affinity?.text;
	return {
		claim: name,
		state: stateOf(claim),
		class: claim.className,
		...(claim.request && { request: claim.request.text }),
		...(claim.volumeName !== '' && { volume: claim.volumeName }),
		...(needs !== undefined && { needs }),
		...(claim.selectedNode !== undefined && { selectedNode: claim.selectedNode }),
		...(source && { source }),
	};
}

function stateOf(claim: Claim): ClaimExplanation['state'] {
	if (isBound(claim)) return 'bound';
	return claim.selectedNode === undefined ? 'unbound' : 'selected';
}

/** The pod with this claim, and those of its unbound claims that the claim is cloned from, if by way of another, and no others. */
function withOrigins(volume: PodClaimVolume, pod: Pod, cluster: ClusterState): Pod {
	const claimVolumes = [volume];
	const left = new Map(unboundOf(pod, cluster).map((claim) => [objectKey(claim), claim]));
	let at = cluster.claim(pod.namespace, volume.claimName);
	while (at?.source?.kind === 'PersistentVolumeClaim' && !isBound(at)) {
		const key = objectKey(at.source);
		at = left.get(key);
		left.delete(key);
		const mount = at && pod.claimVolumes.find(({ claimName }) => claimName === at?.name);
		if (mount) claimVolumes.push(mount);
	}
	return { ...pod, claimVolumes };
}

function unboundOf(pod: Pod, cluster: ClusterState): Claim[] {
	return pod.claimVolumes.flatMap(({ claimName }) => {
		const claim = cluster.claim(pod.namespace, claimName);
		return claim && !isBound(claim) ? [claim] : [];
	});
}

/** Those that wait for a node, by name. */
function podsMounting(namespace: string, name: string, cluster: ClusterState): Pod[] {
	return [...cluster.all('Pod').values()]
		.filter((pod) => pod.namespace === namespace && pod.claimVolumes.some(({ claimName }) => claimName === name))
		.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function claimVolume(claimName: string): PodClaimVolume {
	return { volumeName: claimName, claimName, ephemeral: false };
}

function podMounting(namespace: string, claimVolumes: readonly PodClaimVolume[]): Pod {
	const identity = { namespace, name: '', uid: '', resourceVersion: '', deleting: false };
	return { ...identity, nodeName: '', schedulerName: '', unschedulable: '', mark: '', claimVolumes };
}
