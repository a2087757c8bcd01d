import { parseArgs } from 'node:util';

export interface Flags {
	/** How long the trouble lasts. */
	readonly minutes: number;
	readonly seed: number;
}

export class UsageError extends Error {}

const USAGE = 'usage: npm run soak -- [--minutes 10] [--seed N]';
/** Longer than anybody waits; and setTimeout takes no more than 24 days. */
const MOST_MINUTES = 1_440;

/** Throws UsageError. */
export function readFlags(args: readonly string[]): Flags {
	const { minutes, seed } = parse(args);
	return {
		minutes: numberOf(
			'minutes',
			minutes,
			(value) => value > 0 && value <= MOST_MINUTES,
			`above 0, ${MOST_MINUTES} at most`,
		),
		seed: numberOf('seed', seed, (value) => Number.isSafeInteger(value) && value >= 0, 'whole, 0 or more'),
	};
}

function parse(args: readonly string[]): { readonly minutes: string; readonly seed: string } {
	try {
		const { values } = parseArgs({
			args: [...args],
			options: {
				minutes: { type: 'string', default: '10' },
				seed: { type: 'string', default: String(Date.now() % 1_000_000) },
			},
		});
		return values;
	} catch (error) {
		throw new UsageError(`${(error as Error).message}\n${USAGE}`);
	}
}

function numberOf(flag: string, text: string, isRight: (value: number) => boolean, what: string): number {
	const value = text.trim() === '' ? Number.NaN : Number(text);
	if (isRight(value)) return value;
	throw new UsageError(`--${flag} is a number, ${what}, not ${JSON.stringify(text)}\n${USAGE}`);
}
