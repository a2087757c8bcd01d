import type { Dispatcher } from 'undici';
import type { Credentials } from './credentials.ts';
import { Deadline } from './deadline.ts';
import { ApiError, ApiUnreachable, type Attempt, errorFromResponse } from './errors.ts';
import { Transport } from './transport.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ClientOptions {
	readonly credentials: Credentials;
	/** Limit of a whole request, and of a watch until its headers, in milliseconds. Default 30,000. */
	readonly timeoutMs?: number;
	/** Default `topobind`. */
	readonly userAgent?: string;
}

export interface RequestOptions {
	readonly query?: Query;
	/** Sent as JSON. */
	readonly body?: unknown;
	/** Default `application/json`; patches need another. */
	readonly contentType?: string;
	readonly signal?: AbortSignal;
	/** In milliseconds; default the client's. */
	readonly timeoutMs?: number;
}

/** The part of the client that a reflector needs. */
export type ApiReader = Pick<KubeClient, 'request' | 'stream'>;

/** JSON over HTTP to one API server, all over one pool of connections. */
export class KubeClient {
	readonly #credentials: Credentials;
	readonly #timeoutMs: number;
	readonly #userAgent: string;
	readonly #transport = new Transport();

	constructor(options: ClientOptions) {
		this.#credentials = options.credentials;
		this.#timeoutMs = options.timeoutMs ?? 30_000;
		this.#userAgent = options.userAgent ?? 'topobind';
	}

	/**
	 * Resolves with the parsed body of a 2xx answer. Rejects with ApiError for any other answer, with
	 * ApiUnreachable for none (time is up included), and with the signal's reason once that is aborted.
	 */
	async request<T = unknown>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
		const exchange = new Exchange(
			this.#credentials.server,
			{ method, path },
			options.signal,
			options.timeoutMs ?? this.#timeoutMs,
		);
		try {
			const { body } = await this.#send(exchange, options);
			return parseJson(await body.text()) as T;
		} catch (error) {
			throw exchange.explain(error);
		} finally {
			exchange.deadline.release();
		}
	}

	/**
	 * Opens a watch: resolves once the server has accepted it; rejects as `request` does. The chunks may
	 * be cut anywhere. The iteration ends when the server ends the answer, and throws as `request`
	 * rejects. To leave the loop, or to abort the signal, closes the connection.
	 */
	async stream(path: string, query?: Query, signal?: AbortSignal): Promise<AsyncIterable<Buffer>> {
		const exchange = new Exchange(this.#credentials.server, { method: 'GET', path }, signal, this.#timeoutMs);
		try {
			const { body } = await this.#send(exchange, query ? { query } : {});
			exchange.deadline.lift();
			return chunks(body, exchange);
		} catch (error) {
			exchange.deadline.release();
			throw exchange.explain(error);
		}
	}

	/** Ends every connection; later requests are ApiUnreachable. */
	close(): Promise<void> {
		return this.#transport.close();
	}

	async #send(exchange: Exchange, options: RequestOptions): Promise<Dispatcher.ResponseData> {
		const { attempt, deadline } = exchange;
		const access = await deadline.race(this.#credentials.read());
		// Raced: undici does not abort a request that still waits for its connection.
		const sent = this.#transport.dispatcherFor(access).request({
			origin: access.server.origin,
			path: basePath(access.server) + attempt.path + queryString(options.query),
			method: attempt.method,
			headers: {
				accept: 'application/json',
				'user-agent': this.#userAgent,
				...access.headers,
				...(options.body === undefined ? {} : { 'content-type': options.contentType ?? 'application/json' }),
			},
			body: options.body === undefined ? null : JSON.stringify(options.body),
			signal: deadline.signal,
			// The deadline is the only clock: undici's would end a watch that is merely quiet.
			headersTimeout: 0,
			bodyTimeout: 0,
		});
		const response = await deadline.race(sent);
		const status = response.statusCode;
		if (status >= 200 && status < 300) return response;
		if (status === 401) this.#credentials.forget();
		throw errorFromResponse(attempt, status, await response.body.text(), firstValue(response.headers['retry-after']));
	}
}

/** One request on its way: what its errors need to tell. */
class Exchange {
	readonly attempt: Attempt;
	readonly deadline: Deadline;
	readonly #server: string;
	readonly #signal: AbortSignal | undefined;

	constructor(server: string, attempt: Attempt, signal: AbortSignal | undefined, timeoutMs: number) {
		this.#server = server;
		this.attempt = attempt;
		this.#signal = signal;
		this.deadline = new Deadline(signal, () => new Error(`no answer within ${timeoutMs / 1000} s`));
		this.deadline.start(timeoutMs);
	}

	/** Whose fault an error is: the caller's abort, the server's answer, or the way there. */
	explain(error: unknown): unknown {
		if (this.#signal?.aborted) return this.#signal.reason;
		if (error instanceof ApiError || error instanceof ApiUnreachable) return error;
		return new ApiUnreachable(this.#server, this.attempt, error);
	}
}

async function* chunks(body: AsyncIterable<Buffer>, exchange: Exchange): AsyncGenerator<Buffer> {
	try {
		yield* body;
	} catch (error) {
		throw exchange.explain(error);
	} finally {
		exchange.deadline.release();
	}
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw new Error('what answers there is no API server: the answer is not JSON');
	}
}

/** The path of the server's URL, without the slash at its end. */
function basePath(server: URL): string {
	return server.pathname.replace(/\/$/, '');
}

function queryString(query: Query = {}): string {
	const parameters = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		if (value !== undefined) parameters.set(name, String(value));
	}
	return parameters.size === 0 ? '' : `?${parameters}`;
}

function firstValue(header: string | string[] | undefined): string | undefined {
	return Array.isArray(header) ? header[0] : header;
}
