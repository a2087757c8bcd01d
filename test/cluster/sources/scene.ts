// What the test files about sources share: a claim whose volume is on one node, and pods with restores and clones of it that
// would rather run on another.

import type { Api, ControlPlane, CsiDriver, CsiDriverOptions, KubeObject } from '../harness/index.ts';
import {
	claim,
	classesOf,
	isBound,
	isReadyToUse,
	isRunning,
	paths,
	pod,
	type Source,
	selectedNode,
	snapshot,
} from '../shared.ts';

export const SNAPSHOT: Source = { kind: 'VolumeSnapshot', name: 'snap' };
export const CLONE: Source = { kind: 'PersistentVolumeClaim', name: 'data' };

/** A driver, its class and its snapshot class, all of one name. */
export async function startDriver(controlPlane: ControlPlane, options: CsiDriverOptions): Promise<CsiDriver> {
	const driver = await controlPlane.startCsiDriver(options);
	await controlPlane.api.createAll(classesOf(driver.name, driver.name));
	return driver;
}

export interface SceneOptions {
	/** Beginning of the namespace's name. */
	readonly name: string;
	/** Its name is that of its classes too. */
	readonly driver: CsiDriver;
	readonly schedulerName: string;
	/** The node of the data. */
	readonly dataOn: string;
	/** The node that pods prefer. */
	readonly preferred: string;
}

export interface RestoreOptions {
	readonly size?: string;
	readonly storageClass?: string;
	readonly cpu?: string;
	/** What the pod mounts beside. */
	readonly beside?: readonly string[];
	/** Further fields of the claim's metadata and spec; undefined ones are left out. */
	readonly metadata?: object;
	readonly spec?: object;
}

/** A namespace with claim `data`, whose volume is on one node. */
export class Scene {
	readonly api: Api;
	readonly namespace: string;
	readonly driver: CsiDriver;
	readonly at: ReturnType<typeof paths>;
	readonly #options: SceneOptions;

	constructor(api: Api, namespace: string, options: SceneOptions) {
		this.api = api;
		this.namespace = namespace;
		this.driver = options.driver;
		this.at = paths(namespace);
		this.#options = options;
	}

	static async open({ api }: ControlPlane, options: SceneOptions): Promise<Scene> {
		const scene = new Scene(api, await api.createNamespace(options.name), options);
		await scene.fill('data');
		return scene;
	}

	/** A claim with a volume on the node of the data. */
	async fill(name: string, options: RestoreOptions = {}): Promise<void> {
		await this.claim(name, undefined, options);
		await this.write(name);
	}

	/** Has the claim bound on the node of the data. */
	async write(name: string): Promise<void> {
		const { namespace, at } = this;
		const { schedulerName, dataOn } = this.#options;
		const writer = `writer-of-${name}`;
		await this.api.create(pod({ namespace, name: writer, schedulerName, claims: [name], nodeSelector: on(dataOn) }));
		await this.running(writer);
		await this.api.deleteAndWait(at.pod(writer));
	}

	async snapshot(name: string, of = 'data'): Promise<void> {
		await this.api.create(snapshot({ namespace: this.namespace, name, snapshotClass: this.driver.name, claim: of }));
	}

	async ready(name: string): Promise<void> {
		await this.api.waitFor(this.at.snapshot(name), isReadyToUse);
	}

	/** A claim with this source, and a pod of the same name that would rather run where the data is not. */
	async restore(name: string, source: Source, options: RestoreOptions = {}): Promise<void> {
		await this.claim(name, source, options);
		await this.pod(name, options);
	}

	/** The claim of a restore without its pod, or one without a source. */
	async claim(name: string, source: Source | undefined, options: RestoreOptions = {}): Promise<void> {
		const { size, storageClass = this.driver.name, metadata, spec } = options;
		const { namespace } = this;
		const made = claim({ namespace, name, storageClass, ...(source && { source }), ...(size && { size }) });
		await this.api.create({ ...made, metadata: { ...made.metadata, ...metadata }, spec: { ...made.spec, ...spec } });
	}

	/** The pod of a restore, without its claim. */
	async pod(name: string, { cpu, beside = [] }: RestoreOptions = {}): Promise<void> {
		const { schedulerName, preferred } = this.#options;
		const made = pod({
			namespace: this.namespace,
			name,
			schedulerName,
			claims: [name, ...beside],
			...(cpu && { cpu }),
		});
		await this.api.create(preferring(made, preferred));
	}

	/** The node that a pod has come to run on. */
	async running(name: string): Promise<string> {
		return (await this.api.waitFor(this.at.pod(name), isRunning))?.spec.nodeName;
	}

	/** What the pod's condition says once it has been refused for this: before, a claim may not have been seen yet. */
	async whyPending(name: string, says: string): Promise<string> {
		const pending = await this.api.waitFor(this.at.pod(name), (object) => refusal(object)?.includes(says) ?? false);
		return refusal(pending) as string;
	}

	async isBound(name: string): Promise<boolean> {
		return isBound(await this.api.get(this.at.claim(name)));
	}

	/** Until the claim's phase says so. It is written last: the pod may run before. */
	async bound(name: string): Promise<void> {
		await this.api.waitFor(this.at.claim(name), isBound);
	}

	/** The node that a claim is pinned to, now. */
	async pin(name: string): Promise<string | undefined> {
		return selectedNode(await this.api.get(this.at.claim(name)));
	}

	/** The node that a claim has come to be pinned to. */
	async pinned(name: string): Promise<string | undefined> {
		return selectedNode(await this.api.waitFor(this.at.claim(name), (object) => selectedNode(object) !== undefined));
	}

	/** Until the provisioner has said that it cannot serve these claims. */
	async failedToProvision(names: readonly string[]): Promise<void> {
		await this.api.waitForList(`/api/v1/namespaces/${this.namespace}/events`, (events) => {
			const failed = events.filter(({ reason }) => reason === 'ProvisioningFailed');
			return names.every((name) => failed.some(({ involvedObject }) => involvedObject.name === name));
		});
	}

	async deletePods(names: readonly string[]): Promise<void> {
		await Promise.all(names.map((name) => this.api.deleteAndWait(this.at.pod(name))));
	}
}

export const on = (node: string) => ({ 'kubernetes.io/hostname': node });

/** By the greatest weight there is. */
function preferring(object: KubeObject, node: string): KubeObject {
	const preference = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] };
	object.spec.affinity = {
		nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] },
	};
	return object;
}

/** Why a pod could not be scheduled; undefined while it could, or was not tried. */
function refusal(object: KubeObject | undefined): string | undefined {
	const scheduled = object?.status?.conditions?.find(({ type }: KubeObject) => type === 'PodScheduled');
	return scheduled?.status === 'False' ? scheduled.message : undefined;
}

/** Names with numbers. */
export const several = (what: string, count: number): string[] =>
	Array.from({ length: count }, (_, i) => `${what}-${i}`);
