import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Disagreement } from '../../agreement/compare/compare.ts';
import { fixtures, readManifests, saveFixture } from '../../agreement/compare/fixtures.ts';

const manifests = [
	{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { old: 'no' } } },
	{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'shop', name: 'web' } },
];
const disagreement: Disagreement = { kind: 'verdict', pod: 'shop/web', node: 'n1', theirs: [], ours: 'no volume' };

let root: string;
let folder: string;

beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), 'agreement-fixtures-'));
	folder = join(root, 'fixtures');
});

afterEach(() => rmSync(root, { recursive: true }));

describe('a saved fixture', () => {
	it.each([
		['seed-7', 'seed-7.yaml'],
		['zone.yaml', 'zone.yaml'],
		['sub/zone.yaml', 'zone.yaml'],
		['/elsewhere/zone.yml', 'zone.yaml'],
		['../zone.yaml', 'zone.yaml'],
	])('of %s is %s', (name, expected) => {
		saveFixture(name, manifests, disagreement, folder);
		expect(readdirSync(root, { recursive: true }).sort()).toEqual(['fixtures', join('fixtures', expected)]);
	});

	it('is read again under the name that it has, and takes its own place', () => {
		saveFixture('zone', manifests, disagreement, folder);
		const [read] = fixtures(folder);
		expect(read).toEqual({ name: 'zone.yaml', manifests });
		saveFixture('zone.yaml', manifests.slice(1), disagreement, folder);
		expect(fixtures(folder)).toEqual([{ name: 'zone.yaml', manifests: manifests.slice(1) }]);
	});

	it('says what the two disagreed on, and gives its path', () => {
		const path = saveFixture('zone', manifests, disagreement, folder);
		expect(readManifests(path)).toEqual(manifests);
		const comment = ['# pod shop/web on node n1', '# kube-scheduler: it passes', '# topobind: no volume'];
		expect(readFileSync(path, 'utf8').split('\n').slice(0, 3)).toEqual(comment);
	});
});
