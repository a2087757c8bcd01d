import type { Flag } from './flags.ts';

/** The flags of a table as lines of a help text, in two columns. */
export function flagHelp(flags: Readonly<Record<string, Flag>>): string {
	const rows = Object.entries(flags).map(([name, flag]) => ({
		left: `${flag.short === undefined ? '    ' : `-${flag.short}, `}--${name}${flag.argument === undefined ? '' : ` ${flag.argument}`}`,
		right: flag.env === undefined ? flag.help : `${flag.help} [${flag.env}]`,
	}));
	const width = Math.max(...rows.map(({ left }) => left.length));
	return rows.map(({ left, right }) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}
