/** Lays kube-scheduler's verdicts and topobind's on one cluster side by side. */

import type { Judgements, Oracle, PluginVerdict, PodJudgement } from '../harness/oracle.ts';
import type { FilterAnswer, Topobind } from '../harness/topobind.ts';
import { keyOf, type Manifest, ofKind } from '../manifest.ts';
import { claimIn, codeOf, isAmong } from './reasons.ts';

export interface Disagreement {
	readonly kind: 'verdict' | 'reason' | 'failure';
	/** namespace/name */
	readonly pod: string;
	readonly node: string;
	/** What kube-scheduler says against the node; nothing where the pod passes. */
	readonly theirs: readonly string[];
	/** topobind's message; undefined where the pod passes. */
	readonly ours: string | undefined;
}

export interface Comparison {
	readonly disagreements: readonly Disagreement[];
	readonly counts: Counts;
}

export interface Counts {
	readonly pods: number;
	/** Pods times nodes. */
	readonly verdicts: number;
	readonly refused: number;
	/** Verdicts that depend on which of several equal volumes kube-scheduler happens to see first. */
	readonly ambiguous: number;
	/** Pods for which kube-scheduler fails with an error. */
	readonly errors: number;
	/** Among those, pods for which only some nodes give the error: see README.md. */
	readonly nodeErrors: number;
	/** Refusals for a claim's source, which kube-scheduler does not look at. */
	readonly sources: number;
}

export const NO_COUNTS: Counts = {
	pods: 0,
	verdicts: 0,
	refused: 0,
	ambiguous: 0,
	errors: 0,
	nodeErrors: 0,
	sources: 0,
};

export function addCounts(a: Counts, b: Counts): Counts {
	const keys = Object.keys(a) as (keyof Counts)[];
	return Object.fromEntries(keys.map((key) => [key, a[key] + b[key]])) as unknown as Counts;
}

/** Asks both about every pod and node. `judgements` are the oracle's on this cluster, if they are known already. */
export async function compare(
	manifests: readonly Manifest[],
	oracle: Pick<Oracle, 'judge'>,
	topobind: Topobind,
): Promise<Comparison> {
	const pods = ofKind(manifests, 'Pod');
	const nodes = ofKind(manifests, 'Node').map(keyOf);
	const asked = Promise.all([oracle.judge(manifests), ask(manifests, pods, nodes, topobind)]);
	const [judgements, answers] = await asked;
	const sourced = new Set(ofKind(manifests, 'PersistentVolumeClaim').filter(hasSource).map(keyOf));
	return compareAll(pods, nodes, sourced, judgements, answers);
}

async function ask(
	manifests: readonly Manifest[],
	pods: readonly Manifest[],
	nodes: readonly string[],
	topobind: Topobind,
): Promise<FilterAnswer[]> {
	await topobind.load(manifests);
	return Promise.all(pods.map((pod) => topobind.filter(pod, nodes)));
}

function compareAll(
	pods: readonly Manifest[],
	nodes: readonly string[],
	sourced: ReadonlySet<string>,
	judgements: Judgements,
	answers: readonly FilterAnswer[],
): Comparison {
	const disagreements: Disagreement[] = [];
	let counts = NO_COUNTS;
	for (const [i, manifest] of pods.entries()) {
		const pod = keyOf(manifest);
		const judgement = judgements[pod];
		const answer = answers[i];
		if (!judgement || !answer) throw new Error(`no verdict on ${pod}`);
		const { namespace } = manifest.metadata;
		const isDeliberate = (ours: string | undefined) => isForSource(ours, namespace, sourced);
		disagreements.push(...comparePod(pod, nodes, judgement, answer, isDeliberate));
		counts = addCounts(counts, countsOf(nodes, judgement, answer, isDeliberate));
	}
	return { disagreements, counts };
}

function comparePod(
	pod: string,
	nodes: readonly string[],
	judgement: PodJudgement,
	{ refused, failure }: FilterAnswer,
	isDeliberate: (ours: string | undefined) => boolean,
): Disagreement[] {
	if (failure !== undefined) return [{ kind: 'failure', pod, node: '', theirs: [], ours: failure }];
	return nodes.flatMap((node): Disagreement[] => {
		const theirs = messagesOn(node, judgement);
		const ours = refused.get(node);
		if (isDeliberate(ours)) return [];
		if (theirs.length > 0 !== (ours !== undefined)) return [{ kind: 'verdict', pod, node, theirs, ours }];
		return ours === undefined || isAmong(ours, theirs) ? [] : [{ kind: 'reason', pod, node, theirs, ours }];
	});
}

/**
 * A deliberate difference: the snapshot or volume that a claim is filled from. kube-scheduler asks nothing about
 * it, and topobind tells it before what a class or its capacity has against the node.
 */
function isForSource(ours: string | undefined, namespace: string | undefined, sourced: ReadonlySet<string>): boolean {
	if (ours === undefined || !codeOf(ours).startsWith('SOURCE_')) return false;
	return sourced.has(`${namespace}/${claimIn(ours)}`);
}

function hasSource({ spec }: Manifest): boolean {
	const { dataSource, dataSourceRef } = (spec ?? {}) as { dataSource?: object; dataSourceRef?: object };
	return (dataSource ?? dataSourceRef) !== undefined;
}

/** All that any plugin says against the node: of the pod as a whole, and of the node. */
function messagesOn(node: string, { preFilter = {}, filter = {} }: PodJudgement): string[] {
	return [...Object.values(preFilter), ...Object.values(filter[node] ?? {})].flatMap(messagesOf);
}

function messagesOf({ reasons = [], error }: PluginVerdict): readonly string[] {
	return error === undefined ? reasons : [error];
}

function countsOf(
	nodes: readonly string[],
	judgement: PodJudgement,
	{ refused }: FilterAnswer,
	isDeliberate: (ours: string | undefined) => boolean,
): Counts {
	const { preFilter = {}, filter = {}, ambiguous = [] } = judgement;
	const failing = nodes.filter((node) => Object.values(filter[node] ?? {}).some(isError));
	const whole = Object.values(preFilter).some(isError) || (failing.length > 0 && failing.length === nodes.length);
	return {
		pods: 1,
		verdicts: nodes.length,
		refused: refused.size,
		ambiguous: ambiguous.length,
		errors: whole || failing.length > 0 ? 1 : 0,
		nodeErrors: !whole && failing.length > 0 ? 1 : 0,
		sources: refused.values().filter(isDeliberate).toArray().length,
	};
}

function isError({ error }: PluginVerdict): boolean {
	return error !== undefined;
}
