import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { KubeClient } from '../../../src/cluster/api/client.ts';
import type { Credentials } from '../../../src/cluster/api/credentials.ts';

/** An API server that does only what the test says: the test takes each request in turn and answers it. */
export class FakeApi {
	readonly url: string;
	connections = 0;
	readonly #arrived: Exchange[] = [];
	readonly #waiting: ((exchange: Exchange) => void)[] = [];

	private constructor(url: string) {
		this.url = url;
	}

	/** Ends with the test. */
	static async start(tls?: ServerOptions): Promise<FakeApi> {
		const server = tls ? createTlsServer(tls) : createServer();
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		const { port } = server.address() as AddressInfo;
		const api = new FakeApi(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`);
		server.on('connection', () => {
			api.connections++;
		});
		server.on('request', (request: IncomingMessage, response: ServerResponse) => api.#accept(request, response));
		onTestFinished(async () => {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		});
		return api;
	}

	/** The next request, in order of arrival. */
	next(): Promise<Exchange> {
		const arrived = this.#arrived.shift();
		if (arrived) return Promise.resolve(arrived);
		const { promise, resolve } = Promise.withResolvers<Exchange>();
		this.#waiting.push(resolve);
		return promise;
	}

	async list(): Promise<Exchange> {
		const exchange = await this.next();
		if (exchange.query.has('watch')) throw new Error(`a list was expected, and a watch came: ${exchange.url}`);
		return exchange;
	}

	/** The next request, which is a watch, accepted. */
	async watch(): Promise<Exchange> {
		const exchange = await this.watchRequest();
		exchange.accept();
		return exchange;
	}

	async watchRequest(): Promise<Exchange> {
		const exchange = await this.next();
		if (!exchange.query.has('watch')) throw new Error(`a watch was expected, and a list came: ${exchange.url}`);
		return exchange;
	}

	/** Requests that came and were not taken. */
	get untaken(): string[] {
		return this.#arrived.map((exchange) => exchange.url.href);
	}

	async #accept(request: IncomingMessage, response: ServerResponse): Promise<void> {
		let body = '';
		for await (const chunk of request) body += chunk;
		const exchange = new Exchange(request, response, body);
		const waiting = this.#waiting.shift();
		if (waiting) waiting(exchange);
		else this.#arrived.push(exchange);
	}
}

/** One request, and the means to answer it. */
export class Exchange {
	readonly method: string;
	readonly url: URL;
	readonly query: URLSearchParams;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
	readonly socket: Socket;
	/** Resolves when the connection is gone. */
	readonly closed: Promise<void>;
	readonly #response: ServerResponse;

	constructor(request: IncomingMessage, response: ServerResponse, body: string) {
		this.method = request.method ?? '';
		this.url = new URL(request.url ?? '', 'http://fake');
		this.query = this.url.searchParams;
		this.headers = request.headers;
		this.body = body;
		this.socket = request.socket;
		this.closed = once(response, 'close').then(() => {});
		this.#response = response;
	}

	text(status: number, text: string, headers: Record<string, string> = {}): void {
		this.#response.writeHead(status, headers).end(text);
	}

	json(status: number, body: unknown, headers: Record<string, string> = {}): void {
		this.text(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
	}

	refuse(status: number, reason: string, message = reason, headers: Record<string, string> = {}): void {
		this.json(status, { kind: 'Status', code: status, reason, message }, headers);
	}

	page(items: object[], metadata: { resourceVersion: string; continue?: string }): void {
		this.json(200, { kind: 'ThingList', metadata, items });
	}

	accept(): void {
		this.#response.writeHead(200, { 'content-type': 'application/json' });
		this.#response.flushHeaders();
	}

	event(type: string, object: object): void {
		this.write(`${JSON.stringify({ type, object })}\n`);
	}

	bookmark(resourceVersion: string): void {
		this.event('BOOKMARK', { kind: 'Thing', metadata: { resourceVersion } });
	}

	error(code: number, reason: string, more: object = {}): void {
		this.event('ERROR', { kind: 'Status', code, reason, message: reason, ...more });
	}

	/** Each call is a chunk of its own for the client. */
	write(bytes: string | Buffer): void {
		this.#response.write(bytes);
	}

	/** As a server whose timeoutSeconds are over. */
	end(): void {
		this.#response.end();
	}

	/** As a network that breaks. */
	reset(): void {
		this.socket.resetAndDestroy();
	}
}

export interface FixedCredentials extends Credentials {
	forgotten: number;
}

export function fixedCredentials(server: string, headers: Record<string, string> = {}): FixedCredentials {
	return {
		server,
		forgotten: 0,
		read: async () => ({ server: new URL(server), headers, tls: {} }),
		forget() {
			this.forgotten++;
		},
	};
}

/** A client that is closed when the test ends. */
export function clientFor(server: string, options: { timeoutMs?: number; credentials?: Credentials } = {}): KubeClient {
	const client = new KubeClient({ credentials: fixedCredentials(server), ...options });
	onTestFinished(() => client.close());
	return client;
}

/** What a promise rejects with. */
export function failure(promise: Promise<unknown>): Promise<Error> {
	return promise.then(
		() => new Error('it did not fail'),
		(error) => error,
	);
}
