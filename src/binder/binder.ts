import type { ClusterState } from '../cluster/state.ts';
import type { ClusterWriter } from '../cluster/writer.ts';
import { Attempt, type BindTarget } from './attempt.ts';
import { BindError } from './outcome.ts';

export interface BinderOptions {
	/** A bind ends within this time, in ms; less than the scheduler's httpTimeout, or it gives up first. */
	readonly timeoutMs: number;
	/** Told of every bind that ends. */
	readonly onEnd?: (end: {
		target: BindTarget;
		result: 'bound' | BindError['result'];
		ms: number;
		error?: Error;
	}) => void;
}

/**
 * Carries out what was decided for a pod: writes, waits until its claims are bound, binds it.
 *
 * A pod has one bind at a time. The same call again joins the one that runs, so a scheduler that timed out and retries
 * gets the same end; a call for another node meanwhile is refused.
 */
export class Binder {
	readonly #cluster: ClusterState;
	readonly #writer: ClusterWriter;
	readonly #options: BinderOptions;
	readonly #running = new Map<string, { readonly node: string; readonly end: Promise<void> }>();
	readonly #stop = new AbortController();
	#stopping = false;

	constructor(cluster: ClusterState, writer: ClusterWriter, options: BinderOptions) {
		this.#cluster = cluster;
		this.#writer = writer;
		this.#options = options;
	}

	get running(): number {
		return this.#running.size;
	}

	/** Rejects with a BindError that says why the pod was not bound. */
	bind(target: BindTarget): Promise<void> {
		const running = this.#running.get(keyOf(target));
		if (running?.node === target.node) return running.end;
		if (running) return Promise.reject(new BindError('refused', 'the pod is being bound to another node'));
		if (this.#stopping) return Promise.reject(new BindError('stopped', 'topobind is shutting down'));
		const end = this.#run(target).finally(() => this.#running.delete(keyOf(target)));
		this.#running.set(keyOf(target), { node: target.node, end });
		return end;
	}

	/** Takes no new binds, and ends those that still run after `graceMs`. What they wrote stays, for the next bind to finish. */
	async stop(graceMs: number): Promise<void> {
		this.#stopping = true;
		const ended = Promise.allSettled([...this.#running.values()].map(({ end }) => end));
		const timer = setTimeout(() => this.#stop.abort(new BindError('stopped', 'topobind is shutting down')), graceMs);
		await ended;
		clearTimeout(timer);
	}

	async #run(target: BindTarget): Promise<void> {
		const started = performance.now();
		const timeout = new AbortController();
		const signal = AbortSignal.any([timeout.signal, this.#stop.signal]);
		const attempt = new Attempt(target, this.#cluster, this.#writer, signal);
		const timer = setTimeout(() => timeout.abort(timedOut(this.#options.timeoutMs, attempt)), this.#options.timeoutMs);
		try {
			await attempt.run();
			this.#options.onEnd?.({ target, result: 'bound', ms: performance.now() - started });
		} catch (error) {
			const cause = error instanceof BindError ? error : new BindError('failed', messageOf(error), { cause: error });
			this.#options.onEnd?.({ target, result: cause.result, ms: performance.now() - started, error: cause });
			throw cause;
		} finally {
			clearTimeout(timer);
		}
	}
}

/** The pod, and which one of that name. */
function keyOf({ namespace, name, uid }: BindTarget): string {
	return `${namespace}/${name}/${uid}`;
}

function timedOut(timeoutMs: number, { waitingFor }: Attempt): BindError {
	return new BindError('timeout', `timed out after ${timeoutMs / 1000} s waiting for ${waitingFor}`);
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
