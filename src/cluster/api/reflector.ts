import { Deadline } from './deadline.ts';
import { ApiError, ApiUnreachable } from './errors.ts';
import { LineSplitter } from './lines.ts';
import { readList } from './list.ts';
import type {
	Projected,
	ReflectorCounters,
	ReflectorLogger,
	ReflectorOptions,
	ReflectorState,
	Sink,
} from './reflector-options.ts';
import { backoffMs, DEFAULT_TIMING, jittered, type Timing } from './timing.ts';
import { type ObjectEvent, readEvent, WatchBroken } from './watch-event.ts';

export type { Projected, ReflectorCounters, ReflectorLogger, ReflectorOptions, ReflectorState, Sink };

/**
 * Keeps a sink equal to one collection of the API server: lists it, follows it by a watch, and begins
 * again where that fails, for as long as it is not stopped.
 *
 * Invariants:
 * - `#version` is that of the last list or event that the sink has taken, or undefined when only a list
 *   can make the sink right. It is passed back to the server, and not interpreted.
 * - The sink is given a list as a whole or not at all.
 * - Between a failure and the next request there is always a wait.
 * - After the signal is aborted the sink is not called.
 */
export class Reflector<T> {
	readonly path: string;
	/** Resolves after the first whole list (or the first 404 of an optional kind); rejects when stopped before. */
	readonly synced: Promise<void>;
	readonly counters: Readonly<ReflectorCounters>;

	readonly #options: ReflectorOptions<T>;
	readonly #timing: Timing;
	readonly #counters: ReflectorCounters = { lists: 0, watches: 0, events: 0, bookmarks: 0, errors: 0, skipped: 0 };
	readonly #synced = Promise.withResolvers<void>();
	readonly #stop = new AbortController();
	#running: Promise<void> | undefined;
	#state: ReflectorState = 'stopped';
	#isSynced = false;
	#staleSince: number | undefined;
	#lastEventAt: number | undefined;
	#lastError: Error | undefined;
	#version: string | undefined;
	/** In a row; a watch that proves itself ends the row. */
	#failures = 0;

	constructor(options: ReflectorOptions<T>) {
		this.#options = options;
		this.#timing = { ...DEFAULT_TIMING, ...options.timing };
		this.path = options.path;
		this.counters = this.#counters;
		this.synced = this.#synced.promise;
		// Nobody has to wait for it.
		this.synced.catch(() => {});
	}

	/** True from the first whole list on; whether the state is still current is told by `staleSince`. */
	get isSynced(): boolean {
		return this.#isSynced;
	}

	get state(): ReflectorState {
		return this.#state;
	}

	/** Epoch milliseconds since when no watch feeds the sink; undefined while one does, or while the kind is absent. */
	get staleSince(): number | undefined {
		return this.#staleSince;
	}

	/** Epoch milliseconds of the last list, event or bookmark. */
	get lastEventAt(): number | undefined {
		return this.#lastEventAt;
	}

	/** The last failure, undefined when a watch has been opened since. */
	get lastError(): Error | undefined {
		return this.#lastError;
	}

