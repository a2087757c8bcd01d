// Stands between topobind and the API server, counts what is asked, and goes wrong where a test says so.

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { ControlPlaneInfo } from '../harness/index.ts';
import { OpenWatch } from './open-watch.ts';

export interface Call {
	/** From 1. */
	readonly number: number;
	readonly kind: 'list' | 'watch' | 'read' | 'write';
	readonly method: string;
	/** Without the query. */
	readonly path: string;
	readonly query: URLSearchParams;
}

/** reset: the connection breaks. silence: nothing comes until the client gives up. cut: half of the answer comes. */
type Breakdown = 'reset' | 'silence' | 'cut';
interface Answer {
	readonly status: number;
	readonly reason?: string;
	readonly headers?: Readonly<Record<string, string>>;
}
type Step = Breakdown | Answer | undefined;

/** What happens to a call. A function is waited for, and may decide then. */
export interface Fault {
	/** Instead of forwarding it. */
	readonly before?: Step | (() => Promise<Step> | Step);
	/** Instead of answering, when the API server has carried it out. */
	readonly after?: Step | (() => Promise<Step> | Step);
}

export type Rule = (call: Call) => Fault | undefined;

let count = 0;

export class ApiProxy {
	/** Points to the proxy; the token in it is the proxy's own, see `rotateToken`. */
	readonly kubeconfig: string;
	readonly calls: Call[] = [];
	readonly watches = new Set<OpenWatch>();
	/** How much later than the API server says it the watches tell, in ms; for watches that are opened from now on. */
	lagMs = 0;
	readonly #info: ControlPlaneInfo;
	readonly #agent: Agent;
	readonly #tokenFile: string;
	#server: Server | undefined;
	#port = 0;
	#rule: Rule = () => undefined;
	#accepted = new Set<string>();
	readonly #waiting = new Set<() => void>();

	private constructor(info: ControlPlaneInfo) {
		const name = `api-proxy-${process.pid}-${count++}`;
		this.#info = info;
		this.kubeconfig = join(info.dir, `${name}.kubeconfig`);
		this.#tokenFile = join(info.dir, `${name}.token`);
		this.#agent = new Agent({ keepAlive: true, ca: readFileSync(info.access.caFile), maxSockets: Infinity });
	}

	static async start(info: ControlPlaneInfo): Promise<ApiProxy> {
		const proxy = new ApiProxy(info);
		await proxy.up();
		proxy.rotateToken('first');
		writeFileSync(proxy.kubeconfig, proxy.#kubeconfig());
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
		this.#accepted = new Set([`Bearer ${token}`]);
		writeFileSync(this.#tokenFile, token);
	}

	/** Every connection breaks and none is accepted, as when the API server is restarted. */
	async down(): Promise<void> {
		const closed = once(this.#server as Server, 'close');
		this.#server?.close();
		this.#server?.closeAllConnections();
		await closed;
	}

	async up(): Promise<void> {
		this.#server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing));
		this.#server.keepAliveTimeout = 120_000;
		this.#server.listen(this.#port, '127.0.0.1');
		await once(this.#server, 'listening');
		this.#port = (this.#server.address() as AddressInfo).port;
	}

	async stop(): Promise<void> {
		if (this.#server?.listening) await this.down();
		this.#agent.destroy();
	}

	async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
		try {
			const body = await buffer(incoming);
			const call = this.#note(incoming);
			if (!this.#accepted.has(incoming.headers.authorization ?? '')) {
				refuse(outgoing, { status: 401, reason: 'Unauthorized' });
				return;
			}
			const fault = this.#rule(call) ?? {};
			if (await interfere(outgoing, await decide(fault.before))) return;
			const answer = await this.#forward(incoming, outgoing, body);
			if (call.kind === 'watch' && answer.statusCode === 200) {
				await this.#passWatch(call, answer, outgoing);
				return;
			}
			const received = await buffer(answer);
			if (await interfere(outgoing, await decide(fault.after), received)) return;
			outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(received);
		} catch {
			// The client has gone, or the API server has: either way its end of the line ends.
			outgoing.destroy();
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

	async #forward(incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer): Promise<IncomingMessage> {
		const { access } = this.#info;
		const headers = { ...incoming.headers, authorization: `Bearer ${access.tokens.topobind}` };
		const { method = 'GET', url = '/' } = incoming;
		const forwarded = request(new URL(url, access.server), { method, headers, agent: this.#agent });
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

	#kubeconfig(): string {
		const name = 'proxy';
		return JSON.stringify({
			apiVersion: 'v1',
			kind: 'Config',
			clusters: [{ name, cluster: { server: `http://127.0.0.1:${this.#port}` } }],
			users: [{ name, user: { tokenFile: this.#tokenFile } }],
			contexts: [{ name, context: { cluster: name, user: name } }],
			'current-context': name,
		});
	}
}

function kindOf(method: string, path: string, query: URLSearchParams): Call['kind'] {
	if (method !== 'GET') return 'write';
	if (query.has('watch')) return 'watch';
	return /\/namespaces\/[^/]+\/[^/]+\/[^/]+$/.test(path) ? 'read' : 'list';
}

async function decide(step: Fault['before']): Promise<Step> {
	return typeof step === 'function' ? step() : step;
}

/** True where the call has got its answer, or never will. */
async function interfere(outgoing: ServerResponse, step: Step, answer: Buffer = Buffer.alloc(0)): Promise<boolean> {
	if (step === undefined) return false;
	if (step === 'reset') outgoing.socket?.resetAndDestroy();
	else if (step === 'silence') await once(outgoing, 'close');
	else if (step === 'cut') cut(outgoing, answer);
	else refuse(outgoing, step);
	return true;
}

function cut(outgoing: ServerResponse, answer: Buffer): void {
	outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
	outgoing.write(answer.subarray(0, answer.length / 2), () => outgoing.destroy());
}

function refuse(outgoing: ServerResponse, { status, reason = '', headers = {} }: Answer): void {
	const body = {
		kind: 'Status',
		apiVersion: 'v1',
		status: 'Failure',
		code: status,
		reason,
		message: `scripted ${status}`,
	};
	outgoing.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
