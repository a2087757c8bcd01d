import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { KubeConfigError } from '../../../src/cluster/api/errors.ts';
import { loadKubeConfig } from '../../../src/cluster/api/kubeconfig.ts';
import { FakeApi, failure } from './fake-api.ts';

/** Loading it takes seconds on a busy machine, which is not what a test here is about. */
beforeAll(() => import('@kubernetes/client-node'), 60_000);

function folder(): string {
	const path = mkdtempSync(join(tmpdir(), 'topobind-'));
	onTestFinished(() => rmSync(path, { recursive: true }));
	return path;
}

interface Parts {
	readonly server?: string;
	readonly cluster?: object;
	readonly user?: object;
}

function kubeconfig({ server = 'http://127.0.0.1:1', cluster = {}, user = {} }: Parts) {
	return {
		apiVersion: 'v1',
		kind: 'Config',
		'current-context': 'here',
		contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
		clusters: [{ name: 'c', cluster: { server, ...cluster } }],
		users: [{ name: 'u', user }],
	};
}

function write(path: string, content: unknown): string {
	writeFileSync(path, typeof content === 'string' ? content : stringify(content));
	return path;
}

async function load(options: Parameters<typeof loadKubeConfig>[0]) {
	const loaded = await loadKubeConfig(options);
	onTestFinished(() => loaded.client.close());
	return loaded;
}

/** The Authorization header of one request. */
async function authorization(api: FakeApi, client: Awaited<ReturnType<typeof load>>['client']) {
	const answer = client.request('GET', '/version');
	const request = await api.next();
	request.json(200, {});
	await answer;
	return request.headers.authorization;
}

describe('a kubeconfig that cannot be used is an error that names it and what is wrong', () => {
	const good = kubeconfig({});
	test.each<[string, unknown, string]>([
		['not YAML', 'users: [\n  token: secret\n   x: y', 'is not valid YAML: '],
		['an alias without anchor', 'users: *nobody', 'is not valid YAML: it has an alias'],
		['not a mapping', '- secret', 'is not a mapping'],
		['empty', '', 'is not a mapping'],
		['another kind', { ...good, kind: 'Pod' }, 'its kind is "Pod"'],
		['no current-context', { ...good, 'current-context': '' }, 'has no current-context'],
		['no contexts', { ...good, contexts: null }, 'has no contexts'],
		[
			'an unknown context',
			{ ...good, 'current-context': 'there' },
			'has no context "there", which current-context names; it has "here"',
		],
		['an unknown cluster', { ...good, clusters: [] }, 'has no cluster "c", which context "here" names; it has none'],
		['an unknown user', { ...good, users: [{ name: 'v' }] }, 'has no user "u", which context "here" names; it has "v"'],
		[
			'no cluster in the context',
			{ ...good, contexts: [{ name: 'here', context: {} }] },
			'context "here" names no cluster',
		],
		['no fields', { ...good, clusters: [{ name: 'c' }] }, 'clusters entry "c" has no cluster'],
		['no server', kubeconfig({ server: '' }), 'cluster "c" has no server'],
		['a server that is no URL', kubeconfig({ server: 'ftp://x' }), 'is not an http or https URL'],
		[
			'a missing CA',
			kubeconfig({ server: 'https://x', cluster: { 'certificate-authority': 'no.crt' } }),
			'no.crt: no such file',
		],
		[
			'a broken certificate',
			kubeconfig({ server: 'https://x', user: { 'client-certificate-data': 'c2VjcmV0' } }),
			'TLS material',
		],
	])('%s', async (_, content, message) => {
		const path = write(join(folder(), 'config'), content);
		const error = await loadKubeConfig({ kubeconfig: path }).catch((reason) => reason);
		expect(error).toBeInstanceOf(KubeConfigError);
		expect(error.message).toContain(`kubeconfig ${path} `);
		expect(error.message).toContain(message);
		expect(error.message).not.toContain('secret');
	});

	test('a missing file', async () => {
		const path = join(folder(), 'config');
		await expect(loadKubeConfig({ kubeconfig: path })).rejects.toThrow(
			`kubeconfig ${path} cannot be read: no such file`,
		);
	});

	test('a folder', async () => {
		const path = folder();
		await expect(loadKubeConfig({ kubeconfig: path })).rejects.toThrow('cannot be read: it is a folder');
	});

	test('none at all, outside a cluster', async () => {
		await expect(loadKubeConfig({ root: folder() })).rejects.toThrow('no kubeconfig was given');
	});
});

