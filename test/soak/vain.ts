// Pods that wait: for nothing, for volumes, or for what no volume would mend. By the API server's objects alone.

import { byName, claimNames, type Objects, reaches } from '../cluster/chaos/invariants.ts';
import type { KubeObject } from '../cluster/harness/index.ts';
import { selectedNode } from '../cluster/shared.ts';
import { DYNAMIC_NODES, LOCAL } from './names.ts';

/** What a waiting pod lacks where it lacks least. */
export interface Lack {
	readonly pod: KubeObject;
	readonly node: string;
	/** How many local volumes. */
	readonly volumes: number;
}

/** Of each waiting pod that runs as soon as it has volumes enough. */
export function lacksOf(objects: Objects): Lack[] {
	return objects.pods
		.filter(({ spec, metadata }) => !spec.nodeName && !metadata.deletionTimestamp)
		.flatMap((pod) => leastLack(pod, objects) ?? []);
}

/**
 * Pods that wait although what is free would do for all that they ask. Of some that compete for the same volumes only one can
 * have them: then it is the others' turn to lack something, and none may be left that does not.
 */
export function waitingInVain(objects: Objects): string[] {
	return lacksOf(objects)
		.filter(({ volumes }) => volumes === 0)
		.map(({ pod: { metadata, status }, node }) => {
			const why = status.conditions?.find(({ type }: KubeObject) => type === 'PodScheduled')?.message;
			return `pod ${metadata.name} waits although it could run on ${node}: ${why}`;
		});
}

function leastLack(pod: KubeObject, objects: Objects): Lack | undefined {
	const lacks = objects.nodes.filter(takesPods).flatMap((node) => {
		const volumes = missingOn(node, pod, objects);
		return volumes === undefined ? [] : { pod, node: node.metadata.name as string, volumes };
	});
	return lacks.toSorted((a, b) => a.volumes - b.volumes)[0];
}

const takesPods = ({ spec, metadata }: KubeObject) =>
	!spec.unschedulable && !spec.taints?.length && !metadata.deletionTimestamp;

/** How many volumes the pod lacks on the node; undefined where it cannot run there whatever comes. */
function missingOn(node: KubeObject, pod: KubeObject, { claims, volumes }: Objects): number | undefined {
	const claimNamed = byName(claims);
	let wanted = 0;
	for (const name of claimNames(pod)) {
		const claim = claimNamed.get(name);
		if (!claim || claim.status.phase === 'Lost' || claim.metadata.deletionTimestamp) return undefined;
		const needs = needOf(claim, node, volumes);
		if (needs === 'elsewhere') return undefined;
		if (needs === 'volume') wanted++;
	}
	const free = volumes.filter((volume) => isFree(volume) && reaches(volume, node)).length;
	return Math.max(0, wanted - free);
}

function needOf(
	claim: KubeObject,
	node: KubeObject,
	volumes: readonly KubeObject[],
): 'nothing' | 'volume' | 'elsewhere' {
	const { volumeName, storageClassName } = claim.spec;
	// Claimed for it, if not bound yet, or bound.
	const has = volumes.find(({ metadata, spec }) =>
		volumeName ? metadata.name === volumeName : spec.claimRef?.uid === claim.metadata.uid,
	);
	if (volumeName || has) return has && reaches(has, node) ? 'nothing' : 'elsewhere';
	if (storageClassName === LOCAL) return 'volume';
	const selected = selectedNode(claim);
	const isHere = selected ? selected === node.metadata.name : DYNAMIC_NODES.includes(node.metadata.name);
	return isHere ? 'nothing' : 'elsewhere';
}

function isFree({ metadata, spec, status }: KubeObject): boolean {
	const isLocal = spec.storageClassName === LOCAL;
	return isLocal && !spec.claimRef && status.phase === 'Available' && !metadata.deletionTimestamp;
}
