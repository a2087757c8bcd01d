// What is looked at all along, from outside of topobind.

import { setTimeout as pause } from 'node:timers/promises';
import type { ApiProxy } from '../../cluster/chaos/api-proxy.ts';
import { BindingCheck } from './bindings.ts';
import { BindCheck } from './binds.ts';
import { ReadinessCheck, type Watched } from './readiness.ts';

/** From its last list to its first answer that knows of it. */
const SYNCING_MS = 1_000;
const LOOK_EVERY_MS = 250;

export class Checks {
	readonly binds: BindCheck;
	readonly bindings = new BindingCheck();
	/** Of the two replicas, and of the cache in this process. */
	readonly readiness: readonly ReadinessCheck[];

	constructor(proxies: readonly (Watched & Pick<ApiProxy, 'observer'>)[], bindTimeoutMs: number) {
		this.binds = new BindCheck(bindTimeoutMs, (replica, since) => this.wasAway(replica, since));
		this.readiness = proxies.map((proxy, i) => {
			const readiness = new ReadinessCheck(NAMES[i] ?? '', proxy);
			const observers = [readiness.observer, this.bindings.observer(i)];
			proxy.observer = (call) => {
				const ends = observers.map((observer) => observer(call));
				return (how) => {
					for (const end of ends) end?.(how);
				};
			};
			return readiness;
		});
	}

	/** Every replica has read all that it reads: of so many kinds. */
	learn(kinds: number): void {
		for (const readiness of this.readiness) readiness.learn(kinds);
	}

	/** The process of a replica is about to end. */
	ending(replica: number): void {
		this.readiness[replica]?.ending();
	}

	/** It has ended, and another is about to begin. */
	restarted(replica: number): void {
		this.readiness[replica]?.restarted();
	}

	wasAway(replica: number, since: number): boolean {
		return since < (this.readiness[replica]?.syncedAt ?? 0) + SYNCING_MS;
	}

	/** Asks for readiness again and again. */
	async lookOn(ask: (replica: number) => Promise<number | undefined>, signal: AbortSignal): Promise<void> {
		const lookOnOne = async (readiness: ReadinessCheck, i: number) => {
			while (!signal.aborted) {
				await readiness.look(() => ask(i));
				await pause(LOOK_EVERY_MS);
			}
		};
		await Promise.all(this.readiness.map(lookOnOne));
	}

	get problems(): string[] {
		const all = [this.binds, this.bindings, ...this.readiness];
		return [...all.flatMap(({ problems }) => problems.all), ...this.binds.overdue];
	}
}

const NAMES = ['replica 0', 'replica 1', 'the cache'];
