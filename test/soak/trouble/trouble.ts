// What goes wrong meanwhile: between topobind and the API server, with topobind itself, with the provisioner.

import type { ApiProxy } from '../../cluster/chaos/api-proxy.ts';
import { ApiError } from '../../cluster/harness/index.ts';
import { localVolume } from '../../cluster/objects.ts';
import { isBound, selectedNode } from '../../cluster/shared.ts';
import type { Ground } from '../ground.ts';
import { ASTRAY, DYNAMIC, DYNAMIC_NODES } from '../names.ts';
import type { Random } from '../random.ts';
import { CallTrouble } from './calls.ts';
import { Lasting } from './lasting.ts';
import { makeLate, replaceIdentity, troubleWatch } from './way.ts';

/** How often each comes. */
const TROUBLES = {
	watch: 10,
	late: 1,
	down: 1,
	longDown: 0.15,
	kill: 1,
	terminate: 0.5,
	restart: 0.25,
	identity: 2,
	provisioner: 3,
	stillProvisioner: 1,
	noProvisioner: 0.5,
	astray: 1,
} as const;

/** Longer than a replica is trusted that sees nothing. */
const LONG_DOWN_MS = 42_000;

type Name = keyof typeof TROUBLES;

export class Trouble {
	readonly counts: Record<string, number> = {};
	/** The last that began. */
	doing = '';
	readonly #ground: Ground;
	readonly #random: Random;
	readonly #calls: CallTrouble;
	readonly #lasting = new Lasting();
	/** Those that have not come yet: a short soak is to meet all. */
	readonly #missing = new Set(Object.keys(TROUBLES) as Name[]);
	#failed: Error | undefined;

	constructor(ground: Ground, random: Random) {
		this.#ground = ground;
		this.#random = random;
		this.#calls = new CallTrouble(ground, random, (what) => this.#count(what));
	}

	/** From now on calls fail now and then. */
	begin(): void {
		this.#calls.begin();
	}

	/** What has not come yet. */
	get missing(): readonly string[] {
		return [...this.#missing];
	}

	/** One more thing goes wrong. */
	async step(): Promise<void> {
		if (this.#failed) throw this.#failed;
		const trouble = this.#random.chance(0.3) ? this.#pickMissing() : this.#random.weighted(TROUBLES);
		this.#missing.delete(trouble);
		this.doing = trouble;
		this.#count(trouble);
		await this[trouble]();
	}

	/** From now on nothing fails. What a watch has not told stays untold: to find that out is topobind's. */
	async end(): Promise<void> {
		this.#calls.end();
		await this.#lasting.endAll();
		this.#ground.csi.allowCreate();
		for (const node of DYNAMIC_NODES) this.#ground.csi.allowCreate(node);
	}

	private async watch(): Promise<void> {
		const watch = this.#random.pick([...this.#proxy().watches]);
		if (watch) troubleWatch(watch, this.#random);
	}

	private async late(): Promise<void> {
		makeLate(this.#proxy(), this.#random);
	}

	private async down(): Promise<void> {
		await this.#takeDown(500 + this.#random.below(2_500));
	}

	private async longDown(): Promise<void> {
		await this.#takeDown(LONG_DOWN_MS);
	}

	async #takeDown(ms: number): Promise<void> {
		const proxy = this.#proxy();
		if (!proxy.isUp) return;
		await proxy.down();
		this.#last(`way ${this.#ground.proxies.indexOf(proxy)}`, ms, () => proxy.up());
	}

	private async kill(): Promise<void> {
		await this.#restartFirst('SIGKILL');
	}

	private async terminate(): Promise<void> {
		await this.#restartFirst('SIGTERM');
	}

	/** Not while it could not begin, as it needs an answer for that. */
	async #restartFirst(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
		if (this.#ground.proxies[0]?.isUp) await this.#ground.restartFirst(signal);
		else this.#count('not restarted, as the way was down');
	}

	/** The API server itself. */
	private async restart(): Promise<void> {
		const signal = this.#random.chance(0.5) ? 'SIGKILL' : 'SIGTERM';
		await this.#ground.exclusively(() => this.#ground.controlPlane.restartApiServer(signal));
	}

	private async identity(): Promise<void> {
		const proxy = this.#proxy();
		this.#count(proxy.identity.serving ? 'certificate replaced' : 'token replaced');
		await replaceIdentity(proxy, this.#random);
	}

	private async provisioner(): Promise<void> {
		const { csi } = this.#ground;
		const node = this.#random.pick(DYNAMIC_NODES) as string;
		if (this.#random.chance(0.5)) csi.allowCreate(node);
		else csi.failCreate(this.#random.pick(['ResourceExhausted', 'Internal', 'Unavailable']) as string, { node });
	}

	/** It neither acts nor fails, for longer than some binds may take. */
	private async stillProvisioner(): Promise<void> {
		const { csi } = this.#ground;
		const node = this.#random.pick(DYNAMIC_NODES) as string;
		if (this.#lasting.has(node)) return;
		csi.suspendProvisioner(node);
		this.#last(node, 3_000 + this.#random.below(15_000), () => csi.resumeProvisioner(node));
	}

	private async noProvisioner(): Promise<void> {
		const { csi } = this.#ground;
		const node = this.#random.pick(DYNAMIC_NODES) as string;
		if (this.#lasting.has(node)) return;
		await csi.stopNode(node);
		this.#last(node, 3_000 + this.#random.below(15_000), () => csi.startNode(node));
	}

	/** Somebody makes a volume for a claim that waits for its provisioner, on another node than was selected. */
	private async astray(): Promise<void> {
		const { api, namespace } = this.#ground;
		await this.#ground.exclusively(async () => {
			const { items } = await api.list(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`);
			const claim = this.#random.pick(items.filter((each) => selectedNode(each) && !isBound(each)));
			if (!claim) return;
			this.#count('astray made');
			const node = this.#random.pick(DYNAMIC_NODES.filter((name) => name !== selectedNode(claim))) as string;
			const made = localVolume(`${ASTRAY}${claim.metadata.uid}`, node, DYNAMIC);
			const { name, uid } = claim.metadata;
			made.spec.claimRef = { namespace, name, uid };
			await api.create(made).catch((error) => {
				if (!(error instanceof ApiError && error.status === 409)) throw error;
			});
		});
	}

	#last(name: string, ms: number, undo: () => Promise<void> | void): void {
		this.#lasting.add(name, ms, undo, (error) => {
			this.#failed = error;
		});
	}

	#pickMissing(): Name {
		return this.#random.pick([...this.#missing]) ?? this.#random.weighted(TROUBLES);
	}

	#proxy(): ApiProxy {
		return this.#random.pick(this.#ground.proxies) as ApiProxy;
	}

	#count(what: string): void {
		this.counts[what] = (this.counts[what] ?? 0) + 1;
	}
}
