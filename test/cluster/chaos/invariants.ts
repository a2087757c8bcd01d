// What must hold of a cluster's storage whatever happened, judged by the API server's objects alone.

import { setTimeout as pause } from 'node:timers/promises';
import type { Api, KubeObject } from '../harness/index.ts';

export interface Objects {
	readonly pods: readonly KubeObject[];
	readonly claims: readonly KubeObject[];
	readonly volumes: readonly KubeObject[];
	readonly nodes: readonly KubeObject[];
}

/** The objects of one namespace, and the volumes of these classes. */
export async function objectsOf(api: Api, namespace: string, classes: readonly string[]): Promise<Objects> {
	const core = `/api/v1/namespaces/${namespace}`;
	// The claims last but for the volumes: what a volume or a pod speaks of is then in the lists.
	const pods = await api.list(`${core}/pods`);
	const volumes = await api.list('/api/v1/persistentvolumes');
	const claims = await api.list(`${core}/persistentvolumeclaims`);
	const nodes = await api.list('/api/v1/nodes');
	return {
		pods: pods.items,
		claims: claims.items,
		volumes: volumes.items.filter(({ spec }) => classes.includes(spec.storageClassName)),
		nodes: nodes.items,
	};
}

/**
 * What is wrong, a line each:
 *
 * - a volume belongs to one claim, and a claim to one volume: both say so, or neither;
 * - a volume that names no claim is Available, and one that names a claim is Bound;
 * - a claim that was told its node is Bound, to a volume which that node can reach;
 * - a pod on a node has all its claims Bound, to volumes which that node can reach.
 */
export function problemsOf({ pods, claims, volumes, nodes }: Objects): string[] {
	const problems: string[] = [];
	const claimNamed = byName(claims);
	const volumeNamed = byName(volumes);
	const nodeNamed = byName(nodes);
	const owner = new Map<string, string>();
	for (const { metadata, spec, status } of volumes) {
		const { claimRef } = spec;
		const text = `volume ${metadata.name} (${status.phase}, of ${claimRef?.name ?? 'nobody'})`;
		if (!claimRef) {
			if (status.phase !== 'Available') problems.push(`${text} is not Available`);
			continue;
		}
		const of = claimNamed.get(claimRef.name);
		if (status.phase === 'Released' && of?.metadata.uid !== claimRef.uid) continue;
		if (status.phase !== 'Bound') problems.push(`${text} is half bound`);
		if (of?.metadata.uid !== claimRef.uid) problems.push(`${text} names a claim that does not exist`);
		else if (of?.spec.volumeName !== metadata.name) problems.push(`${text} is not the one that its claim names`);
		if (owner.has(claimRef.uid)) problems.push(`${text} and ${owner.get(claimRef.uid)} name one claim`);
		owner.set(claimRef.uid, metadata.name);
	}
	for (const { metadata, spec, status } of claims) {
		const has = volumeNamed.get(spec.volumeName);
		const selected = metadata.annotations?.['volume.kubernetes.io/selected-node'];
		if (spec.volumeName && has?.spec.claimRef?.uid !== metadata.uid) {
			const what = has ? `of ${has.spec.claimRef?.name ?? 'nobody'}` : 'which is not there';
			problems.push(`claim ${metadata.name} (${status.phase}) names volume ${spec.volumeName}, ${what}`);
		}
		if (!selected) continue;
		if (status.phase !== 'Bound') problems.push(`claim ${metadata.name} was told ${selected}, and is not bound`);
		else if (nodeNamed.has(selected) && has && !reaches(has, nodeNamed.get(selected))) {
			problems.push(`claim ${metadata.name} was told ${selected}, and is bound elsewhere`);
		}
	}
	for (const pod of pods) {
		if (!pod.spec.nodeName) continue;
		for (const name of claimNames(pod)) {
			const claim = claimNamed.get(name);
			const has = volumeNamed.get(claim?.spec.volumeName);
			const text = `pod ${pod.metadata.name} is on ${pod.spec.nodeName}`;
			if (claim?.status.phase !== 'Bound') problems.push(`${text}, and its claim ${name} is not bound`);
			else if (has && !reaches(has, nodeNamed.get(pod.spec.nodeName)))
				problems.push(`${text}, and its claim is elsewhere`);
		}
	}
	return problems;
}

/** Until nothing is wrong with what `look` gives, which is what this gives; bounded. */
export async function until<T>(
	look: () => Promise<T>,
	wrong: (seen: T) => readonly string[],
	timeoutMs: number,
): Promise<T> {
	const deadline = Date.now() + timeoutMs;
	for (;;) {
		const seen = await look();
		const problems = wrong(seen);
		if (problems.length === 0) return seen;
		if (Date.now() > deadline) throw new Error(`after ${timeoutMs} ms:\n${problems.join('\n')}`);
		await pause(250);
	}
}

/** Pods that no node was found for, although every claim they have is bound where one has volumes enough for the others. */
export function waitingInVain({ pods, claims, volumes, nodes }: Objects): string[] {
	const claimNamed = byName(claims);
	const volumeNamed = byName(volumes);
	const free = volumes.filter(({ spec, status }) => !spec.claimRef && status.phase === 'Available');
	return pods
		.filter(({ spec }) => !spec.nodeName)
		.filter((pod) => {
			const mounted = claimNames(pod).map((name) => claimNamed.get(name) as KubeObject);
			const bound = mounted.filter(({ spec }) => spec.volumeName);
			return nodes.some(
				(node) =>
					bound.every(({ spec }) => reaches(volumeNamed.get(spec.volumeName) as KubeObject, node)) &&
					free.filter((volume) => reaches(volume, node)).length >= mounted.length - bound.length,
			);
		})
		.map(({ metadata }) => `pod ${metadata.name} waits although it could run`);
}

/** Pods whose claims are bound to volumes on different nodes: they can never run. */
export function tornPods({ pods, claims, volumes, nodes }: Objects): string[] {
	const claimNamed = byName(claims);
	const volumeNamed = byName(volumes);
	return pods.flatMap((pod) => {
		const bound = claimNames(pod).flatMap((name) => volumeNamed.get(claimNamed.get(name)?.spec.volumeName) ?? []);
		// One on a node that has gone is lost, not elsewhere.
		const reachable = bound.filter((volume) => nodes.some((node) => reaches(volume, node)));
		if (nodes.some((node) => reachable.every((volume) => reaches(volume, node)))) return [];
		return `pod ${pod.metadata.name} has volumes on more than one node: ${reachable.map(({ metadata }) => metadata.name).join(', ')}`;
	});
}

export function claimNames(pod: KubeObject): string[] {
	return (pod.spec.volumes ?? []).flatMap((volume: KubeObject) => volume.persistentVolumeClaim?.claimName ?? []);
}

export function byName(objects: readonly KubeObject[]): Map<string, KubeObject> {
	return new Map(objects.map((object) => [object.metadata.name, object]));
}

/** Every affinity in these tests is made of In expressions. */
export function reaches(volume: KubeObject, node: KubeObject | undefined): boolean {
	const terms = volume.spec.nodeAffinity?.required.nodeSelectorTerms;
	if (!terms) return true;
	return terms.some(({ matchExpressions }: KubeObject) =>
		matchExpressions.every(({ key, values }: KubeObject) => values.includes(node?.metadata.labels?.[key])),
	);
}
