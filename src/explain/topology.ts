import type { ClusterState } from '../cluster/state.ts';

/** The cluster's topology as storage sees it: the label keys that CSI drivers and zones use, and what classes allow. */
export interface TopologyReport {
	readonly nodes: number;
	/** Label key → value → number of nodes. */
	readonly keys: Readonly<Record<string, Readonly<Record<string, number>>>>;
	readonly classes: readonly {
		readonly name: string;
		readonly provisioner: string;
		readonly bindingMode: string | undefined;
		/** What allowedTopologies asks for; absent where the class allows every node. */
		readonly allows?: string;
		/** How many nodes it can provision for, as far as its topology goes. */
		readonly nodes: number;
	}[];
}

const WELL_KNOWN = [
	'topology.kubernetes.io/region',
	'topology.kubernetes.io/zone',
	'failure-domain.beta.kubernetes.io/region',
	'failure-domain.beta.kubernetes.io/zone',
];

export function topologyOf(cluster: ClusterState): TopologyReport {
	const { nodes } = cluster;
	const keys = [...new Set([...WELL_KNOWN, ...driverKeys(cluster), ...classKeys(cluster)])].sort();
	return {
		nodes: nodes.size,
		keys: Object.fromEntries(
			keys
				.map((key) => [key, Object.fromEntries(nodes.valuesOf(key))] as const)
				.filter(([, values]) => Object.keys(values).length > 0),
		),
		classes: [...cluster.all('StorageClass').values()].map(({ name, provisioner, bindingMode, allowedTopologies }) => ({
			name,
			provisioner,
			bindingMode,
			...(allowedTopologies && { allows: allowedTopologies.text }),
			nodes: allowedTopologies ? nodes.select(allowedTopologies).size : nodes.size,
		})),
	};
}

function driverKeys(cluster: ClusterState): string[] {
	return [...cluster.all('CSINode').values()].flatMap(({ drivers }) =>
		drivers.flatMap(({ topologyKeys }) => topologyKeys),
	);
}

function classKeys(cluster: ClusterState): string[] {
	const requirements = [...cluster.all('StorageClass').values()].flatMap(
		({ allowedTopologies }) => allowedTopologies ?? [],
	);
	return requirements.flatMap(({ terms }) => terms.flatMap((term) => term.map(({ key }) => key)));
}
