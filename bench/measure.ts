/** Times several servers on the same bytes, in turns, so that a machine that slows down slows all of them. */

import type { Client } from './client.ts';

export interface Target {
	readonly name: string;
	readonly url: string;
	readonly body: Buffer;
}

/** Milliseconds. */
export interface Timing {
	readonly p50: number;
	readonly p99: number;
	readonly calls: number;
}

export interface Effort {
	readonly rounds: number;
	/** How long one target is called in one round; at least one call is made. */
	readonly roundMs: number;
	readonly mostCalls: number;
}

export const THOROUGH: Effort = { rounds: 12, roundMs: 400, mostCalls: 100 };
export const QUICK: Effort = { rounds: 3, roundMs: 100, mostCalls: 20 };

/** Timings by target name. */
export async function measure(
	client: Client,
	targets: readonly Target[],
	effort: Effort,
): Promise<Map<string, Timing>> {
	const times = new Map<string, number[]>(targets.map(({ name }) => [name, []]));
	const calls = new Map<string, number>();
	for (const target of targets) calls.set(target.name, await warmUp(client, target, effort));
	for (let round = 0; round < effort.rounds; round++) {
		for (const { name, url, body } of targets) {
			for (let call = 0; call < (calls.get(name) ?? 1); call++) times.get(name)?.push(await client.time(url, body));
		}
	}
	return new Map([...times].map(([name, all]) => [name, summary(all)]));
}

/** Calls until the code is compiled, and gives how many calls fill one round. */
async function warmUp(client: Client, { url, body }: Target, { roundMs, mostCalls }: Effort): Promise<number> {
	const begun = performance.now();
	const times: number[] = [];
	while (times.length < mostCalls && performance.now() - begun < 3 * roundMs) times.push(await client.time(url, body));
	return Math.max(1, Math.min(mostCalls, Math.floor(roundMs / summary(times).p50)));
}

function summary(times: readonly number[]): Timing {
	const sorted = times.toSorted((a, b) => a - b);
	const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
	return { p50: at(0.5), p99: at(0.99), calls: sorted.length };
}
