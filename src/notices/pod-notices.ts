import { LRUCache } from 'lru-cache';
import type { EventWriter } from '../cluster/event-writer.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { Pod } from '../domain/model.ts';
import { noticeFor } from './notice.ts';

export interface PodNoticesOptions {
	onNotice?(pod: Pod, error?: Error): void;
	/** How long a pod has to wait before it is looked at, in ms: most of what kube-scheduler meets passes by itself. */
	readonly settleMs?: number;
	/** While it lasts it is told again after this time, in ms; the API server forgets an event within the hour. */
	readonly repeatMs?: number;
}

/** Between two events, in ms: what thousands of pods wait for is told in time, not at once. */
const PAUSE_MS = 50;
/** Of pods and texts that are remembered; who is forgotten is told once more. */
const REMEMBERED = 10_000;

/**
 * Tells on a pod that waits, as an Event, what its storage asks of nodes, claim by claim.
 *
 * Where kube-scheduler's own plugins refuse a node, no extender is asked, and their words name neither the claim nor what
 * it needs. What the scheduler said last stands in the pod's condition: a change of it is what leads to a look.
 */
export class PodNotices {
	readonly #cluster: ClusterState;
	readonly #events: EventWriter;
	readonly #options: PodNoticesOptions;
	/** When each text was told of each pod last. */
	readonly #told = new LRUCache<string, number>({ max: REMEMBERED });
	/** Keys of pods to look at, the first to come first. */
	readonly #queue = new Set<string>();
	readonly #settling = new Map<string, NodeJS.Timeout>();
	#working = false;

	constructor(cluster: ClusterState, events: EventWriter, options: PodNoticesOptions = {}) {
		this.#cluster = cluster;
		this.#events = events;
		this.#options = options;
	}

	get #repeatMs(): number {
		return this.#options.repeatMs ?? 600_000;
	}

	/** Begins; gives what ends it. */
	start(): () => void {
		this.#lookAtAll();
		const rounds = setInterval(() => this.#lookAtAll(), this.#repeatMs);
		rounds.unref();
		const unsubscribe = this.#cluster.subscribe(({ kind, key, previous, current }) => {
			if (kind === 'Pod' && reasonOf(current) !== reasonOf(previous)) this.#settle(key);
		});
		return () => {
			unsubscribe();
			clearInterval(rounds);
			for (const timer of this.#settling.values()) clearTimeout(timer);
			this.#settling.clear();
			this.#queue.clear();
		};
	}

	#lookAtAll(): void {
		for (const key of this.#cluster.all('Pod').keys()) this.#settle(key);
	}

	/** Whatever else happens to the pod until then is seen by the same look. */
	#settle(key: string): void {
		if (this.#settling.has(key) || !reasonOf(this.#cluster.seen('Pod', key))) return;
		const timer = setTimeout(() => {
			this.#settling.delete(key);
			this.#queue.add(key);
			void this.#work();
		}, this.#options.settleMs ?? 1_000);
		timer.unref();
		this.#settling.set(key, timer);
	}

	async #work(): Promise<void> {
		if (this.#working) return;
		this.#working = true;
		for (const key of this.#queue) {
			this.#queue.delete(key);
			const pod = this.#cluster.seen('Pod', key);
			if (pod && (await this.#tell(pod))) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref());
			// Each look is a judgement of every node: what kube-scheduler asks meanwhile is not to wait for thousands of them.
			else await new Promise((resolve) => setImmediate(resolve));
		}
		this.#working = false;
	}

	/** False where there was nothing to tell. */
	async #tell(pod: Pod): Promise<boolean> {
		try {
			const message = noticeFor(pod, this.#cluster);
			const memory = `${pod.uid} ${message}`;
			if (message === undefined || this.#isToldOf(memory)) return false;
			await this.#events.tell({ kind: 'Pod', ...pod }, { type: 'Warning', reason: 'FailedScheduling', message });
			this.#told.set(memory, Date.now());
			this.#options.onNotice?.(pod);
		} catch (error) {
			this.#options.onNotice?.(pod, error as Error);
		}
		return true;
	}

	/** A little less than the time to the next round, which would find it too early otherwise. */
	#isToldOf(memory: string): boolean {
		return Date.now() - (this.#told.get(memory) ?? 0) < this.#repeatMs * 0.9;
	}
}

/** '' for a pod that waits for nothing that kube-scheduler has told; then nothing is to be added. */
function reasonOf(pod: unknown): string {
	return (pod as Pod | undefined)?.unschedulable ?? '';
}
