import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ReasonCode, reason, reasonTemplates } from '../../../src/domain/decision/reasons.ts';

const text = readFileSync(new URL('../../../docs/reasons.md', import.meta.url), 'utf8');
/** Code → the section under its heading. */
const sections = new Map(
	text
		.split(/^## /m)
		.slice(1)
		.map((section) => [section.slice(0, section.indexOf('\n')), section] as const)
		.filter(([heading]) => /^[A-Z_]+$/.test(heading)),
);
const codes = Object.keys(reasonTemplates) as ReasonCode[];

describe('docs/reasons.md', () => {
	it('has a section for each code, in the order of the catalogue, and no other', () => {
		expect([...sections.keys()]).toEqual(codes);
	});

	it.each(codes)('%s: has the template as it is, and says when, what kube-scheduler says and what mends it', (code) => {
		const section = sections.get(code) ?? '';
		expect(/^> (.*)$/m.exec(section)?.[1]).toBe(reasonTemplates[code]);
		for (const label of ['When', 'kube-scheduler says', 'What mends it']) {
			expect(section).toMatch(new RegExp(`^- \\*\\*${label}:\\*\\* \\S`, 'm'));
		}
	});
});

describe('a reason', () => {
	it('fills its template, and shows what is missing', () => {
		expect(reason('NO_STATIC_VOLUME', { claim: 'data', class: 'local', request: '1Gi' }).message).toBe(
			'claim data finds no available volume of class local with 1Gi',
		);
		expect(reason('CLAIM_LOST', { claim: 'data' }).message).toBe('claim data has lost its volume ?');
	});

	it('takes what it is given as it is, not as a pattern', () => {
		expect(reason('CLAIM_MISSING', { claim: '$& {claim} $1' }).message).toBe('claim $& {claim} $1 does not exist');
	});

	it.each(codes)('%s: its template names only details that there are', (code) => {
		const names = [...reasonTemplates[code].matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
		for (const name of names)
			expect(['claim', 'volume', 'class', 'requirement', 'request', 'problem', 'source']).toContain(name);
	});
});
