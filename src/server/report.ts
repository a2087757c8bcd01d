/** Tells the log, the metrics and the record of decisions about each call, once it is answered. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Mode } from '../config/config.ts';
import type { ReasonCode } from '../domain/decision/reasons.ts';
import { type Decision, decisionOf } from './decisions.ts';
import type { CallError, ErrorCode } from './errors.ts';
import type { CallSummary, Verb } from './service.ts';

declare module 'fastify' {
	interface FastifyRequest {
		/** Null on a route that does not exist. */
		summary: CallSummary | null;
		/** Why the call was not answered with 200. */
		refusal: CallError | null;
	}
	interface FastifyContextConfig {
		verb?: Verb;
	}
}

export interface ExtenderMetrics {
	/** An answered call: its HTTP status, and the time since its headers arrived. */
	called(verb: Verb, status: number, seconds: number): void;
	/** Nodes refused for one reason in one filter call. */
	refused(code: ReasonCode, nodes: number): void;
	/** An exception of ours. In companion mode the call may have been answered with 200 all the same. */
	fault(verb: Verb): void;
}

/** What a decision was made of, whole. */
export type Made = NonNullable<CallSummary['decision']>;

export interface Listeners {
	readonly mode: Mode;
	readonly metrics?: ExtenderMetrics;
	readonly onDecision?: (decision: Decision, made: Made) => void;
}

/** Adds the hooks. Every call leaves one log line; after an exception of ours it carries the stack. */
export function reportCalls(app: FastifyInstance, listeners: Listeners): void {
	app.decorateRequest('summary', null);
	app.decorateRequest('refusal', null);
	app.addHook('onRequest', async (request) => {
		const { verb } = request.routeOptions.config;
		if (verb) request.summary = { verb, pod: '', nodes: 0 };
	});
	app.addHook('onResponse', async (request, reply) => {
		const { summary } = request;
		if (summary === null) {
			logUnrouted(request, reply.statusCode, request.refusal?.code);
			return;
		}
		log(request, reply, summary);
		listeners.metrics?.called(summary.verb, reply.statusCode, reply.elapsedTime / 1000);
		if (summary.fault !== undefined) listeners.metrics?.fault(summary.verb);
		if (!summary.decision) return;
		for (const { code, nodes } of summary.decision.judgement.refused) listeners.metrics?.refused(code, nodes.length);
		listeners.onDecision?.(decisionOf(summary.decision, listeners.mode), summary.decision);
	});
}

/** The line of a call that is for none of the verbs. */
export function logUnrouted(request: FastifyRequest, status: number, code: ErrorCode | undefined): void {
	request.log.warn({ method: request.method, path: request.url.slice(0, 200), status, code }, 'no such route');
}

function log(request: FastifyRequest, reply: FastifyReply, summary: CallSummary): void {
	const { verb, pod, nodes, fault } = summary;
	const code = request.refusal?.code;
	const error = request.refusal?.message ?? summary.error;
	const status = reply.statusCode;
	const refused = refusedByCode(summary);
	const call = { verb, pod, nodes, refused, ms: Math.round(reply.elapsedTime * 100) / 100 };
	if (fault !== undefined) request.log.error({ ...call, status, code, err: fault }, 'a fault of topobind');
	else if (error !== undefined) request.log.warn({ ...call, status, code, error }, 'call refused');
	else if (refused !== 0) request.log.info(call, 'nodes refused');
	else request.log.debug(call, 'answered');
}

/** 0, or how many nodes were refused for each reason. */
function refusedByCode({ decision }: CallSummary): number | Readonly<Record<string, number>> {
	const groups = decision?.judgement.refused ?? [];
	if (groups.length === 0) return 0;
	const counts: Record<string, number> = {};
	for (const { code, nodes } of groups) counts[code] = (counts[code] ?? 0) + nodes.length;
	return counts;
}
