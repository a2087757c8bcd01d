/**
 * One AbortSignal out of the caller's signal and a time limit. Unlike AbortSignal.any it can be
 * released, so that a signal that lives as long as the process gathers no listeners.
 */
export class Deadline {
	readonly #controller = new AbortController();
	readonly #parent: AbortSignal | undefined;
	readonly #expired: () => Error;
	#timer: NodeJS.Timeout | undefined;
	readonly #onAbort = () => this.#controller.abort(this.#parent?.reason);

	/** `expired` makes the signal's reason when time is up. There is no limit before `start`. */
	constructor(parent: AbortSignal | undefined, expired: () => Error) {
		this.#parent = parent;
		this.#expired = expired;
		if (parent?.aborted) this.#onAbort();
		else parent?.addEventListener('abort', this.#onAbort, { once: true });
	}

	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	start(timeoutMs: number): void {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#controller.abort(this.#expired()), timeoutMs);
	}

	/** Gives the whole time again. */
	restart(): void {
		this.#timer?.refresh();
	}

	/** Lifts the time limit; the caller's signal still counts. */
	lift(): void {
		clearTimeout(this.#timer);
	}

	release(): void {
		this.lift();
		this.#parent?.removeEventListener('abort', this.#onAbort);
	}

	/** Waits for something that cannot itself be aborted, no longer than the deadline. */
	async race<V>(promise: Promise<V>): Promise<V> {
		// Whoever loses is nobody's any more.
		promise.catch(() => {});
		this.signal.throwIfAborted();
		const aborted = Promise.withResolvers<never>();
		const reject = () => aborted.reject(this.signal.reason);
		this.signal.addEventListener('abort', reject, { once: true });
		try {
			return await Promise.race([promise, aborted.promise]);
		} finally {
			this.signal.removeEventListener('abort', reject);
		}
	}
}
