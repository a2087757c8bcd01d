/** Which files a list of paths means. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Problems } from './problems.ts';

const MANIFEST = /\.(?:ya?ml|json)$/;
/** Instructions to kustomize, not objects of a cluster. */
const KUSTOMIZATION = /^kustomization\.ya?ml$/;

/** Files as named; folders with all below them, in the order of their names. Each file once. */
export async function findManifests(paths: readonly string[], problems: Problems): Promise<string[]> {
	const files = new Set<string>();
	for (const path of paths) {
		try {
			for (const file of await filesOf(path, problems)) files.add(file);
		} catch (error) {
			problems.add(`${path}: ${(error as Error).message}`);
		}
	}
	return [...files];
}

async function filesOf(path: string, problems: Problems): Promise<string[]> {
	const kind = await kindOf(path);
	if (kind === 'file') return [path];
	const found = kind === 'folder' ? await filesBelow(path) : [];
	if (kind === undefined) problems.add(`${path}: no such file or folder`);
	else if (found.length === 0) problems.add(`${path}: no .yaml, .yml or .json file in this folder`);
	return found;
}

async function filesBelow(folder: string): Promise<string[]> {
	const names = (await readdir(folder)).sort();
	const found: string[] = [];
	for (const name of names) {
		// A mounted ConfigMap keeps its older versions in folders that begin with a dot.
		if (name.startsWith('.') || KUSTOMIZATION.test(name)) continue;
		const path = join(folder, name);
		const kind = await kindOf(path);
		if (kind === 'folder') found.push(...(await filesBelow(path)));
		else if (kind === 'file' && MANIFEST.test(name)) found.push(path);
	}
	return found;
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
	try {
		return (await stat(path)).isDirectory() ? 'folder' : 'file';
	} catch (error) {
		if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
		throw error;
	}
}
