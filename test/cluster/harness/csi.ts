// The tests' CSI driver with its sidecars, one set a node, as local drivers run.

import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Built } from '../build/cache.ts';
import type { Api } from './api.ts';
import type { ControlPlaneInfo } from './control-plane.ts';
import { registerCsiDriver } from './nodes.ts';
import { type Running, startProcess } from './processes.ts';

export interface CsiDriverOptions {
	/** Name of the driver, which is also the provisioner of its classes. Unique in the control plane. */
	readonly name: string;
	/** Who can use what one node has made: itself alone, its zone, or every node. */
	readonly reach: 'node' | 'zone' | 'anywhere';
	readonly nodes: readonly CsiNode[];
	/** How long the driver takes to create a volume, such as `3s`. */
	readonly createDelay?: string;
	/** Publishes CSIStorageCapacity objects, and has the scheduler heed them. */
	readonly publishCapacity?: boolean;
	/** Further arguments of csi-provisioner. */
	readonly provisionerArgs?: readonly string[];
}

/** A node that the driver serves. It must have been created. */
export interface CsiNode {
	readonly name: string;
	/** Needed where the reach is a zone. */
	readonly zone?: string;
	/**
	 * The segment that its volumes are reachable from. Without it the one label
	 * `<driver>/node`, or `<driver>/zone` where the reach is a zone.
	 */
	readonly topology?: Readonly<Record<string, string>>;
	/** Bytes for all volumes of this node, zone or cluster. */
	readonly capacity?: number;
}

/** A running CSI driver. */
export interface CsiDriver {
	readonly name: string;
	/** CreateVolume fails with this gRPC code, such as `ResourceExhausted`, on one node or on all. */
	failCreate(code: string, options?: { readonly node?: string; readonly message?: string }): void;
	/** Ends what `failCreate` began. */
	allowCreate(node?: string): void;
	/** Snapshots are taken but not ready to use, until they are released. */
	holdSnapshots(): void;
	releaseSnapshots(): void;
	/** The handles of all volumes there are, by the driver's own books, whatever the cluster knows of them. */
	volumes(): string[];
	/** Kills the driver and the sidecars of one node, as when its machine dies. */
	stopNode(name: string): Promise<void>;
	/** Kills csi-provisioner of one node, and nothing else of it. */
	stopProvisioner(node: string): Promise<void>;
	startProvisioner(node: string): Promise<void>;
	/** Starts them again, with what they had. */
	startNode(name: string): Promise<void>;
	/** csi-provisioner of one node does nothing and says nothing, until it is resumed. */
	suspendProvisioner(node: string): void;
	resumeProvisioner(node: string): void;
	stop(): Promise<void>;
}

/** The label, and topology key, of a node or zone that a driver uses unless told otherwise. */
export function defaultTopology(
	driver: Pick<CsiDriverOptions, 'name' | 'reach'>,
	node: CsiNode,
): Record<string, string> {
	return driver.reach === 'zone'
		? { [`${driver.name}/zone`]: node.zone ?? '' }
		: { [`${driver.name}/node`]: node.name };
}

/**
 * Starts a driver on its nodes: registers it in their CSINodes, labels the nodes
 * with their topology (a kubelet would do both) and creates its CSIDriver.
 */
