import type { ClusterState } from '../../../src/cluster/state.ts';
import { judge } from '../../../src/domain/decision/judge.ts';
import type { Reason } from '../../../src/domain/decision/reasons.ts';
import type { NodeSet } from '../../../src/domain/topology/node-set.ts';
import { type Manifest, project } from './builders.ts';

/** Each node's first reason, undefined where the pod's storage works. */
export function reasons(
	pod: Manifest<'Pod'>,
	state: ClusterState,
	candidates: NodeSet = state.nodes.all,
): Record<string, Reason | undefined> {
	const refusals = judge(project(pod), state, candidates);
	const entries = [...candidates].map((id): [string, Reason | undefined] => {
		return [state.nodes.nameOf(id), refusals.find(({ nodes }) => nodes.has(id))?.reason];
	});
	return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Each node's verdict: `ok`, or the code of its first reason. */
export function verdicts(pod: Manifest<'Pod'>, state: ClusterState): Record<string, string> {
	return Object.fromEntries(Object.entries(reasons(pod, state)).map(([name, reason]) => [name, reason?.code ?? 'ok']));
}

/** The nodes on which the pod's storage works, by name. */
export function feasible(pod: Manifest<'Pod'>, state: ClusterState): string[] {
	return Object.entries(reasons(pod, state)).flatMap(([name, reason]) => (reason ? [] : [name]));
}
