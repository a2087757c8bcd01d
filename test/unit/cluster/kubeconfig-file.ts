import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** The path of a kubeconfig for this server, without credentials; it is there until the test ends. */
export async function kubeconfigFile(server: string): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
	onTestFinished(() => rm(folder, { recursive: true }));
	const path = join(folder, 'config');
	const config = {
		apiVersion: 'v1',
		kind: 'Config',
		'current-context': 'c',
		clusters: [{ name: 'c', cluster: { server } }],
		users: [{ name: 'c', user: {} }],
		contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
	};
	await writeFile(path, JSON.stringify(config));
	return path;
}
