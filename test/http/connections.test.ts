/** Keep-alive, shutdown and TLS, on real sockets. */

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildExtender } from '../../src/server/extender.ts';
import { certificate } from './certificates.ts';
import { listening, MIB, podWithClaim, rawCall, threeNodes } from './support.ts';

const filterBody = JSON.stringify({ Pod: podWithClaim, NodeNames: ['a1'] });
const bindBody = JSON.stringify({ PodName: 'p', PodNamespace: 'n', PodUID: '', Node: 'a1' });

interface Reply {
	readonly status: number;
	readonly headers: Readonly<Record<string, unknown>>;
	readonly text: string;
	readonly reused: boolean;
}

function call(port: number, path: string, body: string, agent: Agent): Promise<Reply> {
	const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
	const sent = request({ port, path, method: 'POST', agent, headers });
	sent.end(body);
	return replyTo(sent);
}

async function replyTo(sent: ReturnType<typeof request>): Promise<Reply> {
	const [answer] = await once(sent, 'response');
	let text = '';
	for await (const chunk of answer) text += chunk;
	return { status: answer.statusCode, headers: answer.headers, text, reused: sent.reusedSocket };
}

function keepAliveAgent(): Agent {
	const agent = new Agent({ keepAlive: true, maxSockets: 1 });
	onTestFinished(() => agent.destroy());
	return agent;
}

