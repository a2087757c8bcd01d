import type { ClusterState } from '../cluster/state.ts';
import { judge } from '../domain/decision/judge.ts';
import type { Pod } from '../domain/model.ts';
import type { NodeIndex } from '../domain/topology/node-index.ts';
import { NodeSet } from '../domain/topology/node-set.ts';

export interface SecondLookOptions {
	/** Changes the pod so that kube-scheduler tries it again. */
	mark(pod: Pod, mark: string): Promise<void>;
	onNudge?(pod: Pod, error?: Error): void;
}

/** When a refusal is looked at again, in ms after it and after the look before: watches are late by less, or are down. */
const LOOKS_MS = [1_000, 3_000];

interface Refusal {
	readonly pod: Pod;
	/** The nodes that were asked about. */
	readonly nodes: NodeSet;
	/** Those of them that were not known then. */
	readonly unknown: readonly string[];
	timer?: NodeJS.Timeout;
}

/**
 * Has kube-scheduler try a pod again that was refused by what was out of date.
 *
 * kube-scheduler tries a pod again when it sees that something has changed. Where topobind sees the same change later, its
 * answer is still the old one, and nothing calls again for up to five minutes. So a refusal of every node is looked at again a
 * moment later: where one of them would pass by then, and nobody has asked again, the pod is marked, once a refusal.
 */
export class SecondLook {
	readonly #cluster: ClusterState;
	readonly #options: SecondLookOptions;
	/** By pod UID. */
	readonly #refusals = new Map<string, Refusal>();
	#count = 0;

	constructor(cluster: ClusterState, options: SecondLookOptions) {
		this.#cluster = cluster;
		this.#options = options;
	}

	/** Filter has refused every node it was asked about; by name. */
	refused(pod: Pod, names: readonly string[]): void {
		this.passed(pod);
		const { nodes } = this.#cluster;
		const refusal: Refusal = {
			pod,
			nodes: idsOf(names, nodes),
			unknown: names.filter((name) => nodes.idOf(name) === undefined),
		};
		this.#refusals.set(pod.uid, refusal);
		this.#schedule(refusal, 0);
	}

	/** Filter has passed a node: what it refused before no longer matters. */
	passed({ uid }: Pod): void {
		clearTimeout(this.#refusals.get(uid)?.timer);
		this.#refusals.delete(uid);
	}

	#schedule(refusal: Refusal, round: number): void {
		const wait = LOOKS_MS[round];
		if (wait === undefined) this.#refusals.delete(refusal.pod.uid);
		else refusal.timer = setTimeout(() => this.#look(refusal, round), wait).unref();
	}

	#look(refusal: Refusal, round: number): void {
		const { namespace, name, uid } = refusal.pod;
		const pod = this.#cluster.pod(namespace, name);
		if (pod?.uid === uid && !pod.deleting && this.#wouldPass(pod, refusal)) {
			this.#refusals.delete(uid);
			this.#nudge(pod);
		} else this.#schedule(refusal, round + 1);
	}

	#wouldPass(pod: Pod, refusal: Refusal): boolean {
		const { nodes } = this.#cluster;
		const there = refusal.nodes.union(idsOf(refusal.unknown, nodes)).intersection(nodes.all);
		const left = judge(pod, this.#cluster, there).reduce((set, each) => set.difference(each.nodes), there);
		return !left.isEmpty;
	}

	#nudge(pod: Pod): void {
		this.#options.mark(pod, `${Date.now()}-${this.#count++}`).then(
			() => this.#options.onNudge?.(pod),
			(error: Error) => this.#options.onNudge?.(pod, error),
		);
	}
}

function idsOf(names: readonly string[], nodes: NodeIndex): NodeSet {
	return NodeSet.of(names.flatMap((name) => nodes.idOf(name) ?? []));
}