	/** Begins; resolves when stopped, never rejects. Once only. */
	start(signal?: AbortSignal): Promise<void> {
		if (this.#running) throw new Error(`the reflector of ${this.path} was started before`);
		const abort = () => this.#stop.abort(signal?.reason);
		if (signal?.aborted) abort();
		else signal?.addEventListener('abort', abort, { once: true });
		this.#markStale();
		this.#running = this.#run(this.#stop.signal).finally(() => {
			signal?.removeEventListener('abort', abort);
			this.#state = 'stopped';
			this.#markStale();
			this.#synced.reject(new Error(`the reflector of ${this.path} was stopped before its first list`));
		});
		return this.#running;
	}

	/** Resolves when nothing of it runs any more. */
	async stop(): Promise<void> {
		this.#stop.abort();
		await this.#running;
	}

	async #run(signal: AbortSignal): Promise<void> {
		while (!signal.aborted) {
			try {
				if (this.#version === undefined) await this.#list(signal);
				if (this.#version === undefined) await this.#pauseAbsent(signal);
				else await this.#watch(this.#version, signal);
			} catch (error) {
				if (!signal.aborted) await this.#recover(error, signal);
			}
		}
	}

	/** Fills the sink and sets `#version`; leaves it undefined when the kind is absent. */
	async #list(signal: AbortSignal): Promise<void> {
		const { client, path, query = {}, sink } = this.#options;
		// A look whether an absent kind has come is no news until it has.
		if (this.#state !== 'absent') this.#state = 'listing';
		this.#counters.lists++;
		const items = new Map<string, T>();
		const skipped: unknown[] = [];
		let version: string;
		try {
			version = await readList({ client, path, query, pageSize: this.#timing.pageSize, signal }, (raw) => {
				try {
					const { key, value } = this.#options.project(raw);
					items.set(key, value);
				} catch (error) {
					skipped.push(error);
				}
			});
		} catch (error) {
			if (!this.#options.optional || !isNotFound(error)) throw error;
			this.#becomeAbsent();
			return;
		}
		if (skipped.length > 0) {
			this.#counters.skipped += skipped.length;
			this.#log('warn', { skipped: skipped.length, err: skipped[0] }, 'objects that cannot be understood were skipped');
		}
		sink.replace(items);
		this.#version = version;
		this.#markSynced();
		this.#log('info', { objects: items.size, resourceVersion: version }, 'listed');
	}

	#becomeAbsent(): void {
		if (this.#state !== 'absent') {
			this.#options.sink.replace(new Map());
			this.#log('info', {}, 'this kind does not exist here; looking for it again from time to time');
		}
		this.#state = 'absent';
		this.#staleSince = undefined;
		this.#lastError = undefined;
		this.#failures = 0;
		this.#markSynced();
	}

	async #pauseAbsent(signal: AbortSignal): Promise<void> {
		await this.#timing.sleep(jittered(this.#timing, this.#timing.absentRecheckMs, 0.2), signal);
	}

	/** Follows one watch to its end. Returns when the next may follow at once. */
	async #watch(from: string, signal: AbortSignal): Promise<void> {
		const { idleTimeoutMs, shortWatchMs, now } = this.#timing;
		const idle = new Deadline(signal, () => new WatchSilent());
		try {
			const chunks = await this.#openWatch(from, idle.signal);
			const openedAt = now();
			const lines = new LineSplitter();
			idle.start(idleTimeoutMs);
			for await (const chunk of chunks) {
				idle.restart();
				for (const line of lines.push(chunk)) this.#take(line);
			}
			if (now() - openedAt < shortWatchMs) throw new WatchEndedEarly();
		} catch (error) {
			if (!(error instanceof WatchSilent)) throw error;
			// Bookmarks would have come: what lies between may swallow the next watch too. A list is an answer, or none.
			this.#version = undefined;
			this.#log('info', { idleTimeoutMs }, 'the watch was silent; listing anew');
		} finally {
			idle.release();
			this.#markStale();
		}
		this.#failures = 0;
	}

	async #openWatch(from: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
		const { client, path, query } = this.#options;
		const chunks = await client.stream(
			path,
			{
				...query,
				watch: true,
				allowWatchBookmarks: true,
				resourceVersion: from,
				timeoutSeconds: Math.round(jittered(this.#timing, this.#timing.watchTimeoutSeconds, 0.1)),
			},
			signal,
		);
		this.#counters.watches++;
		this.#state = 'watching';
		this.#staleSince = undefined;
		this.#lastError = undefined;
		return chunks;
	}

	#take(line: string): void {
		// One chunk may carry many events, and a sink may stop us at any of them.
		this.#stop.signal.throwIfAborted();
		const event = readEvent(line, this.path);
		if (event.type === 'BOOKMARK') this.#counters.bookmarks++;
		else this.#apply(event);
		this.#version = event.resourceVersion;
		this.#lastEventAt = this.#timing.now();
		this.#failures = 0;
	}

	#apply({ type, object }: ObjectEvent): void {
		this.#counters.events++;
		let projected: Projected<T>;
		try {
			projected = this.#options.project(object);
		} catch (error) {
			this.#counters.skipped++;
			// Without its key it cannot be removed, and must not stay: the next list does not have it.
			if (type === 'DELETED') throw new WatchBroken('a deleted object cannot be understood', error);
			this.#log('warn', { skipped: 1, err: error }, 'an object that cannot be understood was skipped');
			return;
		}
		if (type === 'DELETED') this.#options.sink.remove(projected.key, projected.value);
		else this.#options.sink.upsert(projected.key, projected.value);
	}

	/** Decides what a failure means for the next try, and waits for it. */
	async #recover(cause: unknown, signal: AbortSignal): Promise<void> {
		const error = cause instanceof Error ? cause : new Error(String(cause));
		this.#lastError = error;
		this.#counters.errors++;
		this.#failures++;
		this.#state = 'backoff';
		this.#markStale();
		if (!mayResume(error)) this.#version = undefined;
		const retryAfterMs = error instanceof ApiError ? error.retryAfterMs : undefined;
		const waitMs = Math.round(backoffMs(this.#timing, this.#failures, retryAfterMs));
		const next = this.#version === undefined ? 'list' : 'watch';
		this.#log('warn', { err: error, waitMs, next, failures: this.#failures }, 'list or watch failed; trying again');
		await this.#timing.sleep(waitMs, signal).catch((reason) => {
			if (!signal.aborted) throw reason;
		});
	}

	#markSynced(): void {
		this.#lastEventAt = this.#timing.now();
		this.#isSynced = true;
		this.#synced.resolve();
	}

	#markStale(): void {
		this.#staleSince ??= this.#timing.now();
	}

	#log(level: 'info' | 'warn', details: object, message: string): void {
		this.#options.logger?.[level]({ path: this.path, ...details }, message);
	}
}

class WatchSilent extends Error {
	constructor() {
		super('the watch was silent');
		this.name = 'WatchSilent';
	}
}

class WatchEndedEarly extends Error {
	constructor() {
		super('the server ended the watch as soon as it had begun');
		this.name = 'WatchEndedEarly';
	}
}

/** Failures that say nothing about our resourceVersion, so that a watch may go on from it without a new list. */
function mayResume(error: Error): boolean {
	if (error instanceof ApiUnreachable || error instanceof WatchEndedEarly) return true;
	return error instanceof ApiError && error.method !== 'WATCH' && [429, 500, 502, 503].includes(error.status);
}

function isNotFound(error: unknown): boolean {
	return error instanceof ApiError && error.status === 404;
}
