// `topobind serve` from the outside: what a user who follows the README sees, and what a user who errs is told.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { run, serve } from './process.ts';

const shell = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const cleanups: (() => void)[] = [];
afterEach(() => {
	for (const cleanup of cleanups.splice(0)) cleanup();
});

async function file(name: string, content: string): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), 'topobind-serve-'));
	cleanups.push(() => rmSync(folder, { recursive: true }));
	const path = join(folder, name);
	await writeFile(path, content);
	return path;
}

function endGroup(pid: number): void {
	try {
		process.kill(-pid, 'SIGKILL');
	} catch {
		// Nothing of it runs any more, as it should be.
	}
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

/** Thirty nodes, the last of which has the volume; the first pod asks for what is not there. */
const OWN = [
	...Array.from({ length: 30 }, (_, i) => ({
		apiVersion: 'v1',
		kind: 'Node',
		metadata: { name: `n${i}`, labels: { 'kubernetes.io/hostname': `n${i}` } },
	})),
	{
		apiVersion: 'storage.k8s.io/v1',
		kind: 'StorageClass',
		metadata: { name: 'local' },
		provisioner: 'kubernetes.io/no-provisioner',
		volumeBindingMode: 'WaitForFirstConsumer',
	},
	{
		apiVersion: 'v1',
		kind: 'PersistentVolume',
		metadata: { name: 'disk' },
		spec: {
			capacity: { storage: '1Gi' },
			accessModes: ['ReadWriteOnce'],
			storageClassName: 'local',
			local: { path: '/disk' },
			nodeAffinity: {
				required: {
					nodeSelectorTerms: [
						{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n29'] }] },
					],
				},
			},
		},
	},
	...['2Gi', '1Gi'].flatMap((storage, i) => [
		{
			apiVersion: 'v1',
			kind: 'PersistentVolumeClaim',
			metadata: { name: `data-${i}` },
			spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'local', resources: { requests: { storage } } },
		},
		{
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: { name: i === 0 ? 'stuck' : 'app' },
			spec: {
				containers: [{ name: 'app', image: 'app' }],
				volumes: [{ name: 'data', persistentVolumeClaim: { claimName: `data-${i}` } }],
			},
		},
	]),
];

describe('the sandbox', () => {
	test('says that it is one, and every curl line that it prints works', async () => {
		const topobind = await serve([]);
		await expect.poll(topobind.stdout).toContain('Ctrl-C ends it');
		expect(topobind.stdout()).toContain('No cluster is touched');
		const lines = topobind
			.stdout()
			.split('\n')
			.filter((line) => line.trim().startsWith('curl'));
		expect(lines).toHaveLength(7);
		const answers: string[] = [];
		for (const line of lines) answers.push((await shell('sh', ['-c', line.trim()])).stdout);
		const [filter = '', prioritize = '', why = '', bind = '', decisions = '', topology = '', metrics = ''] = answers;
		expect(JSON.parse(filter)).toMatchObject({ NodeNames: ['node1'], Error: '' });
		expect(Object.keys(JSON.parse(filter).FailedAndUnresolvableNodes)).toHaveLength(5);
		expect(JSON.parse(prioritize)).toContainEqual({ Host: 'node1', Score: 10 });
		expect(JSON.parse(why)).toMatchObject({ pod: 'local-pod', nodes: { examples: ['node1'] } });
		expect(JSON.parse(bind)).toEqual({ Error: '' });
		expect(JSON.parse(decisions).decisions[0]).toMatchObject({ pod: 'local-pod', passed: 1 });
		expect(JSON.parse(topology).keys.rack).toEqual({ rack1: 2, rack2: 2, rack3: 2 });
		expect(metrics).toContain('topobind_binds_total{result="bound"} 1');
		// As a person writes it: who leaves out the UID means the pod that is there, and there must be one.
		const byName = async (PodName: string) => {
			const body = JSON.stringify({ PodName, PodNamespace: 'default', Node: 'node1' });
			const headers = { 'content-type': 'application/json' };
			return (await fetch(`${topobind.extender}/bind`, { method: 'POST', headers, body })).json();
		};
		expect(await byName('local-pod')).toEqual({ Error: '' });
		expect(await byName('no-pod')).toEqual({ Error: 'pod default/no-pod does not exist' });
		const explained = await (await fetch(`${topobind.admin}/api/v1/explain/pvcs/default/local-pvc`)).json();
		expect(explained).toMatchObject({ state: 'bound', volume: 'local-pv', nodes: { feasible: 1 } });
	});

	test("on manifests of one's own: prints lines for a pod that waits in them", async () => {
		const path = await file('own.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: OWN }));
		const topobind = await serve(['--manifests', path]);
		await expect.poll(topobind.stdout).toContain('Ctrl-C ends it');
		expect(topobind.stdout()).toContain(`the manifests of ${path}, in memory`);
		const lines = topobind.stdout().split('\n');
		const line = lines.find((text) => text.includes('/bind ')) as string;
		expect(line).toContain('"PodName":"app"');
		expect(JSON.parse((await shell('sh', ['-c', line.trim()])).stdout)).toEqual({ Error: '' });
	});

	test('is ended with the npm start that began it', async () => {
		const ports = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
		// Nor of a cluster that the tests may run in.
		const { KUBERNETES_SERVICE_HOST: _, ...env } = process.env;
		const npm = spawn('npm', ['start', '--silent', '--', ...ports], { cwd: root, env, detached: true });
		// The whole group, should it fail: a process that outlives its npm would hold its ports for ever.
		cleanups.push(() => endGroup(npm.pid as number));
		let output = '';
		npm.stdout.on('data', (chunk) => {
			output += chunk;
		});
		await expect.poll(() => output, { timeout: 10_000 }).toContain('Ctrl-C ends it');
		const { admin } = JSON.parse(output.split('\n').find((line) => line.includes('"msg":"listening"')) as string);
		npm.kill('SIGTERM');
		// Not before topobind has closed its end of the pipe as well.
		await once(npm, 'close');
		await expect(fetch(`${admin}/livez`)).rejects.toThrow();
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

	test('credentials that the cluster refuses: 3, with whose they are and the words of the API server', async () => {
		const server = createServer((_request, response) => {
			response
				.writeHead(401, { 'content-type': 'application/json' })
				.end(JSON.stringify({ kind: 'Status', code: 401, message: 'Unauthorized' }));
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		cleanups.push(() => server.close());
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		const path = await file('config', kubeconfig(url));
		const { code, stderr } = await run(['serve', '--kubeconfig', path]);
		expect(stderr).toBe(
			`topobind: kubeconfig ${path}, context c, server ${url}: the API server answered 401 to GET /api/v1/nodes: Unauthorized\n`,
		);
		expect(code).toBe(3);
	});

	test('in a pod whose service account does not lead to its cluster: 3, and no sandbox but on purpose', async () => {
		const inPod = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '9' };
		const { code, stdout, stderr } = await run(
			['serve', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'],
			inPod,
		);
		// The second where the tests themselves run in a pod.
		expect(stderr).toMatch(
			/^topobind: (this process runs in a pod, but \/var\/run\/secrets\/.*\/token cannot be read: .* --manifests|cannot reach the API server at https:\/\/127\.0\.0\.1:9 .*)\n$/,
		);
		expect(code).toBe(3);
		expect(stdout).not.toContain('listening');
		const path = await file('own.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: OWN }));
		const topobind = await serve(['--manifests', path], inPod);
		await expect.poll(topobind.stdout).toContain('No cluster is touched');
	});

	test('a port in use: 1, with the flag that sets another', async () => {
		const first = await serve([]);
		const taken = new URL(first.extender).host;
		const { code, stderr } = await run(['serve', '--listen', taken, '--admin-listen', '127.0.0.1:0']);
		expect(code).toBe(1);
		expect(stderr).toContain(`cannot listen on ${taken}: the port is in use; --listen HOST:PORT sets another`);
	});
});
