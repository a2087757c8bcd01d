/** What the HTTP tests share: a pod, a scheduling that knows three nodes, both services, a real socket, raw bytes. */

import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { Writable } from 'node:stream';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type Reason, reason } from '../../src/domain/decision/reasons.ts';
import { type AdminOptions, buildAdmin } from '../../src/server/admin.ts';
import { buildExtender, type ExtenderOptions } from '../../src/server/extender.ts';
import type { Scheduling } from '../../src/server/scheduling.ts';

export const MIB = 1024 * 1024;

export const podWithClaim = {
	metadata: { name: 'web-0', namespace: 'shop', uid: 'uid-web-0' },
	spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-web-0' } }] },
};

export const podWithoutVolumes = {
	metadata: { name: 'idle', namespace: 'shop', uid: 'uid-idle' },
	spec: { volumes: [{ name: 'tmp', emptyDir: {} }] },
};

export const CONFLICT = reason('VOLUME_NODE_AFFINITY', {
	claim: 'data-web-0',
	volume: 'pv-1',
	requirement: 'zone in (a)',
});
export const UNKNOWN = reason('UNKNOWN_NODE');

/** Nodes a… pass, nodes b… are refused, all others are unknown unless their labels say zone=a. */
export function threeNodes(changes: Partial<Scheduling> = {}): Scheduling {
	return {
		filter: (_pod, { names, labelsOf }) => names.map((name) => verdict(name, labelsOf?.(name)?.zone)),
		prioritize: (_pod, { names }) => names.map((name) => (name.startsWith('a') ? 7 : 0)),
		bind: async () => {},
		hasClaims: async () => true,
		knowledge: () => 'current',
		...changes,
	};
}

function verdict(name: string, zone: string | undefined): Reason | undefined {
	if (name.startsWith('a') || zone === 'a') return undefined;
	return name.startsWith('b') ? CONFLICT : UNKNOWN;
}

/** Builds an extender that is closed when the test is done. */
export function extender(options: Partial<ExtenderOptions> = {}): FastifyInstance {
	const app = buildExtender({ scheduling: threeNodes(), mode: 'companion', bodyLimitBytes: 2 * MIB, ...options });
	onTestFinished(async () => {
		app.server.closeAllConnections();
		await app.close();
	});
	return app;
}

/** The same, listening on loopback; gives its port. */
export async function listening(
	options: Partial<ExtenderOptions> = {},
): Promise<{ app: FastifyInstance; port: number }> {
	const app = extender(options);
	await app.listen({ host: '127.0.0.1', port: 0 });
	return { app, port: portOf(app) };
}

export const watching = { kind: 'Node', synced: true, state: 'watching' } as const;

/** Builds an admin service that has synced, and is closed when the test is done. */
export function admin(options: Partial<AdminOptions> = {}): FastifyInstance {
	const app = buildAdmin({
		ready: () => ({ synced: true, ready: true, watches: [watching] }),
		metrics: { contentType: 'text/plain; version=0.0.4', render: async () => 'topobind_x 1\n' },
		version: '1.2.3',
		...options,
	});
	onTestFinished(() => app.close());
	return app;
}

export function portOf(app: FastifyInstance): number {
	return (app.server.address() as AddressInfo).port;
}

export interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, unknown>>;
	// biome-ignore lint/suspicious/noExplicitAny: what a test expects of the body is what it checks.
	readonly body: any;
}

/** POSTs without a socket; a string or Buffer goes out as it is. */
export async function post(app: FastifyInstance, verb: string, body: unknown, headers = {}): Promise<Answer> {
	const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
	const answer = await app.inject({
		method: 'POST',
		url: `/${verb}`,
		payload,
		headers: { 'content-type': 'application/json', ...headers },
	});
	return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(answer.body) };
}

/** Writes bytes to a socket and gives all that comes back until the peer ends it. */
export async function rawCall(port: number, bytes: string, { end = false } = {}): Promise<string> {
	const socket = connect(port, '127.0.0.1');
	await once(socket, 'connect');
	let received = '';
	socket.on('data', (chunk) => {
		received += chunk;
	});
	if (end) socket.end(bytes);
	else socket.write(bytes);
	await once(socket, 'close');
	return received;
}

/** A logger whose lines can be read. */
export function recordingLogger(level = 'debug'): { logger: FastifyBaseLogger; lines: Record<string, unknown>[] } {
	const lines: Record<string, unknown>[] = [];
	const stream = new Writable({
		write(chunk, _encoding, done) {
			lines.push(JSON.parse(String(chunk)));
			done();
		},
	});
	return { logger: pino({ level, formatters: { level: (label) => ({ level: label }) } }, stream), lines };
}
