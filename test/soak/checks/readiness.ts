// /readyz tells the truth: what it says is held against what the proxy knows of the replica's lists and watches.

import type { Observer } from '../../cluster/chaos/api-proxy.ts';
import { Problems } from '../bounded.ts';

/** A watch that is down for longer makes a replica unready: STALE_AFTER_MS in src/cluster/kubernetes.ts. */
const TRUSTED_MS = 30_000;
/** Until both ends have noticed that a watch is open, or is down, on a busy machine. */
const OPEN_MS = 2_000;
const DOWN_MS = 5_000;

/** What an ApiProxy knows of its client's watches. */
export interface Watched {
	watchesOf(path: string): readonly { readonly openedAt: number }[];
	readonly closedAt: ReadonlyMap<string, number>;
	readonly upSince: number;
}

/** Looks at one replica, or at a cache of this process. */
export class ReadinessCheck {
	readonly problems = new Problems();
	/** Answers, by what they had to be and were: 'up 200', 'down 503', 'unlisted 503'; and what could be either. */
	readonly counts: Record<string, number> = {};
	readonly name: string;
	readonly #proxy: Watched;
	/** How the last list of a kind ended; absent where the server said that there is no such kind. */
	readonly #lists = new Map<string, 'whole' | 'absent' | 'failed'>();
	readonly #lookedAt = new Map<string, number>();
	/** Kinds that were listed whole, since the process began. */
	readonly #listed = new Set<string>();
	#since = Date.now();
	#isEnding = false;
	#syncedAt = Number.POSITIVE_INFINITY;
	/** Of the collections that every replica reads. */
	#paths: readonly string[] = [];
	/** Those of them that this cluster does not have: nothing to watch, but a look for them may fail. */
	#absent: readonly string[] = [];

	constructor(name: string, proxy: Watched) {
		this.name = name;
		this.#proxy = proxy;
	}

	readonly observer: Observer = ({ kind, path, query }) => {
		if (kind !== 'list') return undefined;
		return ({ status, more }) => {
			if (status === 200 && (more || query.get('limit') === '1')) return;
			const how = status === 200 ? 'whole' : status === 404 ? 'absent' : 'failed';
			this.#lists.set(path, how);
			this.#lookedAt.set(path, Date.now());
			if (how !== 'failed') this.#listed.add(path);
			if (!this.#isEnding && !this.#unlisted) this.#syncedAt = Math.min(this.#syncedAt, Date.now());
		};
	};

	/** Epoch milliseconds; in the infinite future until every kind was listed. */
	get syncedAt(): number {
		return this.#syncedAt;
	}

	/** What it has read by now is all that it reads. */
	learn(kinds: number): void {
		this.#paths = [...this.#listed];
		this.#absent = this.#paths.filter((path) => this.#lists.get(path) === 'absent');
		this.#syncedAt = Date.now();
		if (kinds !== this.#paths.length)
			throw new Error(`${this.name} has listed ${this.#paths.join(', ')}, of ${kinds} kinds`);
	}

	/** The process is about to end: it may tell what it likes. */
	ending(): void {
		this.#isEnding = true;
		this.#syncedAt = Number.POSITIVE_INFINITY;
	}

	/** It has ended, and another is about to begin. */
	restarted(): void {
		this.#isEnding = false;
		this.#listed.clear();
		this.#lists.clear();
		this.#since = Date.now();
	}

	/** Asks once. `ask` gives the status, or undefined where there is nobody to answer. */
	async look(ask: () => Promise<number | undefined>): Promise<void> {
		const since = this.#since;
		const before = this.#expected();
		const status = await ask();
		if (status === undefined || this.#isEnding || since !== this.#since) return;
		const after = this.#expected();
		// A list may end, or a watch begin, while it is asked: then either is true.
		const must = before?.what === after?.what ? after : undefined;
		const what = must?.what ?? 'either';
		this.counts[`${what} ${status}`] = (this.counts[`${what} ${status}`] ?? 0) + 1;
		if (must && must.status !== status) {
			this.problems.add(`/readyz of ${this.name} says ${status}, and must say ${must.status}: ${must.why}`);
		}
	}

	get #unlisted(): string | undefined {
		return this.#paths.find((path) => !this.#listed.has(path));
	}

	#expected(): { readonly what: string; readonly status: number; readonly why: string } | undefined {
		const unlisted = this.#unlisted;
		if (unlisted) return { what: 'unlisted', status: 503, why: `${unlisted} was not listed yet` };
		const watched = this.#paths.filter((path) => !this.#absent.includes(path));
		const down = watched.find((path) => this.#downFor(path) > TRUSTED_MS + DOWN_MS);
		if (down) return { what: 'down', status: 503, why: `${down} has had no watch for ${this.#downFor(down)} ms` };
		if (watched.every((path) => this.#upFor(path) > OPEN_MS) && this.#absent.every((path) => this.#isAbsent(path))) {
			return { what: 'up', status: 200, why: `all ${watched.length} watches have been open for ${OPEN_MS} ms` };
		}
		return undefined;
	}

	/** So the last look for it said, and none can have failed since on a way that was down. */
	#isAbsent(path: string): boolean {
		return this.#lists.get(path) === 'absent' && (this.#lookedAt.get(path) ?? 0) > this.#proxy.upSince;
	}

	/** In ms; 0 while it has a watch. */
	#downFor(path: string): number {
		if (this.#proxy.watchesOf(path).length > 0) return 0;
		return Date.now() - Math.max(this.#since, this.#proxy.closedAt.get(path) ?? 0);
	}

	#upFor(path: string): number {
		const opened = this.#proxy.watchesOf(path).map(({ openedAt }) => openedAt);
		return opened.length === 0 ? 0 : Date.now() - Math.max(...opened);
	}
}
