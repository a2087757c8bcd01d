// The end of a soak: nothing fails any more, and all that docs/reliability.md promises must come true.

import { setTimeout as pause } from 'node:timers/promises';
import { untilEqual } from '../cluster/chaos/cache.ts';
import { byName, claimNames, type Objects, objectsOf, problemsOf, tornPods } from '../cluster/chaos/invariants.ts';
import type { KubeObject } from '../cluster/harness/index.ts';
import type { Churn } from './churn.ts';
import type { Ground } from './ground.ts';
import { ASTRAY, DYNAMIC, LOCAL } from './names.ts';
import { lacksOf, waitingInVain } from './vain.ts';

/**
 * How long what is wrong may stay so. A watch that is silent is found out after 90 s, another try may wait for 30 s, and topobind
 * looks again within four. It must be well below the five minutes after which kube-scheduler tries every pod by itself.
 */
const PATIENCE_MS = 150_000;

/** Gives what is wrong, nothing at the best. */
export async function settle(ground: Ground, churn: Churn): Promise<string[]> {
	const asItIs = await untilRight(ground, churn);
	console.log(`with what there is: ${told(asItIs)}`);
	if (asItIs.problems.length > 0) return asItIs.problems.map((problem) => `with what there is: ${problem}`);
	const fed = await feed(ground, churn);
	if (fed.length > 0) return fed;
	return untilEqual(ground.cache, ground.api, 30_000).then(
		() => [],
		(error: Error) => [error.message],
	);
}

/** Gives each waiting pod the volumes that it lacks, one pod after the other: the last volume is all that can wake it. */
async function feed(ground: Ground, churn: Churn): Promise<string[]> {
	const most = (await look(ground, churn)).lacks.length;
	for (let i = 0; i < most; i++) {
		const [next] = (await look(ground, churn)).lacks;
		if (!next) break;
		for (let n = 0; n < next.volumes; n++) await churn.addVolume(next.node);
		const { problems } = await untilRight(ground, churn);
		if (problems.length > 0)
			return problems.map((problem) => `after volumes for ${next.pod.metadata.name}: ${problem}`);
	}
	const left = (await look(ground, churn)).lacks;
	console.log(`with volumes for the ${most} that waited for some: ${left.length} wait`);
	return left.map(({ pod }) => `pod ${pod.metadata.name} waits although there were volumes for it`);
}

interface Look {
	readonly problems: string[];
	readonly lacks: ReturnType<typeof lacksOf>;
	readonly pods: number;
	/** Pods without a node. */
	readonly waiting: number;
}

/** Until nothing is wrong any more, or patience is over. */
async function untilRight(ground: Ground, churn: Churn): Promise<Look & { readonly ms: number }> {
	const began = Date.now();
	for (;;) {
		const seen = await look(ground, churn);
		const ms = Date.now() - began;
		if (seen.problems.length === 0 || ms > PATIENCE_MS) return { ...seen, ms };
		await pause(500);
	}
}

async function look(ground: Ground, { shared }: Churn): Promise<Look> {
	const objects = await objectsOf(ground.api, ground.namespace, [LOCAL, DYNAMIC]);
	const problems = [
		...problemsOf(settled(objects)),
		...waitingInVain(objects),
		...tornPods(alone(objects, shared)),
		...stillBinding(ground),
		...(await unready(ground)),
	];
	const { pods } = objects;
	return {
		problems,
		lacks: lacksOf(objects),
		pods: pods.length,
		waiting: pods.filter(({ spec }) => !spec.nodeName).length,
	};
}

const told = ({ pods, waiting, lacks, ms }: Look & { readonly ms: number }) =>
	`${pods - waiting} of ${pods} pods run, ${lacks.length} wait for volumes, ${waiting - lacks.length} for what no volume mends; after ${ms} ms`;

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
function alone(objects: Objects, shared: ReadonlySet<string>): Objects {
	const claimNamed = byName(objects.claims);
	const isAlone = (pod: KubeObject) =>
		claimNames(pod).every((name) => !shared.has(name) && !isAstray(claimNamed.get(name)));
	return { ...objects, pods: objects.pods.filter(isAlone) };
}

/** Who could be bound is by now. */
function stillBinding({ checks }: Ground): string[] {
	const { running } = checks.binds;
	return running === 0 ? [] : [`${running} calls to /bind still run`];
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
