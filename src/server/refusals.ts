/** Every answer other than 200 on the extender listener: {"Error": "…"} that says what was wrong. */

import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CallError } from './errors.ts';
import { faultError, VERBS } from './service.ts';
import { errorResult } from './wire/answers.ts';
import { describeShapeError } from './wire/refusal.ts';

/** Puts every error thrown on the way to an answer into words. */
export function answerErrors(app: FastifyInstance): void {
	app.setErrorHandler<FastifyError>((error, request, reply) => {
		const refusal = toCallError(error, request, app.initialConfig.bodyLimit);
		if (request.summary) request.summary.error = refusal.message;
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
		if (known.includes(path)) throw new CallError(405, `${path} takes POST, not ${request.method}`, { allow: 'POST' });
		throw new CallError(404, `there is nothing at ${path.slice(0, 100)}, must be one of ${known.join(', ')}`);
	});
}

function toCallError(error: FastifyError, request: FastifyRequest, bodyLimit: number | undefined): CallError {
	if (error instanceof CallError) return error;
	const shape = error.validation?.[0];
	if (shape) return new CallError(422, describeShapeError(shape));
	const unread = refusalOfBody(error, request, `bodyLimitBytes, which is ${bodyLimit}`);
	if (unread) return unread;
	if (error.statusCode !== undefined && error.statusCode < 500) return new CallError(error.statusCode, error.message);
	if (!request.summary) return new CallError(500, `topobind failed: ${error.message}`);
	request.summary.fault = error;
	return faultError(request.summary);
}

/** Why a body was not read; undefined for any other error. `limit` is the largest that is taken, in words. */
export function refusalOfBody(error: FastifyError, request: FastifyRequest, limit: string): CallError | undefined {
	switch (error.code) {
		case 'FST_ERR_CTP_BODY_TOO_LARGE':
			return new CallError(413, `the body is larger than ${limit}`);
		case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
			return new CallError(415, `Content-Type is ${contentType(request)}, must be application/json`);
		case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
			return new CallError(400, 'the body does not have the length that Content-Length says');
	}
	return undefined;
}

function contentType(request: FastifyRequest): string {
	const type = request.headers['content-type'];
	return type === undefined ? 'missing' : JSON.stringify(type.slice(0, 100));
}

/** A path that cannot be decoded comes before any hook or error handler. */
export function answerBadUrl(error: FastifyError, _request: unknown, reply: FastifyReply): void {
	reply.code(error.statusCode ?? 400).header('content-type', 'application/json; charset=utf-8');
	reply.send(errorResult(error.message));
}

const CLIENT_ERRORS: Readonly<Record<string, string>> = {
	HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
	ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** For what is not HTTP, or breaks off: no request exists yet, so the answer is written by hand. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
	if (error.code === 'ECONNRESET' || !socket.writable) {
		socket.destroy();
		return;
	}
	const status = CLIENT_ERRORS[error.code ?? ''] ?? '400 Bad Request';
	const body = errorResult(`the request cannot be read: ${error.message}`);
	socket.end(
		`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
	);
}
