// Calls /bind as kube-scheduler might at its worst: the same bind twenty times at once, and for another node meanwhile.

import { setTimeout as pause } from 'node:timers/promises';
import { claimNames } from '../cluster/chaos/invariants.ts';
import { ApiError, type KubeObject } from '../cluster/harness/index.ts';
import { paths } from '../cluster/shared.ts';
import type { Topobind } from '../cluster/topobind.ts';
import { Problems } from './bounded.ts';
import type { Churn } from './churn.ts';
import type { Ground } from './ground.ts';
import { DYNAMIC_NODES, NODES } from './names.ts';
import type { Random } from './random.ts';

/** Nobody serves it: what is bound is bound by these calls. */
const NOBODY = 'soak-by-hand';
const CALLS = 20;
const OTHER_NODE = 'the pod is being bound to another node';
/** For a call that was sent to have been read. */
const READ_MS = 250;

/** What a call gave: the error that kube-scheduler would show, '' for none; undefined where the replica gave no answer. */
interface Answer {
	readonly text: string | undefined;
	readonly at: number;
}

export class ByHand {
	readonly problems = new Problems();
	readonly counts: Record<string, number> = {};
	readonly #ground: Ground;
	readonly #churn: Churn;
	readonly #random: Random;

	constructor(ground: Ground, churn: Churn, random: Random) {
		this.#ground = ground;
		this.#churn = churn;
		this.#random = random;
	}

	/** One pod more, bound by one of the replicas, or not at all and deleted. */
	async step(): Promise<void> {
		const { api, namespace } = this.#ground;
		const pod = await this.#ground.exclusively(() => this.#submit());
		const path = paths(namespace).pod(pod.metadata.name);
		try {
			const replica = this.#random.below(2);
			const node = await this.#feasibleNode(pod, replica);
			if (node) await this.#bind(pod, node, replica);
			else this.#count('no node');
		} finally {
			this.#ground.gates.delete(`${path}/binding`);
			await this.#ground.exclusively(async () => {
				const now = await api.get(path).catch(nothingIf404);
				if (now && !now.spec.nodeName) await api.delete(path);
			});
		}
	}

	/** With volumes that may do for it, if nobody else takes them. */
	async #submit(): Promise<KubeObject> {
		const pod = await this.#churn.submit(NOBODY);
		const node = this.#random.pick(DYNAMIC_NODES) as string;
		for (const _ of claimNames(pod)) await this.#churn.addVolume(node);
		return pod;
	}

	/** As topobind sees it, within a few seconds. */
	async #feasibleNode(pod: KubeObject, replica: number): Promise<string | undefined> {
		const { namespace, name } = pod.metadata;
		for (let i = 0; i < 6; i++) {
			const url = `${this.#replica(replica).admin}/api/v1/explain/pods/${namespace}/${name}`;
			const explanation = await fetch(url, { signal: AbortSignal.timeout(15_000) })
				.then((answer) => answer.json() as Promise<KubeObject>)
				.catch(() => undefined);
			const node = this.#random.pick<string>(explanation?.nodes?.examples ?? []);
			if (node) return node;
			await pause(500);
		}
		return undefined;
	}

	/** The Binding waits on its way until all have called: for so long the bind runs. */
	async #bind(pod: KubeObject, node: string, replica: number): Promise<void> {
		const reached = Promise.withResolvers<boolean>();
		const open = Promise.withResolvers<undefined>();
		this.#ground.gates.set(`${paths(this.#ground.namespace).pod(pod.metadata.name)}/binding`, () => {
			reached.resolve(true);
			return open.promise;
		});
		const began = Date.now();
		const call = (to: string) => this.#call(pod, to, replica);
		const early = Array.from({ length: CALLS / 2 }, () => call(node));
		void Promise.all(early).then(() => reached.resolve(false));
		try {
			if (!(await reached.promise)) {
				this.#count('ended before its Binding');
				return;
			}
			this.#count('held');
			const late = Array.from({ length: CALLS / 2 }, () => call(node));
			const other = await call(NODES.find((name) => name !== node) as string);
			await pause(READ_MS);
			const opened = Date.now();
			open.resolve(undefined);
			const answers = await Promise.all([...early, ...late]);
			if (!this.#ground.checks.wasAway(replica, began)) this.#judge(pod, answers, other, opened);
		} finally {
			open.resolve(undefined);
		}
	}

	/** Who was not answered while the Binding waited had joined the one bind that ran. */
	#judge({ metadata }: KubeObject, answers: readonly Answer[], other: Answer, opened: number): void {
		const joined = answers.filter(({ at }) => at >= opened);
		const ends = new Set(joined.map(({ text }) => text));
		if (ends.size > 1)
			this.problems.add(`one bind of ${metadata.name} ended in more than one way: ${[...ends].join(' | ')}`);
		const ran = answers.every(({ at }) => at >= other.at);
		if (!ran) this.#count('ended while its Binding waited');
		else if (other.text !== OTHER_NODE) {
			this.problems.add(`while ${metadata.name} was being bound, a bind to another node was told: ${other.text}`);
		} else this.#count('other node refused');
		this.#count(ends.has('') ? 'bound' : 'not bound');
	}

	async #call({ metadata }: KubeObject, node: string, target: number): Promise<Answer> {
		const { namespace, name, uid } = metadata;
		const body = JSON.stringify({ PodName: name, PodNamespace: namespace, PodUID: uid, Node: node });
		const ended = this.#ground.checks.binds.observe({ verb: 'bind', target, body: Buffer.from(body) });
		try {
			const headers = { 'content-type': 'application/json' };
			const answer = await fetch(`${this.#replica(target).extender}/bind`, { method: 'POST', headers, body });
			const text = await answer.text();
			ended({ status: answer.status, text });
			return { text: JSON.parse(text).Error, at: Date.now() };
		} catch (error) {
			ended({ error: error as Error });
			return { text: undefined, at: Date.now() };
		}
	}

	#replica(target: number): Topobind {
		return this.#ground.topobinds[target] as Topobind;
	}

	#count(what: string): void {
		this.counts[what] = (this.counts[what] ?? 0) + 1;
	}
}

function nothingIf404(error: unknown): undefined {
	if (!(error instanceof ApiError && error.status === 404)) throw error;
}
