/** The command lines of the three commands here. */

import { parseArgs } from 'node:util';

export interface Options {
	readonly seeds: number;
	readonly from: number;
	/** Write what a disagreement shrinks to into fixtures/. */
	readonly save: boolean;
	/** What stands on the command line beside the flags. */
	readonly words: readonly string[];
}

/** A wrong command line; its message says what would be right. */
export class UsageError extends Error {
	override name = 'UsageError';
}

export function readOptions(args: readonly string[], defaultSeeds: number, usage: string): Options {
	const options = {
		seeds: { type: 'string', default: String(defaultSeeds) },
		from: { type: 'string', default: '1' },
		save: { type: 'boolean', default: false },
	} as const;
	try {
		const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
		const { save } = values;
		return { seeds: count('seeds', values.seeds), from: count('from', values.from), save, words: positionals };
	} catch (error) {
		throw new UsageError(`${(error as Error).message}\nusage: ${usage}`);
	}
}

function count(name: string, text: string): number {
	if (/^\d{1,9}$/.test(text)) return Number(text);
	throw new Error(`--${name} is ${JSON.stringify(text)}, must be a whole number`);
}
