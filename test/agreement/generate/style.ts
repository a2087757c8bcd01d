/** What sets one generated cluster apart from the next: some are tidy and crowded, others full of oddities. */

import type { Random } from './random.ts';
import { HUGE_SIZES, LARGE_SIZES, ODD_SIZES, SIZES, SMALL_SIZES } from './words.ts';

export interface Style {
	/** How often something is invalid, malformed or unusual; 0..1. */
	readonly oddness: number;
	/** Sizes of volumes and requests: with few there are many ties. */
	readonly sizes: readonly string[];
	/** What volumes' affinity looks like. */
	readonly reach: Readonly<Record<'node' | 'zone' | 'any' | 'empty' | 'none', number>>;
	/** One class has dozens of volumes that differ in size and labels only. */
	readonly warehouse: boolean;
	/** Label keys and values that selectors over nodes speak of. */
	readonly words: Readonly<Record<string, readonly string[]>>;
}

export function style(random: Random, words: Style['words']): Style {
	return {
		oddness: random.pick([0.02, 0.1, 0.1, 0.3, 0.6]),
		sizes: random.pick([SIZES, SIZES, SIZES, SIZES.slice(0, 4), ['1Gi'], SMALL_SIZES, LARGE_SIZES]),
		reach: random.pick([
			{ node: 6, zone: 2, any: 2, empty: 0, none: 1 },
			{ node: 1, zone: 6, any: 2, empty: 1, none: 1 },
			{ node: 1, zone: 1, any: 8, empty: 0.3, none: 0.5 },
		]),
		warehouse: random.chance(0.25),
		words,
	};
}

/** `bounded`: it must fit an int64. */
export function size(random: Random, style: Style, bounded: boolean): string {
	if (!random.chance(style.oddness / 3)) return random.pick(style.sizes);
	return random.pick(bounded ? ODD_SIZES : [...ODD_SIZES, ...HUGE_SIZES]);
}
