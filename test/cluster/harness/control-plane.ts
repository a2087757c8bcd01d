// A Kubernetes control plane on this machine: etcd, kube-apiserver,
// kube-controller-manager, KWOK in place of kubelets, and the snapshot controller.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Built, ensureBuilt } from '../build/cache.ts';
import { Api } from './api.ts';
import { type Access, type User, writeCredentials } from './credentials.ts';
import { type CsiDriver, type CsiDriverOptions, startCsiDriver } from './csi.ts';
import { untilHealthy } from './health.ts';
import { createNode, deleteNode, type NodeOptions } from './nodes.ts';
import { freePorts } from './ports.ts';
import { type Running, removeDir, startProcess, temporaryDir } from './processes.ts';
import { type Scheduler, type SchedulerOptions, startScheduler } from './scheduler.ts';

export interface ControlPlaneOptions {
	readonly featureGates?: Readonly<Record<string, boolean>>;
	/** Sync period of the PV controller; Kubernetes's own default is 15 s. */
	readonly claimSyncPeriod?: string;
	/** Further arguments of kube-apiserver. */
	readonly apiServerArgs?: readonly string[];
	/** What clients trust, where the arguments name a serving certificate; else the one that the API server makes itself. */
	readonly caFile?: string;
	readonly log?: (line: string) => void;
}

/** What a running control plane is known by. Plain data: it can be handed to another process. */
export interface ControlPlaneInfo {
	/** Folder of all logs, sockets and kubeconfig files; removed at the end. */
	readonly dir: string;
	readonly access: Access;
	/** Process id of kube-controller-manager. */
	readonly controllerManager: number;
}

/** A running control plane, and what tests do with it. */
export interface ControlPlane {
	readonly info: ControlPlaneInfo;
	/** The API server, as `admin`. */
	readonly api: Api;
	/** The API server, as another user. */
	apiAs(user: User): Api;
	createNode(name: string, options?: NodeOptions): Promise<void>;
	deleteNode(name: string): Promise<void>;
	startScheduler(options?: SchedulerOptions): Promise<Scheduler>;
	startCsiDriver(options: CsiDriverOptions): Promise<CsiDriver>;
	/** Nothing is bound, provisioned or collected meanwhile, as while the leading kube-controller-manager is down. */
	withoutControllerManager<T>(action: () => Promise<T>): Promise<T>;
	/** Ends every process that was started through this object. */
	stop(): Promise<void>;
}

/** A control plane of the caller's own, and what only its owner may do to it. */
export interface OwnControlPlane extends ControlPlane {
	/** Ends the API server and starts it again, where it was and with what it held; `meanwhile` there is none. */
	restartApiServer(signal: 'SIGTERM' | 'SIGKILL', meanwhile?: () => Promise<void>): Promise<void>;
}

/** How long an API server may take for its end: with watches open it waits for a minute. */
const API_SERVER_GRACE_MS = 5_000;

/** Starts a control plane; builds it first if that has not been done. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<OwnControlPlane> {
	const built = await ensureBuilt(options.log);
	const dir = temporaryDir();
	const processes: Running[] = [];
	const start = async (name: string, bin: string, args: string[]) => {
		const process = await startProcess({ name, bin, args, dir });
		processes.push(process);
		return process;
	};
	const stop = async () => {
		// Not gently: nobody needs the data, and an API server waits a minute for open watches.
		await Promise.all(processes.map((process) => process.kill()));
		removeDir(dir);
	};
	try {
		const { access, startApiServer } = await startStore(built, dir, options, start);
		let apiServer = await startApiServer();
		const [manager] = await Promise.all([
			startControllerManager(built, dir, options, access, start),
			startKwok(built, access, start),
		]);
		const controlPlane = attachControlPlane({ dir, access, controllerManager: manager.pid });
		await startSnapshotController(built, access, controlPlane.api, start);
		return {
			...controlPlane,
			restartApiServer: async (signal, meanwhile = async () => {}) => {
				await (signal === 'SIGKILL' ? apiServer.kill() : apiServer.stop(API_SERVER_GRACE_MS));
				await meanwhile();
				apiServer = await startApiServer();
			},
			stop: async () => {
				await controlPlane.stop();
				await stop();
			},
		};
	} catch (error) {
		await stop();
		throw error;
	}
}

/** The same control plane for another process, such as a test worker; its `stop` leaves it running. */
export function attachControlPlane(info: ControlPlaneInfo): ControlPlane {
	const cleanups: (() => Promise<void>)[] = [];
	const later = <T extends { stop(): Promise<void> }>(started: T): T => {
		cleanups.push(() => started.stop());
		return started;
	};
	const apiAs = (user: User) => {
		const api = new Api(info.access, user);
		cleanups.push(() => api.close());
		return api;
	};
	const api = apiAs('admin');
	return {
		info,
		api,
		apiAs,
		createNode: (name, options) => createNode(api, name, options),
		deleteNode: (name) => deleteNode(api, name),
		startScheduler: async (options) => later(await startScheduler(await ensureBuilt(), info, options)),
		startCsiDriver: async (options) => later(await startCsiDriver(await ensureBuilt(), info, api, options)),
		withoutControllerManager: async (action) => {
			process.kill(info.controllerManager, 'SIGSTOP');
			try {
				return await action();
			} finally {
				process.kill(info.controllerManager, 'SIGCONT');
			}
		},
		stop: async () => {
			// The last that was started goes first: the clients before their connections.
			for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
		},
	};
}

