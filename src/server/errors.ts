/**
 * The catalogue of errors that end a call: stable codes, each with its HTTP status and one message template.
 * docs/configuration.md is tested against it. Headers are those that the extender listener adds.
 */

interface Entry {
	readonly status: number;
	readonly template: string;
	readonly headers?: Readonly<Record<string, string>>;
}

const UNREADABLE = 'the request cannot be read: {problem}';
const SOON = { 'retry-after': '1' };

const CATALOGUE = {
	NOT_HTTP: { status: 400, template: UNREADABLE },
	HEADERS_TOO_LARGE: { status: 431, template: UNREADABLE },
	REQUEST_TIMEOUT: { status: 408, template: UNREADABLE },
	WRONG_URL: { status: 400, template: '{problem}' },
	NAME_TOO_LONG: { status: 414, template: '{problem}' },
	UNKNOWN_PATH: { status: 404, template: 'there is nothing at {path}, {hint}' },
	WRONG_METHOD: { status: 405, template: '{path} takes POST, not {method}', headers: { allow: 'POST' } },
	WRONG_CONTENT_TYPE: { status: 415, template: 'Content-Type is {type}, must be application/json' },
	WRONG_CONTENT_ENCODING: {
		status: 415,
		template: 'Content-Encoding is {encoding}, must be left out: send the body as it is',
	},
	BODY_TOO_LARGE: { status: 413, template: 'the body is larger than {limit}' },
	BODY_UNREADABLE: { status: 400, template: '{problem}' },
	BODY_WRONG_LENGTH: { status: 400, template: 'the body does not have the length that Content-Length says' },
	BODY_EMPTY: { status: 400, template: 'the body is empty, must be JSON' },
	BODY_NOT_JSON: { status: 400, template: 'the body is not JSON: {problem}' },
	BODY_OF_BRACKETS: {
		status: 422,
		template: 'the body is little but nested brackets, must be a pod and nodes of a cluster',
	},
	WRONG_SHAPE: { status: 422, template: '{problem}' },
	WRONG_PARAMETER: { status: 400, template: '{problem}' },
	NODES_MISSING: {
		status: 422,
		template: 'NodeNames and Nodes are both null, one of them must list the nodes to judge',
	},
	NODES_TOO_DEEP: {
		status: 422,
		template: 'Nodes.items is nested too deeply to be sent back, must be nodes of a cluster',
	},
	TOO_MANY_CLAIMS: { status: 422, template: 'the pod mounts {count} claims, must be at most {limit}' },
	NOT_FOUND: { status: 404, template: 'there is no {kind} {name}' },
	READ_REFUSED: { status: 400, template: '{problem}' },
	READ_FAILED: { status: 503, template: '{problem}' },
	NOT_SYNCED: { status: 503, template: 'topobind has not seen the whole cluster yet, {hint}', headers: SOON },
	OUT_OF_DATE: {
		status: 503,
		template: 'topobind is cut off from the API server, what it knows is out of date; /readyz says why',
		headers: SOON,
	},
	FAULT: { status: 500, template: 'topobind failed in {verb}: {problem}' },
	ADMIN_FAULT: { status: 500, template: '{problem}' },
} as const satisfies Readonly<Record<string, Entry>>;

export type ErrorCode = keyof typeof CATALOGUE;

/** Code → what it stands for, as shown in docs/configuration.md. */
export const errorCatalogue: Readonly<Record<ErrorCode, Entry>> = CATALOGUE;

/** What fills a template. */
export type ErrorDetails = Readonly<
	Partial<
		Record<
			'problem' | 'path' | 'hint' | 'method' | 'type' | 'encoding' | 'limit' | 'count' | 'kind' | 'name' | 'verb',
			string | number
		>
	>
>;

/** A call that is not answered with 200. The message tells the caller what was found and what would be right. */
export class CallError extends Error {
	readonly code: ErrorCode;
	readonly statusCode: number;
	readonly headers: Readonly<Record<string, string>>;

	constructor(code: ErrorCode, details: ErrorDetails = {}) {
		const { status, template, headers = {} } = errorCatalogue[code];
		super(template.replace(/\{(\w+)\}/g, (_, name: keyof ErrorDetails) => String(details[name] ?? '?')));
		this.name = 'CallError';
		this.code = code;
		this.statusCode = status;
		this.headers = headers;
	}
}
