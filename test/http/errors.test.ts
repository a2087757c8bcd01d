/** What a call ends with for each code of the catalogue: on the wire its status and message, in the log the code. */

import { once } from 'node:events';
import type { FastifyBaseLogger, FastifyInstance, InjectOptions } from 'fastify';
import { describe, expect, it } from 'vitest';
import { WriteError, type WriteFailure } from '../../src/cluster/writer.ts';
import { Decisions } from '../../src/server/decisions.ts';
import { type ErrorCode, errorCatalogue } from '../../src/server/errors.ts';
import type { ExtenderOptions } from '../../src/server/extender.ts';
import { admin, extender, listening, MIB, podWithClaim, rawCall, recordingLogger, threeNodes } from './support.ts';

interface End {
	readonly status: number;
	readonly error: string;
}
type Call = (logger: FastifyBaseLogger) => Promise<End>;

const json = { 'content-type': 'application/json' };
const good = { Pod: podWithClaim, NodeNames: ['a1'] };

function fail(): never {
	throw new Error('no');
}

/** POST /filter, without a socket. */
function filter(inject: InjectOptions, options: Partial<ExtenderOptions> = {}): Call {
	return async (logger) => {
		const app = extender({ logger, ...options });
		const answer = await app.inject({ method: 'POST', url: '/filter', headers: json, ...inject });
		return { status: answer.statusCode, error: answer.json().Error };
	};
}

/** Bytes to the extender, on a socket. */
function bytes(text: string, prepare: (app: FastifyInstance) => void = () => {}): Call {
	return async (logger) => {
		const { app, port } = await listening({ logger });
		prepare(app);
		const [, status, body] = /^HTTP\/1\.1 (\d+) .*?\r\n\r\n(.*)$/s.exec(await rawCall(port, text)) ?? [];
		return { status: Number(status), error: JSON.parse(body ?? '').Error };
	};
}

