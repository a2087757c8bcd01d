// The end of a soak: nothing fails any more, and all that docs/reliability.md promises must come true.

import { setTimeout as pause } from 'node:timers/promises';
import { untilEqual } from '../cluster/chaos/cache.ts';
import {
	byName,
	claimNames,
	type Objects,
	objectsOf,
	problemsOf,
	reaches,
	tornPods,
} from '../cluster/chaos/invariants.ts';
import type { KubeObject } from '../cluster/harness/index.ts';
import { localVolume } from '../cluster/objects.ts';
import { ASTRAY, DYNAMIC, DYNAMIC_NODES, type Ground, LOCAL, NODES } from './ground.ts';

/** Enough for every claim, wherever its pod can run. */
const ENOUGH = 60;

/** Waits, bounded, until nothing is wrong; gives what still is. */
export async function settle(ground: Ground, timeoutMs: number): Promise<string[]> {
	const { api } = ground;
	await Promise.all(
		NODES.flatMap((node) =>
			Array.from({ length: ENOUGH }, (_, i) => api.create(localVolume(`enough-${node}-${i}`, node, LOCAL))),
		),
	);
	const deadline = Date.now() + timeoutMs;
	for (;;) {
		const objects = await objectsOf(api, ground.namespace, [LOCAL, DYNAMIC]);
		const problems = [
			...problemsOf(settled(objects)),
			...waiting(objects),
			...tornPods(alone(objects)),
			...(await unready(ground)),
		];
		if (problems.length === 0) break;
		if (Date.now() > deadline) return problems;
		await pause(500);
	}
	return untilEqual(ground.cache, api, 30_000).then(
		() => [],
		(error: Error) => [error.message],
	);
}

/** Without what Kubernetes itself is still deleting. */
function settled(objects: Objects): Objects {
	const stays = ({ metadata }: KubeObject) => metadata.deletionTimestamp === undefined;
	const nodes = new Set(objects.nodes.map(({ metadata }) => metadata.name));
	// The pod garbage collector takes a minute for pods of a node that has gone.
	const pods = objects.pods.filter((each) => stays(each) && (!each.spec.nodeName || nodes.has(each.spec.nodeName)));
	// A volume astray whose claim had gone, or was bound, before it came, is nobody's matter.
	const isOurs = ({ metadata, status }: KubeObject) => !metadata.name.startsWith(ASTRAY) || status.phase === 'Bound';
	// One that was claimed as it was deleted stays until its claim goes.
	const isHeld = ({ status }: KubeObject) => status.phase === 'Bound';
	const volumes = objects.volumes.filter((each) => (stays(each) || isHeld(each)) && isOurs(each));
	return { ...objects, pods, claims: objects.claims.map(withoutLie), volumes };
}

/** Where somebody made the volume on another node than was selected, that one counts for nothing. */
function withoutLie(claim: KubeObject): KubeObject {
	return isAstray(claim) ? { ...claim, metadata: { ...claim.metadata, annotations: {} } } : claim;
}

const isAstray = ({ spec }: KubeObject | undefined = {}): boolean => spec?.volumeName?.startsWith(ASTRAY) === true;

/** Pods with claims that no other pod has had, nor a volume astray: for others nobody promises that they are not torn. */
function alone(objects: Objects): Objects {
	const claimNamed = byName(objects.claims);
	const isAlone = (pod: KubeObject) =>
		claimNames(pod).every((name) => name.startsWith(`${pod.metadata.name.replace('pod', 'claim')}-`)) &&
		!claimNames(pod).some((name) => isAstray(claimNamed.get(name))) &&
		!objects.pods.some((other) => other !== pod && claimNames(other).some((name) => claimNames(pod).includes(name)));
	return { ...objects, pods: objects.pods.filter(isAlone) };
}

/** Pods that wait although they could run. */
function waiting(objects: Objects): string[] {
	return objects.pods
		.filter(({ spec, metadata }) => !spec.nodeName && !metadata.deletionTimestamp && couldRun({ spec }, objects))
		.map(({ metadata, status }) => {
			const why = status.conditions?.find(({ type }: KubeObject) => type === 'PodScheduled')?.message;
			return `pod ${metadata.name} waits although it could run: ${why}`;
		});
}

function couldRun(pod: KubeObject, { claims, volumes, nodes }: Objects): boolean {
	const mounted = claimNames(pod).map((name) => claims.find(({ metadata }) => metadata.name === name));
	if (mounted.some((claim) => !claim || claim.status.phase === 'Lost' || claim.metadata.deletionTimestamp))
		return false;
	return nodes.some((node) =>
		mounted.every((claim) => {
			const volume = volumes.find(({ metadata }) => metadata.name === claim?.spec.volumeName);
			if (claim?.spec.volumeName) return volume !== undefined && reaches(volume, node);
			if (claim?.spec.storageClassName === LOCAL) return true;
			const selected = claim?.metadata.annotations?.['volume.kubernetes.io/selected-node'];
			return selected ? selected === node.metadata.name : DYNAMIC_NODES.includes(node.metadata.name);
		}),
	);
}

/** Every replica is ready, and assumes nothing. */
async function unready({ topobinds }: Ground): Promise<string[]> {
	const problems = await Promise.all(
		topobinds.map(async ({ admin }, i) => {
			const ready = await fetch(`${admin}/readyz`);
			const metrics = await (await fetch(`${admin}/metrics`)).text();
			const assumed = /^topobind_assumptions (\d+)/m.exec(metrics)?.[1];
			return [
				...(ready.status === 200 ? [] : [`replica ${i} is not ready: ${await ready.text()}`]),
				...(assumed === '0' ? [] : [`replica ${i} still assumes ${assumed} objects`]),
			];
		}),
	);
	return problems.flat();
}
