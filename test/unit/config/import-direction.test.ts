/** biome.json holds the direction of imports: tried on every pair of layers, in a folder of its own. */

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What each layer may import, beside itself. */
const allowed: Record<string, string[]> = {
	domain: [],
	cluster: ['domain', 'config', 'telemetry'],
	sandbox: ['domain', 'cluster', 'config', 'telemetry'],
	binder: ['domain', 'cluster', 'config', 'telemetry'],
	doctor: ['domain', 'cluster', 'config', 'telemetry'],
	nudge: ['domain', 'cluster', 'config', 'telemetry'],
	explain: ['domain', 'cluster', 'config', 'telemetry'],
	notices: ['domain', 'cluster', 'explain', 'config', 'telemetry'],
	ui: ['domain', 'explain', 'config', 'telemetry'],
	server: [
		'domain',
		'cluster',
		'sandbox',
		'binder',
		'doctor',
		'nudge',
		'notices',
		'explain',
		'ui',
		'config',
		'telemetry',
	],
	cli: [
		'domain',
		'cluster',
		'sandbox',
		'binder',
		'doctor',
		'nudge',
		'notices',
		'explain',
		'ui',
		'server',
		'config',
		'telemetry',
	],
	config: ['domain'],
	telemetry: ['domain', 'config'],
};
const layers = Object.keys(allowed);
const outside = ['fastify', '@kubernetes/client-node', 'node:fs', 'node:fs/promises', 'node:http', 'pino', 'undici'];

const folder = mkdtempSync(join(tmpdir(), 'topobind-imports-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Pairs `from>to` that the linter refused. */
function refusedPairs(): Set<string> {
	copyFileSync(join(root, 'biome.json'), join(folder, 'biome.json'));
	for (const layer of layers) {
		mkdirSync(join(folder, 'src', layer, 'inner'), { recursive: true });
		const targets = [...layers.map((to) => [to, `../../${to}/x.ts`]), ...outside.map((to) => [to, to])];
		for (const [index, [, path]] of targets.entries()) {
			writeFileSync(join(folder, 'src', layer, 'inner', `${index}.ts`), `export * from '${path}';\n`);
		}
	}
	const biome = join(root, 'node_modules', '.bin', 'biome');
	const args = [
		'lint',
		'--only=style/noRestrictedImports',
		'--max-diagnostics=none',
		'--vcs-use-ignore-file=false',
		'--reporter=github',
		'src',
	];
	const { stdout } = spawnSync(biome, args, { cwd: folder, encoding: 'utf8' });
	const pairs = [...stdout.matchAll(/file=\S*src\/(\w+)\/inner\/(\d+)\.ts/g)].map(
		([, layer, index]) => `${layer}>${[...layers, ...outside][Number(index)]}`,
	);
	return new Set(pairs);
}

describe('the direction of imports', () => {
	const refused = refusedPairs();

	it.each(layers)('%s', (layer) => {
		const refusedLayers = layers.filter((to) => refused.has(`${layer}>${to}`));
		expect(refusedLayers).toEqual(layers.filter((to) => to !== layer && !allowed[layer]?.includes(to)));
	});

	it('keeps libraries and I/O out of the domain alone', () => {
		expect(outside.filter((to) => refused.has(`domain>${to}`))).toEqual(outside);
		expect(outside.filter((to) => layers.some((layer) => layer !== 'domain' && refused.has(`${layer}>${to}`)))).toEqual(
			[],
		);
	});
});