export async function startCsiDriver(
	built: Built,
	info: ControlPlaneInfo,
	api: Api,
	options: CsiDriverOptions,
): Promise<CsiDriver> {
	const dir = join(info.dir, options.name);
	const dataDir = join(dir, 'data');
	mkdirSync(dataDir, { recursive: true });
	await api.apply({
		apiVersion: 'storage.k8s.io/v1',
		kind: 'CSIDriver',
		metadata: { name: options.name },
		spec: { attachRequired: false, storageCapacity: options.publishCapacity ?? false },
	});

	const byNode = new Map<string, Running[]>();
	const partsOf = new Map<string, ReturnType<typeof parts>>();
	const startNode = async (name: string) => {
		for (const part of partsOf.get(name) ?? []) byNode.get(name)?.push(await startProcess({ ...part, dir }));
	};
	await Promise.all(
		options.nodes.map(async (node) => {
			const topology = node.topology ?? defaultTopology(options, node);
			await api.patch(`/api/v1/nodes/${node.name}`, { metadata: { labels: topology } });
			await registerCsiDriver(api, node.name, {
				name: options.name,
				topologyKeys: Object.keys(topology),
			});
			byNode.set(node.name, []);
			partsOf.set(node.name, parts(built, info, options, dir, node, topology));
			await startNode(node.name);
		}),
	);

	const faultFile = (node?: string) => join(dataDir, node === undefined ? 'fault-create' : `fault-create.${node}`);
	const holdFile = join(dataDir, 'hold-snapshots');
	const stopNode = async (name: string) => {
		await Promise.all((byNode.get(name) ?? []).map((process) => process.kill()));
	};
	const provisioner = (node: string) =>
		byNode.get(node)?.find(({ name, alive }) => name === provisionerName(node) && alive());
	return {
		name: options.name,
		failCreate: (code, { node, message = '' } = {}) => writeFileSync(faultFile(node), `${code} ${message}`),
		allowCreate: (node) => rmSync(faultFile(node), { force: true }),
		holdSnapshots: () => writeFileSync(holdFile, ''),
		releaseSnapshots: () => rmSync(holdFile, { force: true }),
		volumes: () => volumesIn(join(dataDir, 'pools')),
		stopNode,
		startNode,
		suspendProvisioner: (node) => provisioner(node)?.suspend(),
		resumeProvisioner: (node) => provisioner(node)?.resume(),
		async stopProvisioner(node) {
			await provisioner(node)?.kill();
		},
		async startProvisioner(node) {
			const part = partsOf.get(node)?.find(({ name }) => name === provisionerName(node));
			if (!part) throw new Error(`the driver is not on node ${node}`);
			byNode.get(node)?.push(await startProcess({ ...part, dir }));
		},
		stop: async () => {
			await Promise.all([...byNode.keys()].map(stopNode));
		},
	};
}

const provisionerName = (node: string) => `provisioner-${node}`;

/** What ListVolumes of the driver goes by: `<pool>/volumes/<handle>`. */
function volumesIn(pools: string): string[] {
	return readdirSync(pools)
		.flatMap((pool) => readdirSync(join(pools, pool, 'volumes')))
		.sort();
}

function parts(
	built: Built,
	info: ControlPlaneInfo,
	options: CsiDriverOptions,
	dir: string,
	node: CsiNode,
	topology: Readonly<Record<string, string>>,
) {
	// Short, as the path of a socket may have no more than about 100 characters.
	const socket = join(info.dir, `${randomUUID().slice(0, 8)}.sock`);
	// The sidecars wait for the socket by themselves.
	const sidecar = [
		`--kubeconfig=${info.access.kubeconfigs.admin}`,
		`--csi-address=${socket}`,
		'--node-deployment',
		// The default of 5 a second is the slowest part of a test.
		'--kube-api-qps=100',
		'--kube-api-burst=200',
	];
	const env = { NODE_NAME: node.name, NAMESPACE: 'default' };
	return [
		{
			name: `driver-${node.name}`,
			bin: built.bin['csi-driver'],
			args: [
				`--endpoint=${socket}`,
				`--node-id=${node.name}`,
				`--driver-name=${options.name}`,
				`--data-dir=${join(dir, 'data')}`,
				`--reach=${options.reach}`,
				...(node.zone === undefined ? [] : [`--zone=${node.zone}`]),
				...Object.entries(topology).map(([key, value]) => `--topology=${key}=${value}`),
				...(node.capacity === undefined ? [] : [`--capacity=${node.capacity}`]),
				...(options.createDelay === undefined ? [] : [`--create-delay=${options.createDelay}`]),
			],
		},
		{
			name: provisionerName(node.name),
			bin: built.bin['csi-provisioner'],
			args: [
				...sidecar,
				'--strict-topology',
				...(options.publishCapacity
					? ['--enable-capacity', '--capacity-ownerref-level=-1', '--capacity-poll-interval=1s']
					: []),
				...(options.provisionerArgs ?? []),
			],
			env,
		},
		{
			name: `snapshotter-${node.name}`,
			bin: built.bin['csi-snapshotter'],
			args: sidecar,
			env,
		},
	];
}