test('the description tells file and server, and keeps a password in the URL to itself', async () => {
	const path = write(join(folder(), 'config'), kubeconfig({ server: 'http://me:secret@example.test/k8s/' }));
	const { description } = await load({ kubeconfig: path });
	expect(description).toBe(`kubeconfig ${path}, context here, server http://example.test/k8s`);
});

test('what is wrong with other contexts does not matter', async () => {
	const content = kubeconfig({});
	const contexts = [{ name: 'broken' }, null, ...content.contexts];
	await load({ kubeconfig: write(join(folder(), 'config'), { ...content, contexts, users: [{}, ...content.users] }) });
});

test('a context without a user is anonymous', async () => {
	const api = await FakeApi.start();
	const contexts = [{ name: 'here', context: { cluster: 'c' } }];
	const content = { ...kubeconfig({ server: api.url }), contexts, users: null };
	const { client } = await load({ kubeconfig: write(join(folder(), 'config'), content) });
	expect(await authorization(api, client)).toBeUndefined();
});

test.each([
	['a token', { token: 'abc' }, 'Bearer abc'],
	['a user name and password', { username: 'me', password: 'pw' }, `Basic ${btoa('me:pw')}`],
])('%s', async (_, user, expected) => {
	const api = await FakeApi.start();
	const { client } = await load({ kubeconfig: write(join(folder(), 'config'), kubeconfig({ server: api.url, user })) });
	expect(await authorization(api, client)).toBe(expected);
});

test('a token file is relative to the kubeconfig, read for each request, and counts for more than a token', async () => {
	const api = await FakeApi.start();
	const home = folder();
	write(join(home, 'token'), 'one\n');
	const user = { tokenFile: 'token', token: 'old' };
	const { client } = await load({ kubeconfig: write(join(home, 'config'), kubeconfig({ server: api.url, user })) });
	expect(await authorization(api, client)).toBe('Bearer one');
	write(join(home, 'token'), 'two\n');
	expect(await authorization(api, client)).toBe('Bearer two');
	rmSync(join(home, 'token'));
	await expect(client.request('GET', '/version')).rejects.toThrow(/cannot reach .*: no credentials: ENOENT/);
});

test('a kubeconfig that changes is read again; one that is broken for a while is not', async () => {
	const api = await FakeApi.start();
	const path = write(join(folder(), 'config'), kubeconfig({ server: api.url, user: { token: 'one' } }));
	const { client } = await load({ kubeconfig: path });
	expect(await authorization(api, client)).toBe('Bearer one');
	write(path, 'half: [');
	expect(await authorization(api, client)).toBe('Bearer one');
	write(path, kubeconfig({ server: api.url, user: { token: 'second' } }));
	expect(await authorization(api, client)).toBe('Bearer second');
});

