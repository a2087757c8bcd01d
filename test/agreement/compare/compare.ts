/** Lays kube-scheduler's verdicts and topobind's on one cluster side by side. */

import type { Judgements, Oracle, PluginVerdict, PodJudgement } from '../harness/oracle.ts';
import type { FilterAnswer, Topobind } from '../harness/topobind.ts';
import { keyOf, type Manifest, ofKind } from '../manifest.ts';
import { isAmong } from './reasons.ts';
import { SOURCE_CODES, type SourceCode, Sources } from './sources.ts';

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
	/** 1 for a cluster in which a claim has a source. */
	readonly sourced: number;
	/** Refusals for a claim's source, which kube-scheduler does not look at. */
	readonly bySource: Readonly<Record<SourceCode, number>>;
	/** Verdicts that pass a pod to a node where one of its claims can only be filled from its source. */
	readonly goodSources: number;
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
	return compareAll(pods, nodes, new Sources(manifests), judgements, answers);
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
	sources: Sources,
	judgements: Judgements,
	answers: readonly FilterAnswer[],
): Comparison {
	const disagreements: Disagreement[] = [];
	let counts: Counts = { ...NO_COUNTS, sourced: sources.areNone ? 0 : 1 };
	for (const [i, manifest] of pods.entries()) {
		const pod = keyOf(manifest);
		const judgement = judgements[pod];
		const answer = answers[i];
		if (!judgement || !answer) throw new Error(`no verdict on ${pod}`);
		disagreements.push(...comparePod(manifest, nodes, judgement, answer, sources));
		counts = addCounts(counts, countsOf(manifest, nodes, judgement, answer, sources));
	}
	return { disagreements, counts };
}

function comparePod(
	manifest: Manifest,
	nodes: readonly string[],
	judgement: PodJudgement,
	{ refused, failure }: FilterAnswer,
	sources: Sources,
): Disagreement[] {
	const pod = keyOf(manifest);
	if (failure !== undefined) return [{ kind: 'failure', pod, node: '', theirs: [], ours: failure }];
	return nodes.flatMap((node): Disagreement[] => {
		const theirs = messagesOn(node, judgement);
		const ours = refused.get(node);
		if (ours !== undefined && sources.codeOf(manifest, ours)) {
			return sources.mayHide(theirs) ? [] : [{ kind: 'reason', pod, node, theirs, ours }];
		}
		if (theirs.length > 0 !== (ours !== undefined)) return [{ kind: 'verdict', pod, node, theirs, ours }];
		return ours === undefined || isAmong(ours, theirs) ? [] : [{ kind: 'reason', pod, node, theirs, ours }];
	});
}

/** All that any plugin says against the node: of the pod as a whole, and of the node. */
function messagesOn(node: string, { preFilter = {}, filter = {} }: PodJudgement): string[] {
	return [...Object.values(preFilter), ...Object.values(filter[node] ?? {})].flatMap(messagesOf);
}

function messagesOf({ reasons = [], error }: PluginVerdict): readonly string[] {
	return error === undefined ? reasons : [error];
}

function countsOf(
	manifest: Manifest,
	nodes: readonly string[],
	judgement: PodJudgement,
	{ refused }: FilterAnswer,
	sources: Sources,
): Counts {
	const { preFilter = {}, filter = {}, ambiguous = [] } = judgement;
	const failing = nodes.filter((node) => Object.values(filter[node] ?? {}).some(isError));
	const whole = Object.values(preFilter).some(isError) || (failing.length > 0 && failing.length === nodes.length);
	const codes = Array.from(refused.values(), (ours) => sources.codeOf(manifest, ours));
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
