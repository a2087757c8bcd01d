// Stands between topobind and the API server, counts what is asked, and goes wrong where a test says so.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, createServer as createTlsServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { ControlPlaneInfo } from '../harness/index.ts';
import { decide, type Fault, give, refuse, type Step } from './answers.ts';
import { type Call, type Ended, hasMore, kindOf, type Observer } from './calls.ts';
import { CertificateIdentity, type Identity, TokenIdentity } from './identity.ts';
import { OpenWatch } from './open-watch.ts';
import { writeKubeconfig } from './rotating.ts';

export type { Fault } from './answers.ts';
export type { Call, Observer } from './calls.ts';

export type Rule = (call: Call) => Fault | undefined;

let count = 0;

export interface ApiProxyOptions {
	/** What its client comes with; a token by default. */
	readonly identity?: 'token' | 'certificate';
}

export class ApiProxy {
	/** Points to the proxy; who comes by it is told by `identity`. */
	readonly kubeconfig: string;
	readonly identity: Identity;
	readonly calls: Call[] = [];
	readonly watches = new Set<OpenWatch>();
	/** How much later than the API server says it the watches tell, in ms; for watches that are opened from now on. */
	lagMs = 0;
	/** How many objects the first page of a list may have, whatever its client asks for; for all, nothing. */
	firstPage: number | undefined;
	observer: Observer = () => undefined;
	/** By path, when its last watch ended: epoch milliseconds. */
	readonly closedAt = new Map<string, number>();
	/** Since when it can be reached: epoch milliseconds. */
	upSince = 0;
	readonly #info: ControlPlaneInfo;
	readonly #agent: Agent;
	#server: Server | undefined;
	#port = 0;
	#rule: Rule = () => undefined;
	readonly #waiting = new Set<() => void>();

	private constructor(info: ControlPlaneInfo, options: ApiProxyOptions) {
		const name = `api-proxy-${process.pid}-${count++}`;
		this.#info = info;
		this.kubeconfig = join(info.dir, `${name}.kubeconfig`);
		this.identity = new (options.identity === 'certificate' ? CertificateIdentity : TokenIdentity)(info.dir, name);
		this.#agent = new Agent({ keepAlive: true, ca: readFileSync(info.access.caFile), maxSockets: Infinity });
	}

	static async start(info: ControlPlaneInfo, options: ApiProxyOptions = {}): Promise<ApiProxy> {
		const proxy = new ApiProxy(info, options);
		await proxy.up();
		const { user, serving } = proxy.identity;
		const server = `${serving ? 'https' : 'http'}://127.0.0.1:${proxy.#port}`;
		writeKubeconfig(proxy.kubeconfig, server, serving?.caFile, user);
		return proxy;
	}

	/** What happens to calls from now on; without a rule all pass. */
	set rule(rule: Rule | undefined) {
		this.#rule = rule ?? (() => undefined);
	}

	get writes(): Call[] {
		return this.calls.filter(({ kind }) => kind === 'write');
	}

	/** The open watches of one collection. */
	watchesOf(path: string): OpenWatch[] {
		return [...this.watches].filter((watch) => watch.path === path);
	}

	/** Until the calls so far satisfy the condition. */
	untilCalls(condition: (calls: readonly Call[]) => boolean, timeoutMs = 60_000): Promise<void> {
		return this.#until(() => condition(this.calls), `${condition}`, timeoutMs);
	}

	/** Until the open watches satisfy the condition. */
	untilWatches(condition: (watches: readonly OpenWatch[]) => boolean, timeoutMs = 60_000): Promise<void> {
		return this.#until(() => condition([...this.watches]), `${condition}`, timeoutMs);
	}

	/** Writes another token for the client, and lets in no other from now on. */
	rotateToken(token: string): void {
		if (!(this.identity instanceof TokenIdentity)) throw new Error('this client comes with a certificate');
		this.identity.issue(token);
	}

	get isUp(): boolean {
		return this.#server?.listening === true;
	}