describe('an exec plugin', () => {
	/** A plugin that counts its runs in a file and prints the count and what it was told as its token. */
	function plugin(home: string, output = '{"status":{"token":"$(wc -l < runs | tr -d " ")-$INFO"}}'): object {
		const script = `#!/bin/sh
cd ${home}
echo run >> runs
INFO=$(echo "$KUBERNETES_EXEC_INFO" | sed 's/.*"apiVersion":"\\([^"]*\\)".*/\\1/')
cat <<END
${output}
END
`;
		writeFileSync(join(home, 'plugin.sh'), script);
		chmodSync(join(home, 'plugin.sh'), 0o755);
		return { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin.sh', args: [] };
	}

	test('is run once for requests that overlap, and again after a 401', async () => {
		const api = await FakeApi.start();
		const home = folder();
		const user = { exec: plugin(home) };
		const { client } = await load({ kubeconfig: write(join(home, 'config'), kubeconfig({ server: api.url, user })) });
		const answers = [client.request('GET', '/a'), client.request('GET', '/b').catch((error) => error.status)];
		const [first, second] = [await api.next(), await api.next()];
		const expected = 'Bearer 1-client.authentication.k8s.io/v1';
		expect([first.headers.authorization, second.headers.authorization]).toEqual([expected, expected]);
		const refused = first.url.pathname === '/b' ? first : second;
		for (const request of [first, second]) {
			if (request === refused) request.refuse(401, 'Unauthorized');
			else request.json(200, {});
		}
		expect(await Promise.all(answers)).toEqual([{}, 401]);
		expect(await authorization(api, client)).toBe('Bearer 2-client.authentication.k8s.io/v1');
	});

	test('that prints no JSON is told without what it printed', async () => {
		const home = folder();
		const user = { exec: plugin(home, 'secret') };
		const { client } = await load({ kubeconfig: write(join(home, 'config'), kubeconfig({ user })) });
		const error = await failure(client.request('GET', '/x'));
		expect(error.message).toContain('no credentials: the exec plugin did not print JSON');
		expect(inspect(error)).not.toContain('secret');
	});

	test('that does not exist is named', async () => {
		const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-plugin' } };
		const { client } = await load({ kubeconfig: write(join(folder(), 'config'), kubeconfig({ user })) });
		await expect(client.request('GET', '/x')).rejects.toThrow('no-such-plugin');
	});
});

describe('in a cluster', () => {
	function serviceAccount(api: FakeApi): { root: string; tokenFile: string } {
		const root = folder();
		const account = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
		mkdirSync(account, { recursive: true });
		const url = new URL(api.url);
		vi.stubEnv('KUBERNETES_SERVICE_HOST', url.hostname);
		vi.stubEnv('KUBERNETES_SERVICE_PORT', url.port);
		onTestFinished(() => {
			vi.unstubAllEnvs();
		});
		write(join(account, 'ca.crt'), 'a certificate');
		return { root, tokenFile: write(join(account, 'token'), 'pod') };
	}

	test('whose service account cannot be used: which file, and what would help', async () => {
		const { root, tokenFile } = serviceAccount(await FakeApi.start());
		const problem = () => failure(loadKubeConfig({ root }));
		rmSync(join(dirname(tokenFile), 'ca.crt'));
		expect((await problem()).message).toContain(`${join(dirname(tokenFile), 'ca.crt')} cannot be read: ENOENT`);
		write(tokenFile, ' \n');
		expect((await problem()).message).toContain(`${tokenFile} is empty`);
		rmSync(tokenFile);
		const error = await problem();
		expect(error).toMatchObject({ name: 'ServiceAccountError' });
		expect(error.message).toContain(`${tokenFile} cannot be read: ENOENT`);
		expect(error.message).toMatch(/automountServiceAccountToken.* --kubeconfig.* --manifests/);
		vi.stubEnv('KUBERNETES_SERVICE_PORT', '');
		expect((await problem()).message).toContain('KUBERNETES_SERVICE_PORT is not set');
		vi.stubEnv('KUBERNETES_SERVICE_HOST', '');
		expect(await problem()).toMatchObject({
			name: 'KubeConfigError',
			message: 'no kubeconfig was given, and this process does not run in a pod',
		});
	});

	test('the service account is used, and says so', async () => {
		const { root } = serviceAccount(await FakeApi.start());
		const { description } = await load({ root });
		expect(description).toMatch(/^service account of this pod, server https:\/\/127\.0\.0\.1:\d+$/);
	});

	test('a kubeconfig counts for more', async () => {
		const api = await FakeApi.start();
		const { root } = serviceAccount(api);
		const path = write(join(folder(), 'config'), kubeconfig({ server: api.url, user: { token: 'mine' } }));
		const { client } = await load({ root, kubeconfig: path });
		expect(await authorization(api, client)).toBe('Bearer mine');
	});
});
