/** Clusters on which the two once disagreed, kept as manifests. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';
import type { Manifest } from '../manifest.ts';
import type { Disagreement } from './compare.ts';

const kept = fileURLToPath(new URL('../fixtures', import.meta.url));

export interface Fixture {
	readonly name: string;
	readonly manifests: readonly Manifest[];
}

export function fixtures(folder: string = kept): Fixture[] {
	const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
	return names.sort().map((name) => ({ name, manifests: readManifests(join(folder, name)) }));
}

export function readManifests(file: string): Manifest[] {
	return parseAllDocuments(readFileSync(file, 'utf8'))
		.map((document) => document.toJS() as Manifest | null)
		.filter((manifest) => manifest !== null);
}

/** Writes the fixture, of a seed or of a manifest file wherever that is, and gives its path, for a person. */
export function saveFixture(
	name: string,
	manifests: readonly Manifest[],
	disagreement: Disagreement,
	folder: string = kept,
): string {
	const file = join(folder, `${basename(name).replace(/\.ya?ml$/, '')}.yaml`);
	const comment = describe(disagreement).map((line) => `# ${line}\n`);
	mkdirSync(folder, { recursive: true });
	writeFileSync(file, `${comment.join('')}${manifestText(manifests)}`);
	return relative(process.cwd(), file);
}

export function manifestText(manifests: readonly Manifest[]): string {
	return manifests.map((manifest) => stringify(manifest, { lineWidth: 0, version: '1.1' })).join('---\n');
}

/** In words, a line each. */
export function describe({ kind, pod, node, theirs, ours }: Disagreement): string[] {
	if (kind === 'failure') return [`topobind fails on pod ${pod}: ${ours}`];
	const said = theirs.length > 0 ? theirs.join('; ') : 'it passes';
	return [`pod ${pod} on node ${node}`, `kube-scheduler: ${said}`, `topobind: ${ours ?? 'it passes'}`];
}