	/** Every connection breaks and none is accepted, as when the API server is restarted. */
	async down(): Promise<void> {
		const closed = once(this.#server as Server, 'close');
		this.#server?.close();
		this.#server?.closeAllConnections();
		await closed;
	}

	async up(): Promise<void> {
		const serve = (incoming: IncomingMessage, outgoing: ServerResponse) => void this.#serve(incoming, outgoing);
		const { serving } = this.identity;
		this.#server = serving ? createTlsServer(tlsOptions(serving), serve) : createServer(serve);
		this.#server.keepAliveTimeout = 120_000;
		this.#server.listen(this.#port, '127.0.0.1');
		await once(this.#server, 'listening');
		this.#port = (this.#server.address() as AddressInfo).port;
		this.upSince = Date.now();
	}

	async stop(): Promise<void> {
		if (this.#server?.listening) await this.down();
		this.#agent.destroy();
	}

	async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
		let ended: ((end: Ended) => void) | undefined;
		const end = (how: Ended) => {
			ended?.(how);
			ended = undefined;
		};
		try {
			const body = await buffer(incoming);
			const call = this.#note(incoming);
			ended = this.observer(call);
			if (!this.identity.accepts(incoming)) {
				end({ status: 401 });
				refuse(outgoing, { status: 401, reason: 'Unauthorized' });
				return;
			}
			const fault = this.#rule(call) ?? {};
			const before = await decide(fault.before);
			if (before) {
				end(endOf(before));
				await give(before, outgoing);
				return;
			}
			const answer = await this.#forward(call, incoming, outgoing, body);
			const { statusCode: status = 502 } = answer;
			if (call.kind === 'watch' && status === 200) {
				await this.#passWatch(call, answer, outgoing);
				return;
			}
			const received = await buffer(answer);
			const after = await decide(fault.after);
			if (after) {
				end(endOf(after));
				await give(after, outgoing, received);
				return;
			}
			end({ status, more: call.kind === 'list' && hasMore(received) });
			outgoing.writeHead(status, answer.headers).end(received);
		} catch {
			// The client has gone, or the API server has: either way its end of the line ends.
			outgoing.destroy();
		} finally {
			end({});
		}
	}

	#note(incoming: IncomingMessage): Call {
		const { pathname: path, searchParams: query } = new URL(incoming.url ?? '/', 'http://proxy');
		const method = incoming.method ?? 'GET';
		const call: Call = { number: this.calls.length + 1, kind: kindOf(method, path, query), method, path, query };
		this.calls.push(call);
		this.#wake();
		return call;
	}

	async #forward(
		call: Call,
		incoming: IncomingMessage,
		outgoing: ServerResponse,
		body: Buffer,
	): Promise<IncomingMessage> {
		const { access } = this.#info;
		const headers = { ...incoming.headers, authorization: `Bearer ${access.tokens.topobind}` };
		const url = new URL(incoming.url ?? '/', access.server);
		const isFirstPage = call.kind === 'list' && !call.query.has('continue');
		if (isFirstPage && this.firstPage) url.searchParams.set('limit', String(this.firstPage));
		const forwarded = request(url, { method: call.method, headers, agent: this.#agent });
		outgoing.once('close', () => forwarded.destroy());
		const answered = once(forwarded, 'response');
		forwarded.end(body);
		const [answer] = await answered;
		return answer;
	}

	async #passWatch(call: Call, answer: IncomingMessage, outgoing: ServerResponse): Promise<void> {
		const watch = new OpenWatch(call.path, outgoing, this.lagMs);
		this.watches.add(watch);
		outgoing.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
		this.#wake();
		try {
			for await (const chunk of answer) watch.pass(chunk);
			watch.end();
		} finally {
			this.watches.delete(watch);
			this.closedAt.set(call.path, Date.now());
			this.#wake();
		}
	}

	async #until(condition: () => boolean, text: string, timeoutMs: number): Promise<void> {
		const timeout = Promise.withResolvers<never>();
		const timer = setTimeout(
			() => timeout.reject(new Error(`nothing in ${timeoutMs} ms made true: ${text}`)),
			timeoutMs,
		);
		try {
			while (!condition()) {
				const change = Promise.withResolvers<void>();
				this.#waiting.add(change.resolve);
				await Promise.race([change.promise, timeout.promise]);
			}
		} finally {
			clearTimeout(timer);
		}
	}

	#wake(): void {
		for (const resolve of this.#waiting) resolve();
		this.#waiting.clear();
	}
}

/** Whoever comes is let in, and told 401 then, as the API server does it. */
function tlsOptions({ pair, authority }: NonNullable<Identity['serving']>) {
	return { cert: pair.cert, key: pair.key, ca: authority, requestCert: true, rejectUnauthorized: false };
}

function endOf(step: NonNullable<Step>): Ended {
	return typeof step === 'string' ? {} : { status: step.status };
}
