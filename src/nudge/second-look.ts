import type { ClusterState } from '../cluster/state.ts';
import { judge } from '../domain/decision/judge.ts';
import type { ReasonCode } from '../domain/decision/reasons.ts';
import type { Pod } from '../domain/model.ts';
import type { NodeIndex } from '../domain/topology/node-index.ts';
import { NodeSet } from '../domain/topology/node-set.ts';

export interface SecondLookOptions {
	/** Changes the pod so that kube-scheduler tries it again. */
	mark(pod: Pod, mark: string): Promise<void>;
	/** False while a watch is down. */
	isCurrent(): boolean;
	onNudge?(pod: Pod, error?: Error): void;
}

/** When a refusal is looked at again, in ms after it and after the look before: watches are late by less, or are down. */
const LOOKS_MS = [1_000, 3_000];

/** For how long a watch that is down is waited for, in ms: by then kube-scheduler has tried the pod again by itself. */
const PATIENCE_MS = 300_000;

/** Reasons that pass by themselves, and whose passing the Nudger sees. */
export function isOfSource(code: ReasonCode): boolean {
	return code === 'SOURCE_NOT_READY' || code === 'SOURCE_INVALID';
}

/** Nodes that were refused for one reason, by name. */
export interface RefusedNodes {
	readonly code: ReasonCode;
	readonly message: string;
	readonly nodes: readonly string[];
}

interface Refusal {
	readonly pod: Pod;
	/** The nodes that were asked about. */
	readonly nodes: NodeSet;
	/** Those of them that were not known then. */
	readonly unknown: readonly string[];
	/** The reasons that kube-scheduler was told. */
	readonly told: ReadonlySet<string>;
	/** A source is among them: what else is wrong with sources is no news then, as with them one problem follows another. */
	readonly toldOfSource: boolean;
	readonly until: number;
	timer?: NodeJS.Timeout;
}

/**
 * Has kube-scheduler try a pod again that was refused by what was out of date.
 *
 * kube-scheduler tries a pod again when it sees that something has changed. Where topobind sees the same change later, its
 * answer is still the old one, and nothing calls again for up to five minutes. So a refusal of every node is looked at again a
 * moment later, or as long after every watch is up again: where one of them would pass by then, or be refused for another
 * reason, and nobody has asked again, the pod is marked, once a refusal.
 */
export class SecondLook {
	readonly #cluster: ClusterState;
	readonly #options: SecondLookOptions;
	/** By pod UID. */
	readonly #refusals = new Map<string, Refusal>();

	constructor(cluster: ClusterState, options: SecondLookOptions) {
		this.#cluster = cluster;
		this.#options = options;
	}

	/** How many refusals are still to be looked at. */
	get size(): number {
		return this.#refusals.size;
	}

	/** Filter has refused every node it was asked about. */
	refused(pod: Pod, groups: readonly RefusedNodes[]): void {
		this.passed(pod);
		const { known, unknown } = resolve(
			groups.flatMap(({ nodes }) => nodes),
			this.#cluster.nodes,
		);
		const told = new Set(groups.map(({ message }) => message));
		const toldOfSource = groups.some(({ code }) => isOfSource(code));
		const refusal: Refusal = { pod, nodes: known, unknown, told, toldOfSource, until: Date.now() + PATIENCE_MS };
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
		if (!this.#options.isCurrent() && Date.now() < refusal.until) {
			this.#schedule(refusal, 0);
			return;
		}
		const { namespace, name, uid } = refusal.pod;
		const pod = this.#cluster.pod(namespace, name);
		if (pod?.uid === uid && !pod.deleting && this.#isOutOfDate(pod, refusal)) {
			this.#refusals.delete(uid);
			this.#nudge(pod);
		} else this.#schedule(refusal, round + 1);
	}

	/** A node would pass, or is refused for what kube-scheduler was not told, and so cannot tell. */
	#isOutOfDate(pod: Pod, { nodes: asked, unknown, told, toldOfSource }: Refusal): boolean {
		const { nodes } = this.#cluster;
		let left = asked.union(resolve(unknown, nodes).known).intersection(nodes.all);
		for (const refusal of judge(pod, this.#cluster, left)) {
			const { code, message } = refusal.reason;
			const isNews = !told.has(message) && !(toldOfSource && isOfSource(code));
			if (isNews && !left.intersection(refusal.nodes).isEmpty) return true;
			left = left.difference(refusal.nodes);
		}
		return !left.isEmpty;
	}

	#nudge(pod: Pod): void {
		// Looks at one pod are further apart than a clock counts.
		this.#options.mark(pod, String(Date.now())).then(
			() => this.#options.onNudge?.(pod),
			(error: Error) => this.#options.onNudge?.(pod, error),
		);
	}
}

function resolve(names: readonly string[], nodes: NodeIndex): { readonly known: NodeSet; readonly unknown: string[] } {
	const known = new NodeSet(nodes.size);
	const unknown: string[] = [];
	for (const name of names) {
		const id = nodes.idOf(name);
		if (id === undefined) unknown.push(name);
		else known.add(id);
	}
	return { known, unknown };
}
