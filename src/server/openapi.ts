/** The OpenAPI description of the admin listener, kept by hand; a test holds it to the routes that exist. */

type Json = Readonly<Record<string, unknown>>;

/** An OpenAPI 3.1 document of those operations that exist. Paths carry their parameters in braces. */
export function openApiDocument(version: string, exists: (method: string, path: string) => boolean): Json {
	const present = Object.entries(PATHS)
		.map(([path, operations]) => [path, pick(operations, (method) => exists(method.toUpperCase(), path))] as const)
		.filter(([, operations]) => Object.keys(operations).length > 0);
	return {
		openapi: '3.1.0',
		info: {
			title: 'topobind admin',
			version,
			description: 'Probes, metrics, and what topobind knows of the cluster and decided.',
			license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
		},
		paths: Object.fromEntries(present),
		components: { schemas: SCHEMAS },
	};
}

const NAMED: readonly Json[] = ['namespace', 'name'].map((name) => ({
	name,
	in: 'path',
	required: true,
	schema: { type: 'string' },
}));

const UNSYNCED: Json = { 503: json('Some of the cluster has not been seen yet, or cannot be read', ref('Error')) };

const PATHS: Readonly<Record<string, Json>> = {
	'/livez': get('Whether the process runs', { 200: text('It does: ok') }),
	'/readyz': get('Whether every watch of the cluster has synced', {
		200: json('All have', ref('Readiness')),
		503: json('Some have not; they are named', ref('Readiness')),
	}),
	'/metrics': get('Metrics for Prometheus', { 200: text('Metrics in the text format') }),
	'/api/v1/decisions': get(
		'The last filter decisions, newest first',
		{
			200: json('The decisions that are remembered', {
				type: 'object',
				required: ['decisions'],
				properties: { decisions: { type: 'array', items: ref('Decision') } },
			}),
			400: json('A parameter is wrong', ref('Error')),
		},
		[
			parameter('namespace', 'Only pods of this namespace', { type: 'string' }),
			parameter('pod', 'Only pods of this name', { type: 'string' }),
			parameter('limit', 'At most so many', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }),
		],
	),
	'/api/v1/topology': get('Topology keys with their values, and classes with where they provision', {
		200: json('The topology as it is now', { type: 'object' }),
		...UNSYNCED,
	}),
	'/api/v1/explain/pods/{namespace}/{name}': get(
		'Why the storage of a pod works on some nodes and not on others',
		{
			200: json('Judged now, on every node', ref('PodExplanation')),
			404: json('No such pod', ref('Error')),
			...UNSYNCED,
		},
		NAMED,
	),
	'/api/v1/explain/pvcs/{namespace}/{name}': get(
		'Where a claim could be used, as if a pod mounted it alone',
		{
			200: json('Judged now, on every node', ref('ClaimExplanation')),
			404: json('No such claim', ref('Error')),
			...UNSYNCED,
		},
		NAMED,
	),
	'/api/v1/whatif': {
		post: {
			summary: 'Why the storage of a pod that does not exist yet would work where',
			requestBody: {
				required: true,
				content: { 'application/json': { schema: { type: 'object', description: 'A Pod', required: ['spec'] } } },
			},
			responses: {
				200: json('Judged now, on every node', ref('PodExplanation')),
				400: json('The body is not JSON', ref('Error')),
				413: json('The body is too large', ref('Error')),
				415: json('The body is not said to be JSON', ref('Error')),
				422: json('It is not a Pod', ref('Error')),
				...UNSYNCED,
			},
		},
	},
	'/openapi.json': get('This document', { 200: json('An OpenAPI 3.1 document', { type: 'object' }) }),
};

const SCHEMAS: Json = {
	Error: object({ error: { type: 'string' } }),
	Readiness: object({
		ready: { type: 'boolean' },
		waiting: { type: 'array', items: ref('Watch'), description: 'Watches that have not synced, or are down' },
	}),
	Watch: {
		type: 'object',
		required: ['kind', 'synced', 'state'],
		properties: {
			kind: { type: 'string' },
			synced: { type: 'boolean' },
			state: { enum: ['listing', 'watching', 'backoff', 'absent', 'stopped'] },
			staleSince: { type: 'string', format: 'date-time' },
			problem: { type: 'string' },
		},
	},
	PodExplanation: {
		type: 'object',
		required: ['pod', 'namespace', 'nodes', 'claims'],
		properties: {
			pod: { type: 'string' },
			namespace: { type: 'string' },
			node: { type: 'string', description: 'The node the pod is assigned to' },
			nodes: ref('NodesExplanation'),
			claims: { type: 'array', items: ref('ClaimExplanation') },
		},
	},
	NodesExplanation: object({
		total: { type: 'integer' },
		feasible: { type: 'integer', description: 'Nodes on which the storage works' },
		examples: { type: 'array', items: { type: 'string' } },
		refused: { type: 'array', items: ref('DecisionReason') },
	}),
	ClaimExplanation: {
		type: 'object',
		required: ['claim', 'state', 'nodes'],
		properties: {
			claim: { type: 'string' },
			state: { enum: ['bound', 'selected', 'unbound', 'missing'] },
			class: { type: 'string' },
			request: { type: 'string' },
			volume: { type: 'string' },
			needs: { type: 'string', description: 'What the volume asks of nodes' },
			selectedNode: { type: 'string' },
			source: ref('SourceExplanation'),
			nodes: ref('NodesExplanation'),
		},
	},
	SourceExplanation: {
		type: 'object',
		description: 'The snapshot or claim that an unbound claim is to be filled from',
		required: ['name'],
		properties: {
			name: { type: 'string' },
			problem: { type: 'string', description: 'Why the claim cannot be filled from it (yet)' },
			needs: { type: 'string', description: 'What it asks of nodes; absent where every node will do' },
			basis: { type: 'string', description: 'How that is known' },
			ignored: { type: 'array', items: { type: 'string' }, description: 'Annotations that mean nothing to topobind' },
		},
	},
	Decision: object({
		time: { type: 'string', format: 'date-time' },
		mode: { enum: ['companion', 'delegate'] },
		namespace: { type: 'string' },
		pod: { type: 'string' },
		uid: { type: 'string' },
		nodes: { type: 'integer', description: 'How many nodes the scheduler asked about' },
		passed: { type: 'integer', description: 'How many of them passed' },
		reasons: { type: 'array', items: ref('DecisionReason') },
	}),
	DecisionReason: object({
		code: { type: 'string', description: 'See docs/reasons.md' },
		message: { type: 'string' },
		nodes: { type: 'integer', description: 'How many nodes were refused for this' },
		examples: { type: 'array', items: { type: 'string' }, description: 'The first few of them' },
	}),
};

function pick(values: Json, wanted: (key: string) => boolean): Json {
	return Object.fromEntries(Object.entries(values).filter(([key]) => wanted(key)));
}

function get(summary: string, responses: Json, parameters: readonly Json[] = []): Json {
	return { get: { summary, ...(parameters.length > 0 && { parameters }), responses } };
}

function text(description: string): Json {
	return { description, content: { 'text/plain': { schema: { type: 'string' } } } };
}

function json(description: string, schema: Json): Json {
	return { description, content: { 'application/json': { schema } } };
}

function parameter(name: string, description: string, schema: Json): Json {
	return { name, in: 'query', description, schema };
}

/** An object all of whose properties are always there. */
function object(properties: Json): Json {
	return { type: 'object', required: Object.keys(properties), properties };
}

function ref(name: string): Json {
	return { $ref: `#/components/schemas/${name}` };
}
