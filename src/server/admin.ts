/** The admin listener: probes, metrics, and what topobind knows and decided. Read-only; on loopback by default. */

import { Ajv } from 'ajv';
import fastify, {
	type FastifyBaseLogger,
	type FastifyError,
	type FastifyInstance,
	type FastifyReply,
	type FastifyRequest,
	type FastifySchemaValidationError,
	type HTTPMethods,
	LogController,
} from 'fastify';
import type { Readiness } from '../cluster/cluster.ts';
import { readJsonBodies } from './body.ts';
import type { Decisions } from './decisions.ts';
import { CallError } from './errors.ts';
import { addExplanations, type Explanations } from './explain-routes.ts';
import { openApiDocument } from './openapi.ts';
import { refusalOfBody, refusalOfUrl } from './refusals.ts';

export interface AdminOptions {
	/** Ready when every watch has synced. */
	readonly ready: () => Readiness;
	readonly metrics: { readonly contentType: string; render(): Promise<string> };
	/** topobind's own version, for the OpenAPI document. */
	readonly version: string;
	readonly decisions?: Decisions;
	/** Topology keys with their values, and classes with where they provision. */
	readonly topology?: () => unknown;
	readonly explanations?: Explanations;
	readonly logger?: FastifyBaseLogger;
}

/** Builds the service; the caller listens and closes. An endpoint whose option is absent does not exist. */
export function buildAdmin(options: AdminOptions): FastifyInstance {
	const { ready, metrics, decisions, topology } = options;
	const app = fastify({
		...(options.logger && { loggerInstance: options.logger }),
		frameworkErrors: answerBadUrl,
		// The longest name that an object can have.
		routerOptions: { maxParamLength: 253 },
		logController: new LogController({ disableRequestLogging: true }),
		schemaErrorFormatter: ([error]) => new Error(describeParameterError(error)),
	});
	app.setValidatorCompiler(({ schema, httpPart }) => (httpPart === 'body' ? AS_WRITTEN : FROM_TEXT).compile(schema));
	readJsonBodies(app);
	answerErrors(app);

	app.get('/livez', async (_request, reply) => reply.type('text/plain; charset=utf-8').send('ok'));
	app.get('/readyz', async (_request, reply) => {
		const { ready: isReady, watches } = ready();
		const waiting = watches.filter(({ synced, staleSince }) => !synced || staleSince !== undefined);
		return reply.code(isReady ? 200 : 503).send({ ready: isReady, waiting });
	});
	app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
	if (decisions) addDecisions(app, decisions);
	// What is said of a cluster that is half seen would be wrong.
	const whenSynced = async () => {
		if (!ready().synced) throw new CallError('NOT_SYNCED', { hint: 'see /readyz' });
	};
	if (topology) app.get('/api/v1/topology', { onRequest: whenSynced }, async () => topology());
	if (options.explanations) addExplanations(app, options.explanations, whenSynced);

	app.get('/openapi.json', async () =>
		openApiDocument(options.version, (method, path) =>
			app.hasRoute({ method: method as HTTPMethods, url: path.replace(/\{(\w+)\}/g, ':$1') }),
		),
	);
	return app;
}

/** What stands in a URL is text, whatever it means; a number in a body that should be a name is a mistake. */
const FROM_TEXT = new Ajv({ coerceTypes: true });
const AS_WRITTEN = new Ajv();

interface DecisionsQuery {
	namespace?: string;
	pod?: string;
	limit?: number;
}

function addDecisions(app: FastifyInstance, decisions: Decisions): void {
	app.get<{ Querystring: DecisionsQuery }>('/api/v1/decisions', {
		schema: {
			querystring: {
				type: 'object',
				additionalProperties: false,
				properties: {
					namespace: { type: 'string' },
					pod: { type: 'string' },
					limit: { type: 'integer', minimum: 1, maximum: 1000 },
				},
			},
		},
		handler: async (request) => ({ decisions: decisions.list(request.query) }),
	});
}

function describeParameterError(error: FastifySchemaValidationError | undefined): string {
	if (error?.keyword === 'additionalProperties') return `there is no parameter "${error.params.additionalProperty}"`;
	const field = error?.instancePath.slice(1).replaceAll('/', '.') || 'the body';
	if (error?.keyword === 'const') return `${field} must be ${JSON.stringify(error.params.allowedValue)}`;
	return `${field} ${error?.message}`;
}

/** A path that cannot be decoded, or has too long a name, comes before any error handler. */
function answerBadUrl(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
	answerError(refusalOfUrl(error), error, request, reply);
}

/** Whatever goes wrong is answered by {"error": "…"}. */
function answerErrors(app: FastifyInstance): void {
	app.setNotFoundHandler(async ({ method, url }) => {
		throw new CallError('UNKNOWN_PATH', { path: `${method} ${url.slice(0, 200)}`, hint: 'see /openapi.json' });
	});
	app.setErrorHandler<FastifyError>((error, request, reply) => {
		const refusal = toCallError(error, request, app.initialConfig.bodyLimit);
		return answerError(refusal, error, request, reply);
	});
}

/** Who calls sees the answer, so a refusal is logged for debugging only. */
function answerError(refusal: CallError, err: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
	const { code, statusCode: status, message: error } = refusal;
	const call = { method: request.method, url: request.url.slice(0, 200), status, code };
	if (code === 'ADMIN_FAULT') request.log.error({ ...call, err }, 'a fault of topobind');
	else request.log.debug({ ...call, error }, 'call refused');
	return reply.code(status).send({ error });
}

function toCallError(error: FastifyError, request: FastifyRequest, bodyLimit: number | undefined): CallError {
	if (error instanceof CallError) return error;
	const problem = error.message;
	if (error.validation)
		return new CallError(error.validationContext === 'body' ? 'WRONG_SHAPE' : 'WRONG_PARAMETER', { problem });
	return refusalOfBody(error, request, `${bodyLimit} bytes`) ?? new CallError('ADMIN_FAULT', { problem });
}
