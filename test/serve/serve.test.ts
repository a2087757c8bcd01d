// `topobind serve` from the outside: what a user who follows the README sees, and what a user who errs is told.

import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { run, serve } from './process.ts';

const shell = promisify(execFile);
const cleanups: (() => void)[] = [];
afterEach(() => {
	for (const cleanup of cleanups.splice(0)) cleanup();
});

async function file(name: string, content: string): Promise<string> {
	const path = join(await mkdtemp(join(tmpdir(), 'topobind-serve-')), name);
	await writeFile(path, content);
	return path;
}

function kubeconfig(server: string): string {
	return JSON.stringify({
		apiVersion: 'v1',
		kind: 'Config',
		'current-context': 'c',
		contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
		clusters: [{ name: 'c', cluster: { server } }],
		users: [{ name: 'u', user: { token: 'secret-token' } }],
	});
}

describe('the sandbox, without any flag', () => {
	test('says that it is one, and every curl line that it prints works', async () => {
		const topobind = await serve([]);
		await expect.poll(topobind.stdout).toContain('Ctrl-C ends it');
		expect(topobind.stdout()).toContain('No cluster is touched');
		const lines = topobind
			.stdout()
			.split('\n')
			.filter((line) => line.trim().startsWith('curl'));
		expect(lines).toHaveLength(6);
		const answers: string[] = [];
		for (const line of lines) answers.push((await shell('sh', ['-c', line.trim()])).stdout);
		const [filter = '', prioritize = '', bind = '', decisions = '', topology = '', metrics = ''] = answers;
		expect(JSON.parse(filter)).toMatchObject({ NodeNames: ['node1'], Error: '' });
		expect(Object.keys(JSON.parse(filter).FailedAndUnresolvableNodes)).toHaveLength(5);
		expect(JSON.parse(prioritize)).toContainEqual({ Host: 'node1', Score: 10 });
		expect(JSON.parse(bind)).toEqual({ Error: '' });
		expect(JSON.parse(decisions).decisions[0]).toMatchObject({ pod: 'local-pod', passed: 1 });
		expect(JSON.parse(topology).keys.rack).toEqual({ rack1: 2, rack2: 2, rack3: 2 });
		expect(metrics).toContain('topobind_binds_total{result="bound"} 1');
		const explained = await (await fetch(`${topobind.admin}/api/v1/explain/pvcs/default/local-pvc`)).json();
		expect(explained).toMatchObject({ state: 'bound', volume: 'local-pv', nodes: { feasible: 1 } });
	});

	test('ends with 0 at SIGTERM', async () => {
		const topobind = await serve([]);
		topobind.signal('SIGTERM');
		expect((await topobind.ended).code).toBe(0);
	});
});

describe('bad input is told with the right exit code', () => {
	test('an unknown command or flag: 2, with the nearest', async () => {
		expect(await run(['server'])).toMatchObject({
			code: 2,
			stderr: expect.stringContaining('unknown command "server"'),
		});
		const outcome = await run(['serve', '--kubeconfg', 'x']);
		expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean --kubeconfig?') });
	});

	test('a configuration with unknown fields: 2, each named', async () => {
		const path = await file(
			'config.yaml',
			'apiVersion: topobind.dev/v1alpha1\nkind: TopobindConfiguration\nlistn: x\nbind: {timeoutSecs: 3}\n',
		);
		const { code, stderr } = await run(['serve', '--config', path]);
		expect(code).toBe(2);
		expect(stderr).toContain('did you mean listen?');
		expect(stderr).toContain('did you mean bind.timeoutSeconds?');
	});

	test('a manifest with a typo: 2, with file, document and field', async () => {
		const path = await file(
			'volumes.yaml',
			'apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: local-pv}\nspec: {nodeAffinty: {}}\n',
		);
		const { code, stderr } = await run(['serve', '--manifests', path]);
		expect(code).toBe(2);
		expect(stderr).toContain(path);
		expect(stderr).toMatch(/document 1 .*local-pv.*nodeAffinty.*did you mean .*nodeAffinity/);
	});

	test('a manifest that is not there: 2', async () => {
		const { code, stderr } = await run(['serve', '--manifests', '/nowhere/at-all.yaml']);
		expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('/nowhere/at-all.yaml') });
	});

	test('a kubeconfig that is missing or no kubeconfig: 2', async () => {
		const missing = await run(['serve', '--kubeconfig', '/nowhere/config']);
		expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('/nowhere/config') });
		const path = await file('config', 'not: [a kubeconfig');
		expect(await run(['serve', '--kubeconfig', path])).toMatchObject({
			code: 2,
			stderr: expect.stringContaining(path),
		});
	});

	test('TLS files that are not there: 2', async () => {
		const path = await file(
			'config.yaml',
			'apiVersion: topobind.dev/v1alpha1\nkind: TopobindConfiguration\ntls: {certFile: /nowhere/cert, keyFile: /nowhere/key}\n',
		);
		const { code, stderr } = await run(['serve', '--config', path]);
		expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('/nowhere/') });
	});

	test('a cluster that is not there: 3, without the token', async () => {
		const { code, stderr, stdout } = await run([
			'serve',
			'--kubeconfig',
			await file('config', kubeconfig('http://127.0.0.1:9')),
		]);
		expect(code).toBe(3);
		expect(stderr).toContain('cannot reach the API server at http://127.0.0.1:9');
		expect(stderr + stdout).not.toContain('secret-token');
	});

	test('credentials that the cluster refuses: 3, in the words of the API server', async () => {
		const server = createServer((_request, response) => {
			response
				.writeHead(401, { 'content-type': 'application/json' })
				.end(JSON.stringify({ kind: 'Status', code: 401, message: 'Unauthorized' }));
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		cleanups.push(() => server.close());
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		const { code, stderr } = await run(['serve', '--kubeconfig', await file('config', kubeconfig(url))]);
		expect({ code, stderr }).toMatchObject({ code: 3, stderr: expect.stringContaining('Unauthorized') });
	});

	test('a port in use: 1, with the flag that sets another', async () => {
		const first = await serve([]);
		const taken = new URL(first.extender).host;
		const { code, stderr } = await run(['serve', '--listen', taken, '--admin-listen', '127.0.0.1:0']);
		expect(code).toBe(1);
		expect(stderr).toContain(`cannot listen on ${taken}: the port is in use; --listen HOST:PORT sets another`);
	});
});
