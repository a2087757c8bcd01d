import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { PIN_CODES, pinTemplates } from '../../../src/doctor/findings.ts';

const text = readFileSync(new URL('../../../docs/doctor.md', import.meta.url), 'utf8');
const rows = text
	.split('\n')
	.filter((line) => line.startsWith('| `PIN_'))
	.map((line) =>
		line
			.split('|')
			.slice(1, -1)
			.map((cell) => cell.trim()),
	);

it('docs/doctor.md has a row for each code, in the order of the catalogue, and no other', () => {
	expect(rows.map(([code]) => code)).toEqual(PIN_CODES.map((code) => `\`${code}\``));
	for (const row of rows) {
		expect(row).toHaveLength(5);
		expect(row.every((cell) => cell !== '')).toBe(true);
	}
});

it.each(PIN_CODES)('%s: its template names only details that there are', (code) => {
	const names = [...pinTemplates[code].matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
	for (const name of names)
		expect(['node', 'class', 'driver', 'source', 'problem', 'requirement', 'since']).toContain(name);
});