/** Node gives a request 30 s, and looks every 30 s; here it says so at once. */
async function timeOut({ server }: FastifyInstance): Promise<void> {
	const [socket] = await once(server, 'connection');
	server.emit('clientError', Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
}

/** A call of the admin service. */
function ask(inject: InjectOptions, findPod = async (): Promise<undefined> => undefined): Call {
	return async (logger) => {
		const explanations = { findPod, explainPod: fail, explainClaim: fail };
		const decisions = new Decisions({ max: 1, ttlSeconds: 1 });
		const answer = await admin({ logger, explanations, decisions, topology: fail }).inject(inject);
		return { status: answer.statusCode, error: answer.json().error };
	};
}

function unread(failure: WriteFailure): Call {
	return ask({ url: POD }, () => Promise.reject(new WriteError(failure, `${failure} by the API server`)));
}

const POD = '/api/v1/explain/pods/shop/web-0';
const LONG = 'x'.repeat(253);
const volumes = Array.from({ length: 257 }, (_, i) => ({
	name: `v${i}`,
	persistentVolumeClaim: { claimName: 'data' },
}));
const deep = `{"Pod":${JSON.stringify(podWithClaim)},"Nodes":{"items":[{"metadata":{"name":"a"},"x":${'['.repeat(1e5)}${']'.repeat(1e5)}}]}}`;

const calls: Readonly<Record<ErrorCode, readonly [message: string | RegExp, call: Call]>> = {
	NOT_HTTP: [/^the request cannot be read: Parse Error: /, bytes('hello\r\n\r\n')],
	HEADERS_TOO_LARGE: [
		/^the request cannot be read: Parse Error: Header overflow/,
		bytes(`GET / HTTP/1.1\r\nX: ${'x'.repeat(1e5)}\r\n\r\n`),
	],
	REQUEST_TIMEOUT: ['the request cannot be read: Request timeout', bytes('GET /', timeOut)],
	WRONG_URL: ["'/%zz' is not a valid url component", filter({ url: '/%zz' })],
	NAME_TOO_LONG: [`'${POD}${LONG}' is exceeding the max param length`, ask({ url: `${POD}${LONG}` })],
	UNKNOWN_PATH: [
		'there is nothing at /x, must be one of /filter, /prioritize, /preempt, /bind',
		filter({ url: '/x', payload: '{}' }),
	],
	WRONG_METHOD: ['/filter takes POST, not GET', filter({ method: 'GET' })],
	WRONG_CONTENT_TYPE: [
		'Content-Type is "text/json", must be application/json',
		filter({ payload: good, headers: { 'content-type': 'text/json' } }),
	],
	WRONG_CONTENT_ENCODING: [
		'Content-Encoding is "gzip", must be left out: send the body as it is',
		filter({ payload: good, headers: { ...json, 'content-encoding': 'gzip' } }),
	],
	BODY_TOO_LARGE: [
		'the body is larger than bodyLimitBytes, which is 1024',
		filter({ payload: ' '.repeat(1025) }, { bodyLimitBytes: 1024 }),
	],
	BODY_UNREADABLE: [
		'Simulated',
		filter({ payload: good, simulate: { error: true, end: false, split: false, close: false } }),
	],
	BODY_WRONG_LENGTH: [
		'the body does not have the length that Content-Length says',
		filter({ payload: good, headers: { ...json, 'content-length': '5' } }),
	],
	BODY_EMPTY: ['the body is empty, must be JSON', filter({})],
	BODY_NOT_JSON: [/^the body is not JSON: Unexpected /, filter({ payload: 'Pod: {}' })],
	BODY_OF_BRACKETS: [
		'the body is little but nested brackets, must be a pod and nodes of a cluster',
		filter({ payload: '['.repeat(2 * MIB) }),
	],
	WRONG_SHAPE: ['Pod is missing, must be a pod', filter({ payload: {} })],
	WRONG_PARAMETER: ['there is no parameter "x"', ask({ url: '/api/v1/decisions?x=1' })],
	NODES_MISSING: [
		'NodeNames and Nodes are both null, one of them must list the nodes to judge',
		filter({ payload: { Pod: podWithClaim } }),
	],
	NODES_TOO_DEEP: [
		'Nodes.items is nested too deeply to be sent back, must be nodes of a cluster',
		filter({ payload: deep }),
	],
	TOO_MANY_CLAIMS: [
		'the pod mounts 257 claims, must be at most 256',
		filter({ payload: { ...good, Pod: { ...podWithClaim, spec: { volumes } } } }),
	],
	NOT_FOUND: ['there is no pod shop/web-0', ask({ url: POD })],
	READ_REFUSED: ['refused by the API server', unread('refused')],
	READ_FAILED: ['transient by the API server', unread('transient')],
	NOT_SYNCED: [
		'topobind has not seen the whole cluster yet, try again soon',
		filter({ payload: good }, { scheduling: threeNodes({ knowledge: () => 'incomplete' }) }),
	],
	OUT_OF_DATE: [
		'topobind is cut off from the API server, what it knows is out of date; /readyz says why',
		filter({ payload: good }, { scheduling: threeNodes({ knowledge: () => 'outdated' }) }),
	],
	FAULT: [
		'topobind failed in filter: no',
		filter({ payload: good }, { mode: 'delegate', scheduling: threeNodes({ filter: fail }) }),
	],
	ADMIN_FAULT: ['no', ask({ url: '/api/v1/topology' })],
};

describe('the catalogue of errors', () => {
	it('has no code that no call ends with', () => {
		expect(Object.keys(calls)).toEqual(Object.keys(errorCatalogue));
	});

	it.each(Object.entries(calls))('%s', async (code, [message, call]) => {
		const { logger, lines } = recordingLogger();
		const { status, error } = await call(logger);
		expect(status).toBe(errorCatalogue[code as ErrorCode].status);
		if (typeof message === 'string') expect(error).toBe(message);
		else expect(error).toMatch(message);
		const refusals = () => lines.filter(({ level }) => level !== 'info');
		await expect.poll(refusals).toEqual([expect.objectContaining({ code, status })]);
	});
});
