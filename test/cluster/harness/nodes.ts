// Nodes that have no machine: KWOK keeps them Ready and runs their pods.

import { type Api, ApiError, type KubeObject } from './api.ts';

export interface NodeOptions {
	readonly labels?: Readonly<Record<string, string>>;
	/** What pods may take; by default 8 CPUs, 32 GiB and 110 pods. */
	readonly allocatable?: Readonly<Record<string, string>>;
	readonly csiDrivers?: readonly NodeCsiDriver[];
}

export interface NodeCsiDriver {
	readonly name: string;
	readonly topologyKeys: readonly string[];
	/** How many volumes the node may have of it. */
	readonly maxVolumes?: number;
}

const roomy = { cpu: '8', memory: '32Gi', pods: '110' };

/** Creates a node and its CSINode; resolves when pods can be scheduled to it. */
export async function createNode(api: Api, name: string, options: NodeOptions = {}): Promise<void> {
	const { labels = {}, csiDrivers = [] } = options;
	const allocatable = { ...roomy, ...options.allocatable };
	// First, so that whoever sees the node knows its drivers.
	await api.create({
		apiVersion: 'storage.k8s.io/v1',
		kind: 'CSINode',
		metadata: { name },
		spec: {
			drivers: csiDrivers.map(({ name: driver, topologyKeys, maxVolumes }) => ({
				name: driver,
				nodeID: name,
				topologyKeys,
				...(maxVolumes === undefined ? {} : { allocatable: { count: maxVolumes } }),
			})),
		},
	});
	await api.create({
		apiVersion: 'v1',
		kind: 'Node',
		metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
		status: { allocatable, capacity: allocatable },
	});
	await untilSchedulable(api, `/api/v1/nodes/${name}`);
}

/**
 * The controller manager takes the not-ready taint away when it sees the node change, and does not try again where it could not
 * (`doNodeProcessingPassWorker` in pkg/controller/nodelifecycle/node_lifecycle_controller.go): then something has to change.
 */
async function untilSchedulable(api: Api, path: string): Promise<void> {
	for (let tries = 1; ; tries++) {
		try {
			await api.waitFor(path, isSchedulable, 10_000);
			return;
		} catch (error) {
			if (tries === 6) throw error;
			await api.patch(path, { metadata: { annotations: { tries: String(tries) } } });
		}
	}
}

function isSchedulable(node: KubeObject | undefined): boolean {
	const isReady = ({ type, status }: KubeObject) => type === 'Ready' && status === 'True';
	return node?.status?.conditions?.some(isReady) === true && !node.spec.taints?.length;
}

/** Adds a driver to a CSINode, as the registration with a kubelet would. */
export async function registerCsiDriver(api: Api, node: string, driver: NodeCsiDriver): Promise<void> {
	const path = `/apis/storage.k8s.io/v1/csinodes/${node}`;
	// Its drivers merge by name: those that are there stay.
	const { name, topologyKeys } = driver;
	const patch = { spec: { drivers: [{ name, nodeID: node, topologyKeys }] } };
	try {
		await api.patch(path, patch, 'strategic');
	} catch (error) {
		if (error instanceof ApiError && error.status === 404) {
			throw new Error(`create node ${node} before the CSI driver that serves it`);
		}
		throw error;
	}
}

/** Deletes a node and its CSINode, as when a machine is gone for good. */
export async function deleteNode(api: Api, name: string): Promise<void> {
	await api.deleteAndWait(`/api/v1/nodes/${name}`);
	await api.deleteAndWait(`/apis/storage.k8s.io/v1/csinodes/${name}`);
}