type Start = (name: string, bin: string, args: string[]) => Promise<Running>;

/** Starts etcd; gives what starts an API server on it, always at the same place. */
async function startStore(
	built: Built,
	dir: string,
	options: ControlPlaneOptions,
	start: Start,
): Promise<{ readonly access: Access; startApiServer(): Promise<Running> }> {
	const [etcdPort, peerPort, apiPort] = (await freePorts(3)) as [number, number, number];
	const etcdUrl = `http://127.0.0.1:${etcdPort}`;
	const peerUrl = `http://127.0.0.1:${peerPort}`;
	const server = `https://127.0.0.1:${apiPort}`;
	const certDir = join(dir, 'apiserver');
	const caFile = options.caFile ?? join(certDir, 'apiserver.crt');
	const { access, tokenFile, serviceAccountKey } = writeCredentials(join(dir, 'users'), server, caFile);

	await start('etcd', built.bin.etcd, [
		`--data-dir=${join(dir, 'etcd')}`,
		`--listen-client-urls=${etcdUrl}`,
		`--advertise-client-urls=${etcdUrl}`,
		`--listen-peer-urls=${peerUrl}`,
		`--initial-advertise-peer-urls=${peerUrl}`,
		`--initial-cluster=default=${peerUrl}`,
		'--unsafe-no-fsync',
	]);
	const args = [
		`--etcd-servers=${etcdUrl}`,
		'--bind-address=127.0.0.1',
		'--advertise-address=127.0.0.1',
		// A loopback address is not valid as an endpoint of the service "kubernetes".
		'--endpoint-reconciler-type=none',
		`--secure-port=${apiPort}`,
		`--cert-dir=${certDir}`,
		`--token-auth-file=${tokenFile}`,
		'--authorization-mode=RBAC',
		'--service-account-issuer=https://topobind.test',
		`--service-account-key-file=${serviceAccountKey}`,
		`--service-account-signing-key-file=${serviceAccountKey}`,
		'--service-cluster-ip-range=10.0.0.0/24',
		// So that pods need no service account of their namespace.
		'--disable-admission-plugins=ServiceAccount',
		...gates(options),
		...(options.apiServerArgs ?? []),
	];
	return {
		access,
		async startApiServer() {
			const apiServer = await start('kube-apiserver', built.bin['kube-apiserver'], args);
			await untilHealthy(apiServer, `${server}/readyz`, { caFile });
			return apiServer;
		},
	};
}

async function startControllerManager(
	built: Built,
	dir: string,
	options: ControlPlaneOptions,
	access: Access,
	start: Start,
): Promise<Running> {
	const [port] = (await freePorts(1)) as [number];
	const certDir = join(dir, 'controller-manager');
	const manager = await start('kube-controller-manager', built.bin['kube-controller-manager'], [
		`--kubeconfig=${access.kubeconfigs.admin}`,
		'--leader-elect=false',
		'--bind-address=127.0.0.1',
		`--secure-port=${port}`,
		`--cert-dir=${certDir}`,
		`--pvclaimbinder-sync-period=${options.claimSyncPeriod ?? '15s'}`,
		// The defaults, 20 and 30, make tests with many pods wait for the client, not for us.
		'--kube-api-qps=300',
		'--kube-api-burst=600',
		...gates(options),
	]);
	const caFile = join(certDir, 'kube-controller-manager.crt');
	await untilHealthy(manager, `https://127.0.0.1:${port}/healthz`, { caFile });
	return manager;
}

async function startKwok(built: Built, access: Access, start: Start): Promise<void> {
	const [port] = (await freePorts(1)) as [number];
	const kwok = await start('kwok', built.bin.kwok, [
		`--kubeconfig=${access.kubeconfigs.admin}`,
		'--manage-all-nodes=true',
		'--node-lease-duration-seconds=40',
		`--server-address=127.0.0.1:${port}`,
		// Without stages it would do nothing, and it has none of its own.
		...built.kwokStages.map((file) => `--config=${file}`),
	]);
	await untilHealthy(kwok, `http://127.0.0.1:${port}/healthz`);
}

async function startSnapshotController(built: Built, access: Access, api: Api, start: Start): Promise<void> {
	for (const file of built.snapshotCrds) {
		for (const crd of await api.createAll(await readFile(file, 'utf8'))) {
			await api.waitFor(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`, (now) =>
				now?.status?.conditions?.some(
					(c: { type: string; status: string }) => c.type === 'Established' && c.status === 'True',
				),
			);
		}
	}
	const [port] = (await freePorts(1)) as [number];
	const controller = await start('snapshot-controller', built.bin['snapshot-controller'], [
		`--kubeconfig=${access.kubeconfigs.admin}`,
		// Each node's snapshotter handles the snapshots of its own node's volumes.
		'--enable-distributed-snapshotting=true',
		'--feature-gates=CSIVolumeGroupSnapshot=false',
		'--kube-api-qps=100',
		'--kube-api-burst=200',
		`--http-endpoint=127.0.0.1:${port}`,
	]);
	await untilHealthy(controller, `http://127.0.0.1:${port}/metrics`);
}

function gates({ featureGates = {} }: ControlPlaneOptions): string[] {
	const pairs = Object.entries(featureGates).map(([name, on]) => `${name}=${on}`);
	return pairs.length === 0 ? [] : [`--feature-gates=${pairs.join(',')}`];
}