describe('connections', () => {
	it('stay open for longer than the 90 s for which kube-scheduler reuses them', async () => {
		const { app, port } = await listening();
		expect(app.server.keepAliveTimeout).toBeGreaterThan(90_000);
		const agent = keepAliveAgent();
		const first = await call(port, '/filter', filterBody, agent);
		expect(Number(/timeout=(\d+)/.exec(String(first.headers['keep-alive']))?.[1])).toBeGreaterThan(90);
		expect((await call(port, '/filter', filterBody, agent)).reused).toBe(true);
	});

	it('are not cut by the timeouts of a request while they are idle', async () => {
		const { app, port } = await listening();
		expect(app.server).toMatchObject({ headersTimeout: 30_000, requestTimeout: 60_000 });
		// The same timeouts, a hundred times shorter than the wait.
		app.server.headersTimeout = 10;
		app.server.requestTimeout = 10;
		const agent = keepAliveAgent();
		await call(port, '/filter', filterBody, agent);
		await new Promise((resolve) => setTimeout(resolve, 1000));
		expect(await call(port, '/filter', filterBody, agent)).toMatchObject({ status: 200, reused: true });
	});

	it.each(['/filter', '/nothing'])('serve on after a body that %s refused before it was read', async (path) => {
		const { port } = await listening();
		const head = (target: string, more: string) =>
			`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}\r\n`;
		const next = head('/filter', `Connection: close\r\nContent-Length: ${filterBody.length}\r\n`) + filterBody;
		const body = 'x'.repeat(8 * MIB);
		const announced = head(path, `Content-Length: ${body.length}\r\n`) + body;
		const chunked = `${head(path, 'Transfer-Encoding: chunked\r\n')}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
		for (const refused of [announced, chunked]) {
			const statuses = (await rawCall(port, refused + next)).match(/HTTP\/1\.1 \d+/g);
			expect(statuses).toEqual([path === '/filter' ? 'HTTP/1.1 413' : 'HTTP/1.1 404', 'HTTP/1.1 200']);
		}
	});

	it('carry 5,000 whole nodes of 7.4 KB', async () => {
		const { port } = await listening({ bodyLimitBytes: 64 * MIB });
		const items = Array.from({ length: 5000 }, (_, i) => ({
			metadata: { name: `${i % 2 ? 'a' : 'b'}${i}`, annotations: { padding: 'x'.repeat(7350) } },
		}));
		const body = JSON.stringify({ Pod: podWithClaim, Nodes: { metadata: {}, items }, NodeNames: null });
		expect(body.length).toBeGreaterThan(35 * MIB);
		const { status, text } = await call(port, '/filter', body, keepAliveAgent());
		const answer = JSON.parse(text);
		expect(status).toBe(200);
		expect(answer.Nodes.items).toEqual(items.filter(({ metadata }) => metadata.name.startsWith('a')));
		expect(Object.keys(answer.FailedAndUnresolvableNodes)).toHaveLength(2500);
	});
});

describe('closing', () => {
	it('lets a running call end, then ends its connection at once, and takes no new one', async () => {
		const gate = Promise.withResolvers<void>();
		const started = Promise.withResolvers<void>();
		const bind = () => {
			started.resolve();
			return gate.promise;
		};
		const { app, port } = await listening({ scheduling: threeNodes({ bind }) });
		const agent = keepAliveAgent();
		const running = call(port, '/bind', bindBody, agent);
		await started.promise;
		let closed = false;
		const closing = app.close().then(() => {
			closed = true;
		});
		await new Promise((resolve) => setTimeout(resolve, 50));
		expect(closed).toBe(false);
		await expect(call(port, '/filter', filterBody, new Agent())).rejects.toThrow('ECONNREFUSED');
		gate.resolve();
		expect(await running).toMatchObject({ status: 200, text: '{"Error":""}' });
		const before = performance.now();
		await closing;
		expect(performance.now() - before).toBeLessThan(2000);
	});

	it('answers a call that was on its way', async () => {
		const { app, port } = await listening();
		const socket = connect(port, '127.0.0.1');
		let received = '';
		socket.on('data', (chunk) => {
			received += chunk;
		});
		const ended = once(socket, 'close');
		socket.write('POST /filter HTTP/1.1\r\nHost: x\r\n');
		await once(app.server, 'connection');
		await new Promise((resolve) => setTimeout(resolve, 50));
		const closing = app.close();
		await new Promise((resolve) => setTimeout(resolve, 50));
		socket.write(`Content-Type: application/json\r\nContent-Length: ${filterBody.length}\r\n\r\n${filterBody}`);
		await ended;
		await closing;
		expect(received).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\nconnection: close\r\n/i);
	});

	it('ends idle connections at once', async () => {
		const { app, port } = await listening();
		const agent = keepAliveAgent();
		await call(port, '/filter', filterBody, agent);
		const before = performance.now();
		await app.close();
		expect(performance.now() - before).toBeLessThan(2000);
	});
});

describe('TLS', () => {
	const authority = certificate({ name: 'test authority', authority: true });
	const server = certificate({ name: 'localhost', issuer: authority });
	const client = certificate({ name: 'kube-scheduler', issuer: authority });
	const stranger = certificate({ name: 'kube-scheduler', issuer: certificate({ name: 'other', authority: true }) });

	async function secure(files: Record<string, string>): Promise<number> {
		const folder = mkdtempSync(join(tmpdir(), 'topobind-tls-'));
		onTestFinished(() => rmSync(folder, { recursive: true }));
		const paths = Object.entries(files).map(([field, pem]) => {
			writeFileSync(join(folder, field), pem);
			return [field, join(folder, field)];
		});
		const { port } = await listening({ tls: Object.fromEntries(paths) });
		return port;
	}

	function secureCall(port: number, options: object): Promise<Reply> {
		const headers = { 'content-type': 'application/json' };
		const sent = secureRequest({ port, path: '/filter', method: 'POST', servername: 'localhost', headers, ...options });
		sent.end(filterBody);
		return replyTo(sent);
	}

	const pair = { certFile: server.cert, keyFile: server.key };

	it('is served with the given certificate, and plain HTTP is refused', async () => {
		const port = await secure(pair);
		expect((await secureCall(port, { ca: authority.cert })).status).toBe(200);
		await expect(secureCall(port, {})).rejects.toThrow();
		const plain = await rawCall(port, 'POST /filter HTTP/1.1\r\nHost: x\r\n\r\n');
		expect(plain).not.toContain('200');
	});

	it('with a client authority turns away whoever shows no certificate of it', async () => {
		const port = await secure({ ...pair, clientCAFile: authority.cert });
		const ca = authority.cert;
		expect((await secureCall(port, { ca, cert: client.cert, key: client.key })).status).toBe(200);
		await expect(secureCall(port, { ca })).rejects.toThrow();
		await expect(secureCall(port, { ca, cert: stranger.cert, key: stranger.key })).rejects.toThrow();
	});

	it('names the file that cannot be read', () => {
		const tls = { certFile: '/does/not/exist.pem', keyFile: '/does/not/exist.key' };
		expect(() => buildExtender({ scheduling: threeNodes(), mode: 'companion', bodyLimitBytes: MIB, tls })).toThrow(
			/^tls\.certFile: .*\/does\/not\/exist\.pem/,
		);
	});
});
