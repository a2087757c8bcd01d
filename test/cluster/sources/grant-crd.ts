// The Gateway API's ReferenceGrant, in the version that external-provisioner reads and as far as it reads it.

import type { Api, KubeObject } from '../harness/index.ts';

const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/referencegrants.gateway.networking.k8s.io';

/** Installs the CRD; gives what takes it away again. */
export async function installGrants(api: Api): Promise<() => Promise<void>> {
	const text = { type: 'string' };
	const listOf = (properties: object) => ({ type: 'array', items: { type: 'object', properties } });
	const spec = {
		type: 'object',
		properties: {
			from: listOf({ group: text, kind: text, namespace: text }),
			to: listOf({ group: text, kind: text, name: text }),
		},
	};
	await api.apply({
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: {
			name: 'referencegrants.gateway.networking.k8s.io',
			annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
		},
		spec: {
			group: 'gateway.networking.k8s.io',
			scope: 'Namespaced',
			names: {
				kind: 'ReferenceGrant',
				listKind: 'ReferenceGrantList',
				plural: 'referencegrants',
				singular: 'referencegrant',
			},
			versions: [
				{
					name: 'v1beta1',
					served: true,
					storage: true,
					schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
				},
			],
		},
	});
	const isEstablished = ({ type, status }: KubeObject) => type === 'Established' && status === 'True';
	await api.waitFor(CRD, (crd) => crd?.status?.conditions?.some(isEstablished));
	return () => api.deleteAndWait(CRD);
}

/** Lets claims of one namespace use one source in another. */
export function referenceGrant(options: {
	readonly from: string;
	readonly namespace: string;
	readonly kind: 'VolumeSnapshot' | 'PersistentVolumeClaim';
	readonly name: string;
}): KubeObject {
	const { from, namespace, kind, name } = options;
	const group = kind === 'VolumeSnapshot' ? 'snapshot.storage.k8s.io' : '';
	return {
		apiVersion: 'gateway.networking.k8s.io/v1beta1',
		kind: 'ReferenceGrant',
		metadata: { namespace, name: `${kind.toLowerCase()}s-to-${from}` },
		spec: {
			from: [{ group: '', kind: 'PersistentVolumeClaim', namespace: from }],
			to: [{ group, kind, name }],
		},
	};
}
