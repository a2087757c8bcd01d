// Trouble for so long, then the verdict. Every step is bounded: one that stalls ends the soak, and says so.

import { setTimeout as pause } from 'node:timers/promises';
import type { Topobind } from '../cluster/topobind.ts';
import { within } from './bounded.ts';
import { ByHand } from './by-hand.ts';
import { Churn } from './churn.ts';
import type { Flags } from './flags.ts';
import type { Ground } from './ground.ts';
import { grown, type Memory, memoryOf } from './memory.ts';
import { Random } from './random.ts';
import { bindsOf, told } from './report.ts';
import { settle } from './settle.ts';
import { neverCame, Trouble } from './trouble/trouble.ts';

const CHURN_EVERY_MS = 100;
const TROUBLE_EVERY_MS = 1_000;
const BY_HAND_EVERY_MS = 5_000;
/** Pods that come last, so that some wait when trouble is over. */
const CROWD = 15;
const TELL_EVERY_MS = 30_000;
/** The longest steps: a process that ends slowly and one that begins slowly, a node until it is ready. */
const STEP_MS = 120_000;
/** Several times the patience that each of its steps may need. */
const SETTLE_MS = 600_000;
/** A busy replica answers later, a hung one never. */
const READYZ_MS = 15_000;

export class Soak {
	readonly churn: Churn;
	readonly trouble: Trouble;
	readonly byHand: ByHand;
	readonly ground: Ground;
	readonly #flags: Flags;
	readonly #survivor: Topobind;
	readonly #memory: Memory[] = [];
	readonly #began = Date.now();
	#over = false;

	constructor(ground: Ground, flags: Flags) {
		this.ground = ground;
		this.#flags = flags;
		this.#survivor = ground.topobinds[1] as Topobind;
		this.churn = new Churn(ground, new Random(flags.seed));
		this.trouble = new Trouble(ground, new Random(flags.seed + 1));
		this.byHand = new ByHand(ground, this.churn, new Random(flags.seed + 2));
	}

	/** What is wrong, nothing at the best. Rejects where it cannot go on. */
	async run(): Promise<string[]> {
		const looking = new AbortController();
		const looks = this.ground.checks.lookOn((replica) => this.#askReady(replica), looking.signal);
		const telling = setInterval(() => console.log(`${this.#seconds()} s: ${told(this)}`), TELL_EVERY_MS);
		try {
			return await Promise.race([this.#runThrough(), looks.then(() => [])]);
		} catch (error) {
			for (const problem of this.#problems) console.error(problem);
			throw error;
		} finally {
			this.#over = true;
			looking.abort();
			clearInterval(telling);
		}
	}

	async #runThrough(): Promise<string[]> {
		await this.#suffer(Date.now() + this.#flags.minutes * 60_000);
		console.log(`${this.#seconds()} s: trouble is over; ${told(this)}`);
		const settled = await within(SETTLE_MS, () => 'settling', settle(this.ground, this.churn));
		await this.#measure();
		const tooQuiet = neverCame(this.trouble.missing, this.#flags.minutes);
		const problems = [...settled, ...grown(this.#memory), ...tooQuiet, ...this.#problems];
		if (!this.#survivor.process.alive()) problems.push('the replica that was never killed has ended');
		await this.#report();
		return problems;
	}

	async #suffer(until: number): Promise<void> {
		await this.#measure();
		this.trouble.begin();
		const isOver = () => this.#over || Date.now() >= until;
		const repeat = async (what: () => string, step: () => Promise<void>, everyMs: number) => {
			while (!isOver()) {
				await within(STEP_MS, what, step());
				await pause(everyMs);
			}
		};
		const measureLater = async () => {
			await pause((until - Date.now()) / 3);
			if (!isOver()) await this.#measure();
		};
		const { churn, trouble, byHand, ground } = this;
		await Promise.all([
			repeat(
				() => `churn (${churn.doing})`,
				() => ground.exclusively(() => churn.step()),
				CHURN_EVERY_MS,
			),
			repeat(
				() => `trouble (${trouble.doing})`,
				() => trouble.step(),
				TROUBLE_EVERY_MS,
			),
			repeat(
				() => 'a bind by hand',
				() => byHand.step(),
				BY_HAND_EVERY_MS,
			),
			measureLater(),
		]);
		await within(STEP_MS, () => 'the last pods', churn.crowd(CROWD));
		await within(STEP_MS, () => 'the end of the trouble', trouble.end());
	}

	/** Found so far. */
	get #problems(): string[] {
		return [...this.ground.checks.problems, ...this.byHand.problems.all];
	}

	async #measure(): Promise<void> {
		this.#memory.push(await within(STEP_MS, () => 'a look at the memory', memoryOf(this.#survivor)));
	}

	/** undefined where nobody can be expected to answer. */
	async #askReady(replica: number): Promise<number | undefined> {
		const { topobinds, cache, checks } = this.ground;
		const { admin } = topobinds[replica] ?? {};
		if (admin === undefined) return cache.readiness().ready ? 200 : 503;
		const began = Date.now();
		try {
			const answer = await fetch(`${admin}/readyz`, { signal: AbortSignal.timeout(READYZ_MS) });
			await answer.text();
			return answer.status;
		} catch (error) {
			if (checks.wasAway(replica, began)) return undefined;
			throw new Error(`replica ${replica} does not say whether it is ready`, { cause: error });
		}
	}

	async #report(): Promise<void> {
		const { churn, trouble, byHand, ground } = this;
		console.log('done:', churn.counts);
		console.log('went wrong:', trouble.counts);
		if (trouble.missing.length > 0) console.log('did not go wrong:', trouble.missing.join(', '));
		console.log('twenty at once:', byHand.counts);
		const { binds, bindings, readiness } = ground.checks;
		console.log('bind calls:', { ...binds.counts, longestMs: binds.longest });
		console.log('Bindings:', { sent: bindings.sent, succeeded: bindings.succeeded });
		for (const { name, counts } of readiness) console.log(`/readyz of ${name}:`, counts);
		console.log('binds of the replica that was never killed:', await bindsOf(this.#survivor));
		console.table(this.#memory.map((each, i) => ({ when: ['start', 'a third', 'end'][i], ...each })));
	}

	#seconds(): number {
		return Math.round((Date.now() - this.#began) / 1_000);
	}
}
