/** Random choices, the same for the same seed on every machine. */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	/** 0 ≤ x < 1. */
	next(): number {
		// A counter through a mixing function: neighbouring seeds have nothing in common.
		this.#state = (this.#state + 0x9e3779b9) >>> 0;
		let mixed = this.#state;
		mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
		mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
		return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
	}

	chance(probability: number): boolean {
		return this.next() < probability;
	}

	/** low ≤ n ≤ high. */
	between(low: number, high: number): number {
		return low + Math.floor(this.next() * (high - low + 1));
	}

	pick<T>(choices: readonly T[]): T {
		if (choices.length === 0) throw new Error('nothing to pick from');
		return choices[Math.floor(this.next() * choices.length)] as T;
	}

	/** One of the keys, as often as its weight says. */
	weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
		const entries = Object.entries<number>(weights) as [K, number][];
		let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
		for (const [key, weight] of entries) {
			left -= weight;
			if (left < 0) return key;
		}
		return (entries.at(-1) as [K, number])[0];
	}

	/** Each choice with this probability, in their order. */
	some<T>(choices: readonly T[], probability: number): T[] {
		return choices.filter(() => this.chance(probability));
	}

	/** `{[key]: value}` with this probability, else nothing: to spread into an object. */
	maybe<T>(probability: number, key: string, value: () => T): Record<string, T> {
		return this.chance(probability) ? { [key]: value() } : {};
	}
}
