/** What is measured: bodies as kube-scheduler sends them, and the cluster that topobind knows meanwhile. */

import { claim, classes, csiNodes, localVolumes, type Manifest, nodeName, nodes, pod, zonalVolume } from './cluster.ts';

export type Form = 'names' | 'whole nodes';

export interface Scenario {
	readonly title: string;
	readonly verb: 'filter' | 'prioritize';
	readonly nodes: number;
	readonly form: Form;
	readonly pod: Manifest;
}

/** A cluster with the scenarios that are measured on it. */
export interface Stage {
	readonly title: string;
	readonly manifests: () => Manifest[];
	readonly scenarios: readonly Scenario[];
}

const ALL_NODES = 5000;
const VERBS = ['filter', 'prioritize'] as const;

const mixedPod = pod('mixed', ['zonal', 'scratch']);

/** By the number of nodes: a pod with a volume of one zone, and a claim to be provisioned in two of three zones. */
export const byNodes: Stage = {
	title: 'By nodes',
	manifests: () => [
		...nodes(ALL_NODES),
		...csiNodes(ALL_NODES),
		...classes,
		...zonalVolume,
		claim('scratch', 'disk', '10Gi'),
		mixedPod,
	],
	scenarios: (['names', 'whole nodes'] as const).flatMap((form) =>
		[100, 1000, ALL_NODES].flatMap((count) =>
			VERBS.map((verb) => ({ title: `${count} ${form}`, verb, nodes: count, form, pod: mixedPod })),
		),
	),
};

const localClaims = ['a', 'b', 'c'].map((name) => claim(`local-${name}`, 'local', '10Gi'));
const localPod = pod(
	'local',
	localClaims.map(({ metadata }) => metadata.name),
);
const diskPod = pod('disk', ['scratch']);

/** By the number of one-node volumes, on as many nodes: a pod with three local claims, and one to be provisioned. */
export const byVolumes: readonly Stage[] = [5, 5000, 50_000].map((count) => ({
	title: `${count} one-node volumes`,
	manifests: () => [
		...nodes(ALL_NODES),
		...csiNodes(ALL_NODES),
		...classes,
		...localVolumes(count, ALL_NODES),
		...localClaims,
		claim('scratch', 'disk', '10Gi'),
		localPod,
		diskPod,
	],
	scenarios: VERBS.flatMap((verb) => [
		{ title: 'three local claims', verb, nodes: ALL_NODES, form: 'names' as const, pod: localPod },
		{ title: 'one claim to be provisioned', verb, nodes: ALL_NODES, form: 'names' as const, pod: diskPod },
	]),
}));

/** ExtenderArgs in the scheduler's own form. */
export function extenderArgs({ pod, nodes: count, form }: Scenario): Buffer {
	const args =
		form === 'names'
			? { Pod: pod, Nodes: null, NodeNames: Array.from({ length: count }, (_, i) => nodeName(i)) }
			: { Pod: pod, Nodes: { metadata: {}, items: nodes(count) }, NodeNames: null };
	return Buffer.from(JSON.stringify(args));
}
