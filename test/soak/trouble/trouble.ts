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

/** What else there must be, as it is counted where it happens. */
const OTHERS = ['call', 'further page', 'continue token expired', 'token replaced', 'certificate replaced'];

/** Minutes in which all come, by far. */
const ENOUGH = 10;

/** Given what did not come in so many minutes. */
export function neverCame(missing: readonly string[], minutes: number): string[] {
	return minutes < ENOUGH ? [] : missing.map((what) => `in ${minutes} minutes this never went wrong: ${what}`);
}

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
		return [...this.#missing, ...OTHERS.filter((what) => !this.counts[what])];
	}

	/** One more thing goes wrong, if what it needs is there. */
	async step(): Promise<void> {
		if (this.#failed) throw this.#failed;
		const trouble = this.#random.chance(0.3) ? this.#pickMissing() : this.#random.weighted(TROUBLES);
		this.doing = trouble;
		if (!(await this[trouble]())) return;
		this.#missing.delete(trouble);
		this.#count(trouble);
	}

	/** From now on nothing fails. What a watch has not told stays untold: to find that out is topobind's. */
	async end(): Promise<void> {
		this.#calls.end();
		await this.#lasting.endAll();
		this.#ground.csi.allowCreate();
		for (const node of DYNAMIC_NODES) this.#ground.csi.allowCreate(node);
	}

	private async watch(): Promise<boolean> {
		const watch = this.#random.pick([...this.#proxy().watches]);
		if (watch) troubleWatch(watch, this.#random);
		return watch !== undefined;
	}

	private async late(): Promise<boolean> {
		const proxy = this.#proxy();
		makeLate(proxy, this.#random);
		return proxy.lagMs > 0;
	}

	private async down(): Promise<boolean> {
		return this.#takeDown(500 + this.#random.below(2_500));
	}

	private async longDown(): Promise<boolean> {
		return this.#takeDown(LONG_DOWN_MS);
	}

	async #takeDown(ms: number): Promise<boolean> {
		const proxy = this.#proxy();
		if (!proxy.isUp) return false;
		await proxy.down();
		this.#last(`way ${this.#ground.proxies.indexOf(proxy)}`, ms, () => proxy.up());
		return true;
	}

	private async kill(): Promise<boolean> {
		return this.#restartFirst('SIGKILL');
	}

	private async terminate(): Promise<boolean> {
		return this.#restartFirst('SIGTERM');
	}

	/** Not while it could not begin, as it needs an answer for that. */
	async #restartFirst(signal: 'SIGKILL' | 'SIGTERM'): Promise<boolean> {
		if (!this.#ground.proxies[0]?.isUp) {
			this.#count('not restarted, as the way was down');
			return false;
		}
		await this.#ground.restartFirst(signal);
		return true;
	}

	/** The API server itself. */
	private async restart(): Promise<boolean> {
		const signal = this.#random.chance(0.5) ? 'SIGKILL' : 'SIGTERM';
		await this.#ground.exclusively(() => this.#ground.controlPlane.restartApiServer(signal));
		return true;
	}

	private async identity(): Promise<boolean> {
		const proxy = this.#proxy();
		this.#count(proxy.identity.serving ? 'certificate replaced' : 'token replaced');
		await replaceIdentity(proxy, this.#random);
		return true;
	}

	/** It fails on one node from now on, or does so no more, which is no trouble. */
	private async provisioner(): Promise<boolean> {
		const { csi } = this.#ground;
		const node = this.#random.pick(DYNAMIC_NODES) as string;
		const fails = this.#random.chance(0.5);
		if (fails) csi.failCreate(this.#random.pick(['ResourceExhausted', 'Internal', 'Unavailable']) as string, { node });
		else csi.allowCreate(node);
		return fails;
	}

	/** It neither acts nor fails, for longer than some binds may take. */
	private async stillProvisioner(): Promise<boolean> {
		const { csi } = this.#ground;
		const node = this.#random.pick(DYNAMIC_NODES) as string;
		if (this.#lasting.has(node)) return false;
		csi.suspendProvisioner(node);
		this.#last(node, 3_000 + this.#random.below(15_000), () => csi.resumeProvisioner(node));
		return true;
	}

	private async noProvisioner(): Promise<boolean> {
		const { csi } = this.#ground;
		const node = this.#random.pick(DYNAMIC_NODES) as string;
		if (this.#lasting.has(node)) return false;
		await csi.stopNode(node);
		this.#last(node, 3_000 + this.#random.below(15_000), () => csi.startNode(node));
		return true;
	}

	/** Somebody makes a volume for a claim that waits for its provisioner, on another node than was selected. */
	private async astray(): Promise<boolean> {
		const { api, namespace } = this.#ground;
		return this.#ground.exclusively(async () => {
			const { items } = await api.list(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`);
			const claim = this.#random.pick(items.filter((each) => selectedNode(each) && !isBound(each)));
			if (!claim) return false;
			const node = this.#random.pick(DYNAMIC_NODES.filter((name) => name !== selectedNode(claim))) as string;
			const made = localVolume(`${ASTRAY}${claim.metadata.uid}`, node, DYNAMIC);
			const { name, uid } = claim.metadata;
			made.spec.claimRef = { namespace, name, uid };
			try {
				await api.create(made);
				return true;
			} catch (error) {
				if (error instanceof ApiError && error.status === 409) return false;
				throw error;
			}
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
