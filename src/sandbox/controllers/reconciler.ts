import type { SandboxLogger } from '../logger.ts';
import type { StoreEvent } from '../store.ts';

/** What a piece of work waits for: one object (`Node node1`), any change to a kind (`ReferenceGrant`), or what a controller tells. */
export type Trigger = string;

/** Thrown where work cannot go on: the message tells a person why, the triggers when it is worth another try. */
export class Hold extends Error {
	readonly triggers: readonly Trigger[];
	/** 'info' where waiting is the usual course of things. */
	readonly level: 'info' | 'warn';

	constructor(message: string, triggers: readonly Trigger[], level: 'info' | 'warn' = 'warn') {
		super(message);
		this.triggers = triggers;
		this.level = level;
	}
}

export interface ReconcilerOptions {
	/** Who speaks in the log. */
	readonly name: string;
	/** How long the work takes, in ms. */
	readonly delayMs: number;
	readonly logger: SandboxLogger;
	/** Brings the object with this key to where it should be. Reads all afresh; throws a Hold where it cannot. */
	readonly reconcile: (key: string) => void;
}

/**
 * Does a controller's work, key by key.
 *
 * - A key that is added while its work is under way is not added again: the work has yet to read.
 * - Work that throws a Hold is done again when one of its triggers changes, and never by the clock.
 */
export class Reconciler {
	readonly #options: ReconcilerOptions;
	readonly #underWay = new Map<string, NodeJS.Timeout>();
	readonly #held = new Map<string, Hold>();
	readonly #byTrigger = new Map<string, Set<string>>();

	constructor(options: ReconcilerOptions) {
		this.#options = options;
	}

	add(key: string): void {
		if (this.#options.delayMs === 0) this.#run(key);
		else if (!this.#underWay.has(key)) this.#runLater(key);
	}

	#runLater(key: string): void {
		const timer = setTimeout(() => {
			this.#underWay.delete(key);
			this.#run(key);
		}, this.#options.delayMs);
		this.#underWay.set(key, timer);
	}

	/** Takes up again what waited for this object. */
	observe({ kind, key }: StoreEvent): void {
		this.wake(kind);
		this.wake(`${kind} ${key}`);
	}

	wake(trigger: Trigger): void {
		for (const key of [...(this.#byTrigger.get(trigger) ?? [])]) this.add(key);
	}

	stop(): void {
		for (const timer of this.#underWay.values()) clearTimeout(timer);
		this.#underWay.clear();
	}

	#run(key: string): void {
		const { name, logger, reconcile } = this.#options;
		const before = this.#release(key);
		try {
			reconcile(key);
		} catch (error) {
			if (error instanceof Hold) {
				this.#hold(key, error);
				if (error.message !== before?.message) logger[error.level]({ controller: name, object: key }, error.message);
			} else {
				logger.error({ controller: name, object: key, err: error }, 'the sandbox failed');
			}
		}
	}

	#hold(key: string, hold: Hold): void {
		this.#held.set(key, hold);
		for (const trigger of hold.triggers) {
			const keys = this.#byTrigger.get(trigger) ?? new Set();
			this.#byTrigger.set(trigger, keys.add(key));
		}
	}

	#release(key: string): Hold | undefined {
		const hold = this.#held.get(key);
		this.#held.delete(key);
		for (const trigger of hold?.triggers ?? []) {
			const keys = this.#byTrigger.get(trigger);
			keys?.delete(key);
			if (keys?.size === 0) this.#byTrigger.delete(trigger);
		}
		return hold;
	}
}
