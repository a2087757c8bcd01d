// How long pods took to be bound, measured from outside by the API server's watch.

import { writeFileSync } from 'node:fs';
import type { KubeObject } from '../harness/index.ts';

/** In ms. */
export interface Summary {
	readonly bound: number;
	readonly p50: number;
	readonly p99: number;
	readonly last: number;
}

/** Of one duration for each pod that was bound. */
export function summaryOf(durations: readonly number[]): Summary {
	const all = durations.toSorted((a, b) => a - b);
	const at = (share: number) => Math.round(all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0);
	return { bound: all.length, p50: at(0.5), p99: at(0.99), last: at(1) };
}

/** Notes when each pod was asked for, and when the watch first showed it on a node. */
export class Times {
	readonly #created = new Map<string, number>();
	readonly #bound = new Map<string, number>();

	created(name: string): void {
		this.#created.set(name, performance.now());
	}

	/** To be called with every state of the pods. */
	look(pods: readonly KubeObject[]): void {
		for (const { metadata, spec } of pods) {
			if (spec.nodeName && !this.#bound.has(metadata.name)) this.#bound.set(metadata.name, performance.now());
		}
	}

	/** Of the pods that were bound. */
	get summary(): Summary {
		return summaryOf([...this.#bound].map(([name, at]) => at - (this.#created.get(name) ?? at)));
	}
}

export type Row = Summary & { readonly what: string };

/** Prints the rows; writes them too, where TOPOBIND_RACES_JSON names a file. */
export function report(rows: readonly Row[]): void {
	print('time to bound', rows);
	const file = process.env.TOPOBIND_RACES_JSON;
	if (file) writeFileSync(file, `${JSON.stringify(rows, undefined, '\t')}\n`);
}

export function print(title: string, rows: readonly Row[]): void {
	console.log(`\n${title}, ms:`);
	console.log(`${'what'.padEnd(44)} ${['bound', 'p50', 'p99', 'last'].map((head) => head.padStart(7)).join('')}`);
	for (const { what, bound, p50, p99, last } of rows) {
		console.log(`${what.padEnd(44)} ${[bound, p50, p99, last].map((value) => String(value).padStart(7)).join('')}`);
	}
}
