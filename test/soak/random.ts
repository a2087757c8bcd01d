/** The same choices again from the same seed. */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	/** In [0, 1): mulberry32. */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let t = this.#state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	}

	chance(probability: number): boolean {
		return this.next() < probability;
	}

	below(limit: number): number {
		return Math.floor(this.next() * limit);
	}

	pick<T>(values: readonly T[]): T | undefined {
		return values[this.below(values.length)];
	}

	/** A key, as often as its weight says. */
	weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
		const entries = Object.entries(weights) as [K, number][];
		let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
		for (const [key, weight] of entries) {
			left -= weight;
			if (left < 0) return key;
		}
		return (entries.at(-1) as [K, number])[0];
	}
}
