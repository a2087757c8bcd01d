/** Answers scheduling calls from a cluster: request names → ids, one domain function, ids → request order. */

import type { Binder } from '../binder/binder.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { judge, type Refusal } from '../domain/decision/judge.ts';
import { type Reason, reason } from '../domain/decision/reasons.ts';
import { type ScoringWeights, score } from '../domain/decision/score.ts';
import type { Pod } from '../domain/model.ts';
import { NodeIndex } from '../domain/topology/node-index.ts';
import { NodeSet } from '../domain/topology/node-set.ts';
import type { BindRequest, Candidates, Knowledge, Scheduling } from './scheduling.ts';

const UNKNOWN_NODE = reason('UNKNOWN_NODE');

export class ClusterScheduling implements Scheduling {
	readonly #cluster: Cluster;
	readonly #binder: Binder;
	readonly #weights: ScoringWeights;

	constructor(cluster: Cluster, binder: Binder, weights: ScoringWeights) {
		this.#cluster = cluster;
		this.#binder = binder;
		this.#weights = weights;
	}

	knowledge(): Knowledge {
		const { synced, ready } = this.#cluster.readiness();
		if (!synced) return 'incomplete';
		return ready ? 'current' : 'outdated';
	}

	filter(pod: Pod, candidates: Candidates): readonly (Reason | undefined)[] {
		const { state } = this.#cluster;
		const known = idsOf(candidates.names, state.nodes);
		const verdicts: (Reason | undefined)[] = verdictsOf(known, judge(pod, state, NodeSet.of(known.filter(isPresent))));
		const foreign = foreignNodes(candidates, known);
		if (!foreign) return verdicts;
		const refusals = judge(pod, state, foreign.nodes.all, foreign.nodes);
		const others = verdictsOf(foreign.ids, refusals);
		return verdicts.map((verdict, i) => (known[i] === ABSENT ? others[i] : verdict));
	}

	prioritize(pod: Pod, candidates: Candidates): readonly number[] {
		const { state } = this.#cluster;
		const known = idsOf(candidates.names, state.nodes);
		const scores = score(pod, state, known.filter(isPresent), this.#weights).values();
		const foreign = foreignNodes(candidates, known);
		const others = foreign && score(pod, state, foreign.ids.filter(isPresent), this.#weights, foreign.nodes).values();
		return known.map((id, i) => {
			if (id !== ABSENT) return scores.next().value ?? 0;
			return foreign && foreign.ids[i] !== ABSENT ? (others?.next().value ?? 0) : 0;
		});
	}

	async hasClaims({ namespace, name }: BindRequest): Promise<boolean> {
		const pod = await this.#cluster.writer.readPod(namespace, name);
		return pod !== undefined && pod.claimVolumes.length > 0;
	}

	async bind(request: BindRequest): Promise<void> {
		const { namespace, name } = request;
		// A person may leave it out, and means the pod that is there.
		const uid = request.uid || (await this.#cluster.writer.readPod(namespace, name))?.uid;
		if (uid === undefined) throw new Error(`pod ${namespace}/${name} does not exist`);
		return this.#binder.bind({ ...request, uid });
	}
}

const ABSENT = -1;

function isPresent(id: number): boolean {
	return id !== ABSENT;
}

function idsOf(names: readonly string[], nodes: NodeIndex): number[] {
	return names.map((name) => nodes.idOf(name) ?? ABSENT);
}

/** For each id the first reason that refuses it; a node that is absent is refused for that. */
function verdictsOf(ids: readonly number[], refusals: readonly Refusal[]): (Reason | undefined)[] {
	return ids.map((id) => {
		if (id === ABSENT) return UNKNOWN_NODE;
		for (const refusal of refusals) if (refusal.nodes.has(id)) return refusal.reason;
		return undefined;
	});
}

/** The nodes that were sent whole and that the cache does not hold, in an index of their own. */
function foreignNodes(
	{ names, labelsOf }: Candidates,
	known: readonly number[],
): { nodes: NodeIndex; ids: number[] } | undefined {
	if (!labelsOf || !known.includes(ABSENT)) return undefined;
	const nodes = new NodeIndex();
	for (const [i, name] of names.entries()) {
		const labels = known[i] === ABSENT ? labelsOf(name) : undefined;
		if (labels) nodes.upsert(name, labels);
	}
	return { nodes, ids: idsOf(names, nodes) };
}
