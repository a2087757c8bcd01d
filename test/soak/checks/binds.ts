// Every bind ends, when its time is up at the latest, with an answer that says how.

import type { FrontCall, FrontEnd } from '../../cluster/chaos/round-robin.ts';
import { Problems } from '../bounded.ts';

/** What a busy machine may add to the time that a bind has. */
const MARGIN_MS = 5_000;

/** Whether a replica was ended, or was not there yet, at any moment since then. */
export type WasAway = (replica: number, since: number) => boolean;

export class BindCheck {
	readonly problems = new Problems();
	/** How many calls ended how: bound, refused (with a message), 'not synced', 'replica ended'. */
	readonly counts: Record<string, number> = {};
	/** In ms. */
	longest = 0;
	readonly #limitMs: number;
	readonly #wasAway: WasAway;
	/** What runs, and since when. */
	readonly #open = new Map<symbol, { readonly what: string; readonly began: number }>();

	constructor(timeoutMs: number, wasAway: WasAway) {
		this.#limitMs = timeoutMs + MARGIN_MS;
		this.#wasAway = wasAway;
	}

	/** To be told of each call to a replica, and with what it gives of the call's end. */
	observe({ verb, target, body }: FrontCall): (end: FrontEnd) => void {
		if (verb !== 'bind') return () => {};
		const { PodName, Node } = JSON.parse(body.toString());
		const what = `the bind of ${PodName} to ${Node} by replica ${target}`;
		const key = Symbol(what);
		const began = Date.now();
		this.#open.set(key, { what, began });
		return (end) => {
			this.#open.delete(key);
			const ms = Date.now() - began;
			this.longest = Math.max(this.longest, ms);
			if (ms > this.#limitMs) this.problems.add(`${what} took ${ms} ms`);
			const result = this.#resultOf(end, target, began);
			this.counts[result] = (this.counts[result] ?? 0) + 1;
			if (result === 'wrong') this.problems.add(`${what} gave no answer that says how it ended: ${told(end)}`);
		};
	}

	/** Those that should have ended by now. */
	get overdue(): string[] {
		return [...this.#open.values()]
			.filter(({ began }) => Date.now() - began > this.#limitMs)
			.map(({ what, began }) => `${what} still runs, since ${Date.now() - began} ms`);
	}

	get running(): number {
		return this.#open.size;
	}

	#resultOf({ status, text }: FrontEnd, target: number, began: number): string {
		const wasAway = this.#wasAway(target, began);
		if (status === undefined) return wasAway ? 'replica ended' : 'wrong';
		const error = errorIn(text);
		if (status === 200 && error !== undefined) return error === '' ? 'bound' : 'refused';
		return status === 503 && error && wasAway ? 'not synced' : 'wrong';
	}
}

/** Of an ExtenderBindingResult; undefined where it is none. */
function errorIn(text = ''): string | undefined {
	try {
		const { Error: error } = JSON.parse(text);
		return typeof error === 'string' ? error : undefined;
	} catch {
		return undefined;
	}
}

function told({ status, text, error }: FrontEnd): string {
	return status === undefined ? String(error) : `${status} ${text}`;
}
