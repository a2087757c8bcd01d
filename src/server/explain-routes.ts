/** GET /api/v1/explain/… and POST /api/v1/whatif: why a pod's storage works where it does. */

import type { FastifyInstance } from 'fastify';
import { projectPod } from '../cluster/projections.ts';
import { WriteError } from '../cluster/writer.ts';
import type { Pod } from '../domain/model.ts';
import type { ClaimExplanation, PodExplanation } from '../explain/explanation.ts';
import { CallError } from './errors.ts';

export interface Explanations {
	/** The pod as the API server holds it now; undefined when there is none. */
	findPod(namespace: string, name: string): Promise<Pod | undefined>;
	explainPod(pod: Pod): PodExplanation;
	explainClaim(namespace: string, name: string): ClaimExplanation | undefined;
}

/** More than a pod can have; each distinct claim costs a judgement of every node. */
const MOST_VOLUMES = 256;

const VOLUMES = {
	type: 'array',
	maxItems: MOST_VOLUMES,
	items: {
		type: 'object',
		required: ['name'],
		properties: {
			name: { type: 'string', maxLength: 253 },
			persistentVolumeClaim: {
				type: 'object',
				required: ['claimName'],
				properties: { claimName: { type: 'string', minLength: 1, maxLength: 253 } },
			},
			ephemeral: { type: 'object' },
		},
	},
};

interface Named {
	namespace: string;
	name: string;
}

/** `onRequest` comes before each of them, and throws where nothing can be explained. */
export function addExplanations(
	app: FastifyInstance,
	explanations: Explanations,
	onRequest: () => Promise<void>,
): void {
	app.get<{ Params: Named }>('/api/v1/explain/pods/:namespace/:name', { onRequest }, async ({ params }) => {
		const { namespace, name } = params;
		const pod = await explanations.findPod(namespace, name).catch((error) => {
			if (!(error instanceof WriteError)) throw error;
			const code = error.failure === 'refused' ? 'READ_REFUSED' : 'READ_FAILED';
			throw new CallError(code, { problem: error.message });
		});
		if (!pod) throw new CallError('NOT_FOUND', { kind: 'pod', name: `${namespace}/${name}` });
		return explanations.explainPod(pod);
	});

	app.get<{ Params: Named }>('/api/v1/explain/pvcs/:namespace/:name', { onRequest }, async ({ params }) => {
		const { namespace, name } = params;
		const explanation = explanations.explainClaim(namespace, name);
		if (!explanation) throw new CallError('NOT_FOUND', { kind: 'claim', name: `${namespace}/${name}` });
		return explanation;
	});

	app.post<{ Body: Parameters<typeof projectPod>[0] }>('/api/v1/whatif', {
		onRequest,
		schema: {
			body: {
				type: 'object',
				required: ['spec'],
				properties: {
					kind: { const: 'Pod' },
					metadata: {
						type: 'object',
						properties: { name: { type: 'string' }, namespace: { type: 'string' } },
					},
					spec: { type: 'object', properties: { volumes: VOLUMES } },
				},
			},
		},
		handler: async ({ body: { status: _, ...checked } }) => {
			const pod = projectPod(checked);
			return explanations.explainPod(pod.namespace === '' ? { ...pod, namespace: 'default' } : pod);
		},
	});
}
