/** Lays kube-scheduler's verdicts and topobind's on one cluster side by side. */

import type { Judgements, Oracle, PluginVerdict, PodJudgement } from '../harness/oracle.ts';
import type { FilterAnswer, Topobind } from '../harness/topobind.ts';
import { keyOf, type Manifest, ofKind } from '../manifest.ts';
import { DIFFERENCES, type Difference } from './differences.ts';
import { Facts } from './facts.ts';
import { read } from './messages.ts';
import { isSame, reasonsOn } from './reasons.ts';
import { SOURCE_CODES, type SourceCode, Sources } from './sources.ts';

export interface Disagreement {
	readonly kind: 'verdict' | 'reason' | 'failure';
	/** namespace/name */
	readonly pod: string;
	readonly node: string;
	/** All that kube-scheduler has against the node, the one that it tells first; nothing where the pod passes. */
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
	/** 1 for a cluster in which a claim has a source. */
	readonly sourced: number;
	/** Refusals for a claim's source, which kube-scheduler does not look at. */
	readonly bySource: Readonly<Record<SourceCode, number>>;
	/** Verdicts that pass a pod to a node where one of its claims can only be filled from its source. */
	readonly goodSources: number;
	/** How often topobind told another reason than the first of kube-scheduler's, by the difference in DIFFERENCES. */
	readonly differences: readonly number[];
}

export const NO_COUNTS: Counts = {
	pods: 0,
	verdicts: 0,
	refused: 0,
	ambiguous: 0,
	errors: 0,
	nodeErrors: 0,
	sourced: 0,
	bySource: { SOURCE_NOT_READY: 0, SOURCE_INVALID: 0, SOURCE_UNREACHABLE: 0 },
	goodSources: 0,
	differences: DIFFERENCES.map(() => 0),
};

export function addCounts(a: Counts, b: Counts): Counts {
	return {
		pods: a.pods + b.pods,
		verdicts: a.verdicts + b.verdicts,
		refused: a.refused + b.refused,
		ambiguous: a.ambiguous + b.ambiguous,
		errors: a.errors + b.errors,
		nodeErrors: a.nodeErrors + b.nodeErrors,
		sourced: a.sourced + b.sourced,
		bySource: {
			SOURCE_NOT_READY: a.bySource.SOURCE_NOT_READY + b.bySource.SOURCE_NOT_READY,
			SOURCE_INVALID: a.bySource.SOURCE_INVALID + b.bySource.SOURCE_INVALID,
			SOURCE_UNREACHABLE: a.bySource.SOURCE_UNREACHABLE + b.bySource.SOURCE_UNREACHABLE,
		},
		goodSources: a.goodSources + b.goodSources,
		differences: DIFFERENCES.map((_, i) => (a.differences[i] ?? 0) + (b.differences[i] ?? 0)),
	};
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
	const cluster = { facts: new Facts(manifests), sources: new Sources(manifests) };
	return compareAll(pods, nodes, cluster, judgements, answers);
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
	cluster: Cluster,
	judgements: Judgements,
	answers: readonly FilterAnswer[],
): Comparison {
	const disagreements: Disagreement[] = [];
	let counts: Counts = { ...NO_COUNTS, sourced: cluster.sources.areNone ? 0 : 1 };
	for (const [i, manifest] of pods.entries()) {
		const pod = keyOf(manifest);
		const judgement = judgements[pod];
		const answer = answers[i];
		if (!judgement || !answer) throw new Error(`no verdict on ${pod}`);
		if (answer.failure !== undefined) {
			disagreements.push({ kind: 'failure', pod, node: '', theirs: [], ours: answer.failure });
			continue;
		}
		const relations = nodes.map((node) => relate(manifest, node, judgement, answer.refused.get(node), cluster));
		disagreements.push(...relations.filter((relation) => relation !== 'same' && 'kind' in relation));
		const differences = DIFFERENCES.map((one) => relations.filter((relation) => relation === one).length);
		counts = addCounts(counts, { ...countsOf(manifest, nodes, judgement, answer, cluster.sources), differences });
	}
	return { disagreements, counts };
}

interface Cluster {
	readonly facts: Facts;
	readonly sources: Sources;
}

function relate(
	pod: Manifest,
	node: string,
	judgement: PodJudgement,
	message: string | undefined,
	cluster: Cluster,
): 'same' | Difference | Disagreement {
	const theirs = reasonsOn(node, judgement);
	const [first] = theirs;
	if (message === undefined && first === undefined) return 'same';
	const disagreement = { pod: keyOf(pod), node, theirs, ours: message };
	if (message === undefined) return { kind: 'verdict', ...disagreement };
	const ours = read(message);
	if (!cluster.facts.hold(pod, node, ours))
		return { kind: first === undefined ? 'verdict' : 'reason', ...disagreement };
	if (first !== undefined && isSame(first, ours)) return 'same';
	const difference = DIFFERENCES.find(({ applies }) => applies({ pod, node, ours, theirs, judgement, ...cluster }));
	return difference ?? { kind: first === undefined ? 'verdict' : 'reason', ...disagreement };
}

function countsOf(
	manifest: Manifest,
	nodes: readonly string[],
	judgement: PodJudgement,
	{ refused }: FilterAnswer,
	sources: Sources,
): Omit<Counts, 'differences'> {
	const { preFilter = {}, filter = {}, ambiguous = [] } = judgement;
	const failing = nodes.filter((node) => Object.values(filter[node] ?? {}).some(isError));
	const whole = Object.values(preFilter).some(isError) || (failing.length > 0 && failing.length === nodes.length);
	const codes = Array.from(refused.values(), (ours) => sources.codeOf(manifest, read(ours)));
	const times = (code: SourceCode) => codes.filter((each) => each === code).length;
	return {
		pods: 1,
		verdicts: nodes.length,
		refused: refused.size,
		ambiguous: ambiguous.length,
		errors: whole || failing.length > 0 ? 1 : 0,
		nodeErrors: !whole && failing.length > 0 ? 1 : 0,
		sourced: 0,
		bySource: Object.fromEntries(SOURCE_CODES.map((code) => [code, times(code)])) as Record<SourceCode, number>,
		goodSources: sources.mustFill(manifest) ? nodes.length - refused.size : 0,
	};
}

function isError({ error }: PluginVerdict): boolean {
	return error !== undefined;
}
