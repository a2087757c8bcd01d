/** Every answer other than 200 on the extender listener: {"Error": "…"} that says what was wrong. */

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CallError, type ErrorCode } from './errors.ts';
import { logUnrouted } from './report.ts';
import { faultError, messageOf, VERBS } from './service.ts';
import { errorResult } from './wire/answers.ts';
import { describeShapeError } from './wire/refusal.ts';

/** Puts every error thrown on the way to an answer into words. */
export function answerErrors(app: FastifyInstance): void {
	app.setErrorHandler<FastifyError>((error, request, reply) => {
		const refusal = toCallError(error, request, app.initialConfig.bodyLimit);
		request.refusal = refusal;
		// Fastify would end a connection whose body it has not read, and the caller, still writing, would see no answer.
		if (reply.hasHeader('connection')) reply.header('connection', 'keep-alive');
		reply.code(refusal.statusCode).headers(refusal.headers).header('content-type', 'application/json; charset=utf-8');
		return errorResult(refusal.message);
	});
}

/** Answers any other path or method before its body is read. */
export function answerUnknownRoutes(app: FastifyInstance): void {
	const known = VERBS.map((verb) => `/${verb}`);
	app.addHook('onRequest', async (request) => {
		if (!request.is404) return;
		const path = request.url.split('?', 1)[0] ?? '';
		if (known.includes(path)) throw new CallError('WRONG_METHOD', { path, method: request.method });
		throw new CallError('UNKNOWN_PATH', { path: path.slice(0, 100), hint: `must be one of ${known.join(', ')}` });
	});
}

function toCallError(error: FastifyError, request: FastifyRequest, bodyLimit: number | undefined): CallError {
	if (error instanceof CallError) return error;
	const shape = error.validation?.[0];
	if (shape) return new CallError('WRONG_SHAPE', { problem: describeShapeError(shape) });
	const unread = refusalOfBody(error, request, `bodyLimitBytes, which is ${bodyLimit}`);
	if (unread) return unread;
	// No route, and a hook that failed.
	if (!request.summary) return new CallError('FAULT', { verb: 'a call', problem: messageOf(error) });
	request.summary.fault = error;
	return faultError(request.summary);
}

/** Why a body was not read; undefined for any other error. `limit` is the largest that is taken, in words. */
export function refusalOfBody(error: FastifyError, request: FastifyRequest, limit: string): CallError | undefined {
	switch (error.code) {
		case 'FST_ERR_CTP_BODY_TOO_LARGE':
			return new CallError('BODY_TOO_LARGE', { limit });
		case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
			return new CallError('WRONG_CONTENT_TYPE', { type: contentType(request) });
		case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
			return new CallError('BODY_WRONG_LENGTH');
	}
	// It broke off: Fastify gives the stream's error a status.
	const ofCaller = error.statusCode !== undefined && error.statusCode < 500;
	return ofCaller ? new CallError('BODY_UNREADABLE', { problem: error.message }) : undefined;
}

function contentType(request: FastifyRequest): string {
	const type = request.headers['content-type'];
	return type === undefined ? 'missing' : JSON.stringify(type.slice(0, 100));
}

/** Why a path was not looked up: it cannot be decoded, or a name in it is too long. */
export function refusalOfUrl(error: FastifyError): CallError {
	const code = error.code === 'FST_ERR_MAX_PARAM_LENGTH' ? 'NAME_TOO_LONG' : 'WRONG_URL';
	return new CallError(code, { problem: error.message });
}

/** A path that cannot be decoded comes before any hook or error handler. */
export function answerBadUrl(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
	const refusal = refusalOfUrl(error);
	reply.code(refusal.statusCode).header('content-type', 'application/json; charset=utf-8');
	reply.send(errorResult(refusal.message));
	logUnrouted(request, refusal.statusCode, refusal.code);
}

const CLIENT_ERRORS: Readonly<Record<string, ErrorCode>> = {
	HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
	ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
};

/** For what is not HTTP, or breaks off: no request exists yet, so the answer is written by hand. */
export function answerClientError(
	error: Error & { code?: string },
	socket: Socket,
	logger: FastifyBaseLogger | undefined,
): void {
	if (error.code === 'ECONNRESET' || !socket.writable) {
		socket.destroy();
		return;
	}
	const refusal = new CallError(CLIENT_ERRORS[error.code ?? ''] ?? 'NOT_HTTP', { problem: error.message });
	const { code, statusCode: status, message } = refusal;
	const body = errorResult(message);
	socket.end(
		`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
	);
	logger?.warn({ status, code, error: message }, 'request not read');
}
