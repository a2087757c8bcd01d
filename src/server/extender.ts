/** The extender listener: what kube-scheduler calls. POST /filter, /prioritize, /preempt and /bind; nothing else. */

import fastify, {
	type FastifyBaseLogger,
	type FastifyInstance,
	type FastifyServerOptions,
	LogController,
} from 'fastify';
import type { Mode, TlsFiles } from '../config/config.ts';
import { readJsonBodies, refuseEncodedBodies } from './body.ts';
import type { Decision } from './decisions.ts';
import { CallError } from './errors.ts';
import { answerBadUrl, answerClientError, answerErrors, answerUnknownRoutes } from './refusals.ts';
import { type ExtenderMetrics, type Made, reportCalls } from './report.ts';
import type { Scheduling } from './scheduling.ts';
import type { CallSummary, Service, Verb } from './service.ts';
import { tlsOptions } from './tls.ts';
import { answerBind } from './verbs/bind.ts';
import { answerFilter } from './verbs/filter.ts';
import { answerPreempt } from './verbs/preempt.ts';
import { answerPrioritize } from './verbs/prioritize.ts';
import { nameFields } from './wire/fields.ts';
import { extenderArgs, extenderBindingArgs, extenderPreemptionArgs, type Schema } from './wire/schemas.ts';

export interface ExtenderOptions {
	readonly scheduling: Scheduling;
	readonly mode: Mode;
	/** Larger bodies get 413. */
	readonly bodyLimitBytes: number;
	readonly tls?: TlsFiles;
	readonly logger?: FastifyBaseLogger;
	readonly metrics?: ExtenderMetrics;
	/** Told of every filter call for a pod with claims, once it is answered. */
	readonly onDecision?: (decision: Decision, made: Made) => void;
}

/** Builds the service; the caller listens and closes. Throws if a TLS file cannot be read. */
export function buildExtender(options: ExtenderOptions): FastifyInstance {
	const app = fastify(serverOptions(options));
	// First: what is refused unread is reported, too.
	reportCalls(app, options);
	readJsonBodies(app);
	refuseEncodedBodies(app);
	answerErrors(app);
	answerUnknownRoutes(app);
	endConnectionsOnClose(app);

	addVerb(app, options, 'filter', extenderArgs, nameFields.args, answerFilter);
	addVerb(app, options, 'prioritize', extenderArgs, nameFields.args, answerPrioritize);
	addVerb(app, options, 'preempt', extenderPreemptionArgs, nameFields.preemptionArgs, answerPreempt);
	addVerb(app, options, 'bind', extenderBindingArgs, nameFields.bindingArgs, answerBind);
	return app;
}

/** Bytes → JSON → fields named as in Go → shape checked → `answer` → bytes. */
function addVerb<Body>(
	app: FastifyInstance,
	service: Service,
	verb: Verb,
	schema: Schema,
	named: (body: unknown) => unknown,
	answer: (service: Service, body: Body, summary: CallSummary) => string | Promise<string>,
): void {
	app.post<{ Body: Body }>(`/${verb}`, {
		config: { verb },
		schema: { body: schema },
		preValidation: async (request) => {
			if (request.body === undefined) throw new CallError('BODY_EMPTY');
			request.body = named(request.body) as Body;
		},
		handler: async (request, reply) => {
			const text = await answer(service, request.body as Body, request.summary as CallSummary);
			// Bytes go out as they are: no response schema, no second serialization, and no second pass for their length.
			reply.header('content-type', 'application/json; charset=utf-8');
			return Buffer.from(text);
		},
	});
}

/** Without it, close() would wait for an idle connection whose last call was still running when it began. */
function endConnectionsOnClose(app: FastifyInstance): void {
	let closing = false;
	app.addHook('preClose', async () => {
		closing = true;
	});
	app.addHook('onSend', (_request, reply, payload, done) => {
		if (closing) reply.header('connection', 'close');
		done(null, payload);
	});
}

function serverOptions(options: ExtenderOptions): FastifyServerOptions {
	const common: FastifyServerOptions = {
		...(options.logger && { loggerInstance: options.logger }),
		logController: new LogController({ disableRequestLogging: true }),
		bodyLimit: options.bodyLimitBytes,
		// kube-scheduler reuses an idle connection for up to 90 s; closing it earlier would fail a call now and then.
		keepAliveTimeout: 120_000,
		// For a whole request to arrive. 37 MB over the loopback device take well under a second.
		requestTimeout: 60_000,
		// What still arrives on an open connection while we close is answered, and the connection ended after it.
		return503OnClosing: false,
		clientErrorHandler: (error, socket) => answerClientError(error, socket, options.logger),
		frameworkErrors: answerBadUrl,
		// Ajv's own habits would turn a null list into [""] and a null number into 0.
		ajv: {
			customOptions: {
				coerceTypes: false,
				useDefaults: false,
				removeAdditional: false,
				allowUnionTypes: true,
				verbose: true,
			},
		},
	};
	const http = { headersTimeout: 30_000 };
	// Fastify types an HTTPS server apart; nothing here depends on which of the two it is.
	if (options.tls) return { ...common, https: { ...http, ...tlsOptions(options.tls) } } as FastifyServerOptions;
	return { ...common, http } as FastifyServerOptions;
}
