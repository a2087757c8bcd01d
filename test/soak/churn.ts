// What users and machines do to a cluster: pods, claims, volumes, nodes and labels come, change and go.

import { claimNames } from '../cluster/chaos/invariants.ts';
import { ApiError, type KubeObject } from '../cluster/harness/index.ts';
import { localVolume } from '../cluster/objects.ts';
import { claim, paths, pod } from '../cluster/shared.ts';
import type { Ground } from './ground.ts';
import { DYNAMIC, DYNAMIC_NODES, LOCAL, NODES, SCHEDULER } from './names.ts';
import type { Random } from './random.ts';

const MOST_PODS = 40;
/** So few that most pods compete for some. */
const MOST_FREE_VOLUMES = 12;

const ACTIONS = {
	createPod: 12,
	deletePod: 8,
	createVolume: 8,
	deleteVolume: 5,
	deleteUnusedClaim: 10,
	relabelNode: 2,
	replaceNode: 0.5,
} as const;

export class Churn {
	readonly counts: Record<string, number> = {};
	/** The last that began. */
	doing = '';
	/** Claims that more than one pod has had. */
	readonly shared = new Set<string>();
	readonly #ground: Ground;
	readonly #random: Random;
	#made = 0;

	constructor(ground: Ground, random: Random) {
		this.#ground = ground;
		this.#random = random;
	}

	/** One thing happens. */
	async step(): Promise<void> {
		const action = this.#random.weighted(ACTIONS);
		this.doing = action;
		this.counts[action] = (this.counts[action] ?? 0) + 1;
		// What one action needs another may just have taken away.
		await this[action]().catch((error) => {
			if (!(error instanceof ApiError && [404, 409].includes(error.status))) throw error;
		});
	}

	/** With claims of its own, or one that another pod has already. */
	private async createPod(): Promise<void> {
		if ((await this.#pods()).length >= MOST_PODS) return;
		const shared = this.#random.chance(0.15) ? this.#random.pick(await this.#claims()) : undefined;
		await this.submit(SCHEDULER, shared?.metadata.name);
	}

	/** Pods that come all at once, more than there are volumes for. */
	async crowd(pods: number): Promise<void> {
		for (let i = 0; i < pods; i++) await this.submit(SCHEDULER);
	}

	/** A pod with one to three claims, some of which another pod may have already. */
	async submit(schedulerName: string, shared?: string): Promise<KubeObject> {
		const { namespace, api } = this.#ground;
		const number = this.#made++;
		const claims = shared ? [shared] : [];
		if (shared) this.shared.add(shared);
		const own = shared ? 1 : Number(this.#random.weighted({ '1': 6, '2': 3, '3': 1 }));
		for (let i = 0; i < own; i++) {
			const storageClass = this.#random.chance(0.3) ? DYNAMIC : LOCAL;
			const name = `claim-${number}-${i}`;
			await api.create(claim({ namespace, name, storageClass }));
			claims.push(name);
		}
		return api.create(pod({ namespace, name: `pod-${number}`, schedulerName, claims }));
	}

	/** At any moment of its life. */
	private async deletePod(): Promise<void> {
		const gone = this.#random.pick(await this.#pods());
		if (gone) await this.#ground.api.delete(paths(this.#ground.namespace).pod(gone.metadata.name));
	}

	private async createVolume(): Promise<void> {
		const free = (await this.#volumes()).filter(({ spec }) => !spec.claimRef);
		if (free.length >= MOST_FREE_VOLUMES) return;
		await this.addVolume(this.#random.pick(NODES) as string);
	}

	async addVolume(node: string): Promise<void> {
		await this.#ground.api.create(localVolume(`volume-${this.#made++}`, node, LOCAL));
	}

	/** One that is free, if only until it is deleted, or one whose claim is gone. */
	private async deleteVolume(): Promise<void> {
		const idle = (await this.#volumes()).filter(({ spec, status }) => !spec.claimRef || status.phase === 'Released');
		const gone = this.#random.pick(idle);
		if (gone) await this.#ground.api.delete(`/api/v1/persistentvolumes/${gone.metadata.name}`);
	}

	private async deleteUnusedClaim(): Promise<void> {
		const used = new Set((await this.#pods()).flatMap(claimNames));
		const gone = this.#random.pick((await this.#claims()).filter(({ metadata }) => !used.has(metadata.name)));
		if (gone) await this.#ground.api.delete(paths(this.#ground.namespace).claim(gone.metadata.name));
	}

	private async relabelNode(): Promise<void> {
		const labels = { 'soak/label': String(this.#random.below(3)) };
		await this.#ground.api.patch(`/api/v1/nodes/${this.#random.pick(NODES)}`, { metadata: { labels } });
	}

	/** A machine dies with its pods, and one of its name takes its place. */
	private async replaceNode(): Promise<void> {
		const name = this.#random.pick(NODES.slice(DYNAMIC_NODES.length)) as string;
		const { api, controlPlane, namespace } = this.#ground;
		await controlPlane.deleteNode(name);
		for (const { metadata, spec } of await this.#pods()) {
			if (spec.nodeName === name) await api.delete(paths(namespace).pod(metadata.name));
		}
		await controlPlane.createNode(name);
	}

	async #pods(): Promise<KubeObject[]> {
		return (await this.#ground.api.list(`/api/v1/namespaces/${this.#ground.namespace}/pods`)).items;
	}

	async #claims(): Promise<KubeObject[]> {
		return (await this.#ground.api.list(`/api/v1/namespaces/${this.#ground.namespace}/persistentvolumeclaims`)).items;
	}

	async #volumes(): Promise<KubeObject[]> {
		const { items } = await this.#ground.api.list('/api/v1/persistentvolumes');
		return items.filter(({ spec }) => spec.storageClassName === LOCAL);
	}
}
