import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Flag, serveFlags } from '../../../src/config/flags.ts';
import { allFields } from '../../../src/config/problems.ts';
import { configSchema, type FieldSchema } from '../../../src/config/schema.ts';
import { errorCatalogue } from '../../../src/server/errors.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { load } from './inputs.ts';

const text = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

/** The rows of every table, as cells without code marks. */
const rows = text
	.split('\n')
	.filter((line) => line.startsWith('| '))
	.map((line) =>
		line
			.split('|')
			.slice(1, -1)
			.map((cell) => cell.trim().replaceAll('`', '')),
	);

const row = (name: string) => rows.find(([first]) => first === name);

/** The schema at a dotted path; `<name>` is any free key. */
function schemaAt(path: readonly (string | number)[]): FieldSchema {
	return path.reduce<FieldSchema>((schema, step) => {
		const next = step === '<name>' ? schema.additionalProperties : schema.properties?.[step];
		return next || {};
	}, configSchema);
}

const root = new URL('../../../', import.meta.url);
const namesIn = (...globs: string[]) =>
	globSync(globs, { cwd: root }).flatMap((path) => readFileSync(new URL(path, root), 'utf8').match(OWN) ?? []);
const OWN = /\btopobind\.dev\/[a-z][a-z-]+\b(?!\d)/g;

it('annotations and labels of our own are called in docs and manifests as they are in the code', () => {
	const known = new Set(namesIn('src/**/*.ts', 'manifests/**/networkpolicy.yaml'));
	expect(namesIn('docs/**/*.md', 'README.md', 'manifests/**/*.yaml').filter((name) => !known.has(name))).toEqual([]);
});

describe('docs/configuration.md', () => {
	const leaves = allFields(configSchema).filter((path) => schemaAt(path).type !== 'object');

	it.each(leaves.map((path) => [path.join('.'), schemaAt(path)] as const))('tells of %s', (name, schema) => {
		const [, byDefault, range] = row(name) ?? [];
		if (schema.default !== undefined) expect(byDefault).toBe(String(schema.default));
		if (schema.enum !== undefined) expect(range).toBe(schema.enum.join(', '));
		if (schema.minimum !== undefined) expect(range).toContain(`${schema.minimum} to ${schema.maximum}`);
		if (schema.unit !== undefined) expect(range).toContain(schema.unit);
		expect(row(name)).toHaveLength(4);
	});

	it('has no field that does not exist', () => {
		const start = rows.findIndex(([first]) => first === 'field');
		const documented = rows
			.slice(
				start + 1,
				rows.findIndex(([first]) => first === 'code'),
			)
			.map(([name]) => name);
		expect(documented).toEqual(leaves.map((path) => path.join('.')));
	});

	it.each(Object.entries<Flag>(serveFlags))('tells of --%s', (name, flag) => {
		const found = rows.find(([first]) => first?.startsWith(`--${name}`));
		expect(found?.[0]).toBe(
			`--${name}${flag.argument ? ` ${flag.argument}` : ''}${flag.short ? `, -${flag.short}` : ''}`,
		);
		expect(found?.[1]?.split(' ')[0]).toBe(flag.env ?? '');
	});

	it('has an example that works', () => {
		const example = /```yaml\n(.*?)```/s.exec(text)?.[1] ?? '';
		expect(load({ text: example }).sources.drivers).toEqual({
			'local.csi.example.com': { snapshots: 'source-volume' },
		});
	});

	it('has a row for each error that ends a call, in the order of the catalogue, and no other', () => {
		const start = rows.findIndex(([, second]) => second === 'status');
		const documented = rows
			.slice(
				start + 1,
				rows.findIndex(([first]) => first === 'metric'),
			)
			.map(([code, status, template]) => [code, status, template]);
		const actual = Object.entries(errorCatalogue).map(([code, entry]) => [code, `${entry.status}`, entry.template]);
		expect(documented).toEqual(actual);
	});

	it('lists every metric with its kind and labels', () => {
		const { registry } = createMetrics({ version: '1', mode: 'companion' });
		const actual = registry.getMetricsAsArray().map((metric) => {
			const { name, type, labelNames } = metric as unknown as { name: string; type: string; labelNames: string[] };
			return [name, type, labelNames.join(', ')];
		});
		const documented = rows.filter(([name]) => name?.startsWith('topobind_')).map((cells) => cells.slice(0, 3));
		expect(documented).toEqual(actual);
	});
});
