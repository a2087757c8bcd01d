/** GET /api/v1/explain/… and POST /api/v1/whatif: why a pod's storage works where it does. */

import type { FastifyInstance } from 'fastify';
import { projectPod } from '../cluster/projections.ts';
import type { Pod } from '../domain/model.ts';
import type { ClaimExplanation, PodExplanation } from '../explain/explanation.ts';

export interface Explanations {
	/** The pod as the API server holds it now; undefined when there is none. */
	findPod(namespace: string, name: string): Promise<Pod | undefined>;
	explainPod(pod: Pod): PodExplanation;
	explainClaim(namespace: string, name: string): ClaimExplanation | undefined;
}

interface Named {
	namespace: string;
	name: string;
}

export function addExplanations(app: FastifyInstance, explanations: Explanations): void {
	app.get<{ Params: Named }>('/api/v1/explain/pods/:namespace/:name', async ({ params }, reply) => {
		const { namespace, name } = params;
		const pod = await explanations.findPod(namespace, name);
		if (!pod) return reply.code(404).send({ error: `there is no pod ${namespace}/${name}` });
		return explanations.explainPod(pod);
	});

	app.get<{ Params: Named }>('/api/v1/explain/pvcs/:namespace/:name', async ({ params }, reply) => {
		const { namespace, name } = params;
		const explanation = explanations.explainClaim(namespace, name);
		if (!explanation) return reply.code(404).send({ error: `there is no claim ${namespace}/${name}` });
		return explanation;
	});

	app.post<{ Body: Parameters<typeof projectPod>[0] }>('/api/v1/whatif', {
		schema: {
			body: {
				type: 'object',
				required: ['spec'],
				properties: {
					kind: { const: 'Pod' },
					metadata: { type: 'object' },
					spec: {
						type: 'object',
						properties: { volumes: { type: 'array', items: { type: 'object', required: ['name'] } } },
					},
				},
			},
		},
		handler: async ({ body }) => {
			const pod = projectPod(body);
			return explanations.explainPod(pod.namespace === '' ? { ...pod, namespace: 'default' } : pod);
		},
	});
}
