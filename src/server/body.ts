/** Reads JSON bodies: bounded, without Fastify's second pass over every key. */

import type { FastifyInstance } from 'fastify';
import { CallError } from './errors.ts';

/** Makes application/json the one media type that is read. */
export function readJsonBodies(app: FastifyInstance): void {
	app.removeAllContentTypeParsers();
	app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
		try {
			done(null, parse(text as string));
		} catch (error) {
			done(error as Error, undefined);
		}
	});
}

/** Refuses compressed bodies, unread; the scheduler sends none. */
export function refuseEncodedBodies(app: FastifyInstance): void {
	app.addHook('onRequest', async (request) => {
		const encoding = request.headers['content-encoding'];
		if (encoding === undefined || encoding === 'identity') return;
		throw new CallError('WRONG_CONTENT_ENCODING', { encoding: JSON.stringify(encoding) });
	});
}

/**
 * A `__proto__` key becomes an ordinary own property here; it could only do harm where objects are merged, which
 * nothing that reads a body does.
 */
function parse(text: string): unknown {
	if (text === '') throw new CallError('BODY_EMPTY');
	refuseBrackets(text);
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new CallError('BODY_NOT_JSON', { problem: (error as Error).message });
	}
}

const SMALL = 1024 * 1024;
/** Steps of 1 to twice as much, at random: a body cannot be written around them. */
const STRIDE = 61;
const DENSEST = 1 / 8;

/**
 * Refuses a large body of little but brackets. JSON.parse survives any depth, but makes 56 bytes of each bracket, so
 * that 64 MB of them hold the process for 15 s and take gigabytes. One character in 61 or so is looked at, as reading
 * all would make a call with whole nodes a tenth slower. In nodes, 1 character in 70 opens something.
 */
function refuseBrackets(text: string): void {
	if (text.length < SMALL) return;
	let brackets = 0;
	let looks = 0;
	for (let i = 0; i < text.length; i += 1 + Math.floor(Math.random() * 2 * STRIDE)) {
		looks++;
		const code = text.charCodeAt(i);
		if (code === 0x5b || code === 0x7b) brackets++;
	}
	if (brackets > looks * DENSEST) throw new CallError('BODY_OF_BRACKETS');
}
