import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ApiUnreachable } from '../../../src/cluster/api/errors.ts';
import { loadKubeConfig } from '../../../src/cluster/api/kubeconfig.ts';
import { type Exchange, FakeApi } from './fake-api.ts';

let home: string;

function openssl(...args: string[]): void {
	execFileSync('openssl', args, { cwd: home, stdio: 'pipe' });
}

/** `name`.crt and `name`.key, signed by the authority `by`, or by itself. */
function certificate(name: string, by?: string): void {
	const signer =
		by === undefined ? [] : ['-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-addext', 'subjectAltName=IP:127.0.0.1'];
	openssl(
		...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '2'],
		...['-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.crt`, ...signer],
	);
}

const read = (file: string) => readFileSync(join(home, file));

beforeAll(async () => {
	// Takes seconds on a busy machine, which is not what a test here is about.
	await import('@kubernetes/client-node');
	home = mkdtempSync(join(tmpdir(), 'topobind-tls-'));
	certificate('authority');
	certificate('stranger');
	for (const name of ['server', 'first', 'second']) certificate(name, 'authority');
}, 60_000);

afterAll(() => rmSync(home, { recursive: true }));

function fakeApi(): Promise<FakeApi> {
	return FakeApi.start({
		key: read('server.key'),
		cert: read('server.crt'),
		ca: read('authority.crt'),
		requestCert: true,
		rejectUnauthorized: false,
	});
}

function writeConfig(name: string, cluster: object, user: object = {}): string {
	const path = join(home, name);
	const config = {
		'current-context': 'x',
		contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
		clusters: [{ name: 'x', cluster }],
		users: [{ name: 'x', user }],
	};
	writeFileSync(path, JSON.stringify(config));
	return path;
}

async function clientOf(kubeconfig: string) {
	const { client } = await loadKubeConfig({ kubeconfig });
	onTestFinished(() => client.close());
	return client;
}

function clientName(exchange: Exchange): unknown {
	return (exchange.socket as TLSSocket).getPeerCertificate().subject?.CN;
}

test('a new client certificate is used by the next request, while a watch goes on over the old one', async () => {
	const api = await fakeApi();
	const use = (name: string) => {
		for (const end of ['crt', 'key']) copyFileSync(join(home, `${name}.${end}`), join(home, `client.${end}`));
	};
	use('first');
	const cluster = { server: api.url, 'certificate-authority': 'authority.crt' };
	const client = await clientOf(
		writeConfig('files', cluster, { 'client-certificate': 'client.crt', 'client-key': 'client.key' }),
	);
	const opening = client.stream('/things', { watch: true });
	const watch = await api.watch();
	expect(clientName(watch)).toBe('first');
	const chunks = (await opening)[Symbol.asyncIterator]();

	use('second');
	for (let i = 0; i < 2; i++) {
		const answer = client.request('GET', '/version');
		const request = await api.next();
		expect(clientName(request)).toBe('second');
		request.json(200, {});
		await answer;
	}
	watch.write('still here');
	expect(String((await chunks.next()).value)).toBe('still here');
	watch.end();
	expect((await chunks.next()).done).toBe(true);
});

test('a certificate whose key is not replaced yet fails requests, and the next one after the key does not', async () => {
	const api = await fakeApi();
	const put = (name: string, end: string) => copyFileSync(join(home, `${name}.${end}`), join(home, `torn.${end}`));
	for (const end of ['crt', 'key']) put('first', end);
	const cluster = { server: api.url, 'certificate-authority': 'authority.crt' };
	const client = await clientOf(
		writeConfig('torn', cluster, { 'client-certificate': 'torn.crt', 'client-key': 'torn.key' }),
	);
	put('second', 'crt');
	await expect(client.request('GET', '/version')).rejects.toThrow(ApiUnreachable);
	put('second', 'key');
	const answer = client.request('GET', '/version');
	const request = await api.next();
	expect(clientName(request)).toBe('second');
	request.json(200, {});
	await answer;
});

test('a new authority is trusted from the next request on', async () => {
	const api = await fakeApi();
	copyFileSync(join(home, 'stranger.crt'), join(home, 'bundle.crt'));
	const client = await clientOf(writeConfig('rotated', { server: api.url, 'certificate-authority': 'bundle.crt' }));
	await expect(client.request('GET', '/version')).rejects.toThrow(ApiUnreachable);
	copyFileSync(join(home, 'authority.crt'), join(home, 'bundle.crt'));
	const answer = client.request('GET', '/version');
	(await api.next()).json(200, {});
	await answer;
});

test('certificates may stand in the kubeconfig itself, and count for more than files', async () => {
	const api = await fakeApi();
	const data = (file: string) => read(file).toString('base64');
	const client = await clientOf(
		writeConfig(
			'data',
			{ server: api.url, 'certificate-authority-data': data('authority.crt'), 'certificate-authority': 'none' },
			{ 'client-certificate-data': data('first.crt'), 'client-key-data': data('first.key') },
		),
	);
	const answer = client.request('GET', '/version');
	const request = await api.next();
	expect(clientName(request)).toBe('first');
	request.json(200, {});
	await answer;
});

test('a server that the authority did not sign is unreachable, and the error says what is wrong', async () => {
	const api = await fakeApi();
	const client = await clientOf(writeConfig('stranger', { server: api.url, 'certificate-authority': 'stranger.crt' }));
	await expect(client.request('GET', '/version')).rejects.toThrow(
		"the server's certificate is not signed by the configured certificate authority",
	);
	expect(api.untaken).toEqual([]);
});

test('verification can be turned off', async () => {
	const api = await fakeApi();
	const client = await clientOf(writeConfig('insecure', { server: api.url, 'insecure-skip-tls-verify': true }));
	const answer = client.request('GET', '/version');
	(await api.next()).json(200, {});
	expect(await answer).toEqual({});
});

test('a key that is not the certificate’s is found before anything is sent', async () => {
	const user = { 'client-certificate': 'first.crt', 'client-key': 'second.key' };
	const path = writeConfig('mixed', { server: 'https://127.0.0.1:1' }, user);
	await expect(loadKubeConfig({ kubeconfig: path })).rejects.toThrow(/TLS material that cannot be used: .*mismatch/);
});

test('proxy-url: the connection goes through the proxy', async () => {
	const api = await fakeApi();
	const asked: string[] = [];
	const proxy = createServer().listen(0, '127.0.0.1');
	proxy.on('connect', (request, socket) => {
		asked.push(request.url ?? '');
		const { hostname, port } = new URL(`http://${request.url}`);
		const upstream = connect(Number(port), hostname, () => {
			socket.write('HTTP/1.1 200 Connected\r\n\r\n');
			upstream.pipe(socket).pipe(upstream);
		});
		for (const end of [socket, upstream]) end.on('error', () => {});
	});
	await once(proxy, 'listening');
	onTestFinished(() => {
		proxy.close();
	});
	const cluster = {
		server: api.url,
		'certificate-authority': 'authority.crt',
		'proxy-url': `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
	};
	const client = await clientOf(writeConfig('proxy', cluster));
	const answer = client.request('GET', '/version');
	(await api.next()).json(200, {});
	await answer;
	expect(asked).toEqual([new URL(api.url).host]);
});
