/** Results as Markdown. */

import { readFileSync, writeFileSync } from 'node:fs';

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
	return [line(header), line(header.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** Three significant digits are more than a shared machine can tell. */
export function ms(value: number): string {
	return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}

export function ratio(value: number, floor: number): string {
	return `${(value / floor).toFixed(2)} ×`;
}

export function bytes(count: number): string {
	return count < 1e6 ? `${Math.round(count / 1e3)} KB` : `${(count / 1e6).toFixed(1)} MB`;
}

/** Replaces what stands between the markers of a file. Throws if it has none. */
export function writeBetweenMarkers(path: string, text: string): void {
	const old = readFileSync(path, 'utf8');
	const begin = old.indexOf(BEGIN);
	const end = old.indexOf(END, begin);
	if (begin < 0 || end < 0) throw new Error(`${path} has no ${BEGIN} … ${END}`);
	writeFileSync(path, `${old.slice(0, begin)}${BEGIN}\n\n${text}\n\n${old.slice(end)}`);
}
