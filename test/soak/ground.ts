// What the soak runs on: nodes, storage, two replicas of topobind behind faulty ways to the API server, a scheduler.

import type { Cluster } from '../../src/cluster/cluster.ts';
import { connectKubernetes } from '../../src/cluster/kubernetes.ts';
import { ApiProxy, type Fault } from '../cluster/chaos/api-proxy.ts';
import { startRoundRobin } from '../cluster/chaos/round-robin.ts';
import { addressOf, impatientConfig, type ServingOptions, startServing } from '../cluster/chaos/serving.ts';
import {
	type Api,
	type CsiDriver,
	type KubeObject,
	type OwnControlPlane,
	startControlPlane,
} from '../cluster/harness/index.ts';
import { localClass } from '../cluster/objects.ts';
import { classesOf } from '../cluster/shared.ts';
import { grantEvents, grantRights, type Topobind } from '../cluster/topobind.ts';
import { Checks } from './checks/checks.ts';
import { DYNAMIC, DYNAMIC_NODES, LOCAL, NODES, SCHEDULER } from './names.ts';

const BIND_TIMEOUT_SECONDS = 10;
/** Less than a bind may take: now and then it strikes, and the call that is made again reaches the other replica. */
const SCHEDULER_TIMEOUT = '6s';

export class Ground {
	readonly controlPlane: OwnControlPlane;
	readonly api: Api;
	namespace = '';
	/** Of the two replicas, and of the cache in this process. */
	proxies: ApiProxy[] = [];
	/** The first is killed now and then, the second lives as long as the soak. */
	topobinds: Topobind[] = [];
	csi!: CsiDriver;
	/** A cache like topobind's, in this process, so that it can be compared. */
	cache!: Cluster;
	checks!: Checks;
	/** By path, calls that wait for somebody, whatever else goes wrong. */
	readonly gates = new Map<string, NonNullable<Fault['before']>>();
	#turn: Promise<void> = Promise.resolve();
	readonly #cleanups: (() => Promise<void>)[] = [];

	private constructor(controlPlane: OwnControlPlane) {
		this.controlPlane = controlPlane;
		this.api = controlPlane.api;
	}

	static async start(): Promise<Ground> {
		const ground = new Ground(await startControlPlane());
		try {
			await ground.#prepare();
		} catch (error) {
			await ground.stop();
			throw error;
		}
		return ground;
	}

	/** A new process where the old one was. It may not have synced yet. */
	async restartFirst(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
		const [first] = this.topobinds as [Topobind];
		this.checks.ending(0);
		await (signal === 'SIGKILL' ? first.process.kill() : first.stop());
		this.checks.restarted(0);
		this.topobinds[0] = await this.#serve(0, { listen: addressOf(first.extender), unsynced: true });
	}

	/** One after the other: what asks the API server, and what takes it away. */
	exclusively<T>(work: () => Promise<T>): Promise<T> {
		const turn = this.#turn.then(work);
		this.#turn = turn.then(
			() => {},
			() => {},
		);
		return turn;
	}

	async stop(): Promise<void> {
		for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
		await this.controlPlane.stop();
	}

	async #prepare(): Promise<void> {
		const { api, controlPlane } = this;
		await grantRights(controlPlane);
		await grantEvents(controlPlane);
		await Promise.all(NODES.map((name) => controlPlane.createNode(name)));
		this.namespace = await api.createNamespace('soak');
		this.csi = await controlPlane.startCsiDriver({
			name: DYNAMIC,
			reach: 'node',
			nodes: DYNAMIC_NODES.map((name) => ({ name })),
			// So that it has tried again soon after it was broken.
			provisionerArgs: ['--retry-interval-start=500ms', '--retry-interval-max=2s'],
		});
		const [dynamic] = classesOf(DYNAMIC, DYNAMIC);
		const reach = { matchLabelExpressions: [{ key: `${DYNAMIC}/node`, values: DYNAMIC_NODES }] };
		// Else claims would be told nodes where no provisioner runs.
		await api.createAll([localClass(LOCAL), { ...dynamic, allowedTopologies: [reach] } as KubeObject]);
		for (const identity of ['certificate', 'token', 'certificate'] as const) {
			this.proxies.push(await ApiProxy.start(controlPlane.info, { identity }));
		}
		this.#cleanups.push(async () => {
			await Promise.all(this.proxies.map((proxy) => proxy.stop()));
		});
		this.checks = new Checks(this.proxies, BIND_TIMEOUT_SECONDS * 1_000);
		this.topobinds = await Promise.all([this.#serve(0), this.#serve(1)]);
		this.#cleanups.push(async () => {
			await Promise.all(this.topobinds.map((topobind) => topobind.stop()));
		});
		this.cache = await connectKubernetes({ kubeconfig: (this.proxies[2] as ApiProxy).kubeconfig });
		this.#cleanups.push(() => this.cache.stop());
		await this.cache.whenSynced;
		this.checks.learn(this.cache.readiness().watches.length);
		const extenders = this.topobinds.map(({ extender }) => extender);
		const front = await startRoundRobin(extenders, undefined, (call) => this.checks.binds.observe(call));
		this.#cleanups.push(() => front.close());
		const config = await impatientConfig(front.url, SCHEDULER_TIMEOUT);
		const scheduler = await controlPlane.startScheduler({ config, schedulerName: SCHEDULER });
		this.#cleanups.push(() => scheduler.stop());
	}

	#serve(replica: number, more: Partial<ServingOptions> = {}): Promise<Topobind> {
		return startServing(this.controlPlane, {
			proxy: this.proxies[replica] as ApiProxy,
			bindTimeoutSeconds: BIND_TIMEOUT_SECONDS,
			env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' },
			...more,
		});
	}
}
