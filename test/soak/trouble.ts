// What goes wrong meanwhile: between topobind and the API server, with topobind itself, with the provisioner.

import { setTimeout as pause } from 'node:timers/promises';
import type { ApiProxy, Fault } from '../cluster/chaos/api-proxy.ts';
import { ApiError } from '../cluster/harness/index.ts';
import { localVolume } from '../cluster/objects.ts';
import { isBound, selectedNode } from '../cluster/shared.ts';
import { ASTRAY, DYNAMIC, DYNAMIC_NODES, type Ground } from './ground.ts';
import type { Random } from './random.ts';

/** Of all calls. Starts are spared: that topobind then says why and ends is tested elsewhere. */
const FAULTY = 0.12;

const FAULTS: readonly Fault[] = [
	{ before: { status: 409, reason: 'Conflict' } },
	{ before: { status: 429, headers: { 'retry-after': '1' } } },
	{ before: { status: 500 } },
	{ before: { status: 503 } },
	{ before: { status: 401 } },
	{ before: { status: 410, reason: 'Expired' } },
	{ before: 'reset' },
	{ before: 'silence' },
	{ after: 'reset' },
	{ after: 'cut' },
	{ after: 'silence' },
];

const TROUBLES = {
	watch: 10,
	down: 1,
	kill: 1,
	terminate: 0.5,
	restart: 0.25,
	token: 2,
	provisioner: 3,
	astray: 1,
} as const;

const WATCH_TROUBLES = {
	end: 2,
	reset: 2,
	cutInLine: 2,
	gone: 2,
	failed: 1,
	twice: 1,
	'in pieces': 1,
	mute: 1,
} as const;

export class Trouble {
	readonly counts: Record<string, number> = {};
	readonly #ground: Ground;
	readonly #random: Random;
	#tokens = 0;

	constructor(ground: Ground, random: Random) {
		this.#ground = ground;
		this.#random = random;
	}

	/** From now on calls fail now and then. */
	begin(): void {
		for (const proxy of this.#ground.proxies) {
			proxy.rule = ({ path, query }) => {
				const isFirst = path === '/api/v1/nodes' && query.get('limit') === '1';
				if (isFirst || !this.#random.chance(FAULTY)) return undefined;
				this.#count('call');
				return this.#random.pick(FAULTS);
			};
		}
	}

	/** One more thing goes wrong. */
	async step(): Promise<void> {
		const trouble = this.#random.weighted(TROUBLES);
		this.#count(trouble);
		await this[trouble]();
	}

	/** From now on nothing fails. */
	end(): void {
		for (const proxy of this.#ground.proxies) {
			proxy.rule = undefined;
			for (const watch of proxy.watches) watch.reset();
		}
		this.#ground.csi.allowCreate();
		for (const node of DYNAMIC_NODES) this.#ground.csi.allowCreate(node);
	}

	private async watch(): Promise<void> {
		const watch = this.#random.pick([...this.#proxy().watches]);
		if (!watch) return;
		const how = this.#random.weighted(WATCH_TROUBLES);
		if (how === 'gone') watch.error(410, 'Expired');
		else if (how === 'failed') watch.error(500, 'InternalError');
		else if (how === 'mute') {
			// Silent, for as long as the client bears it or until it breaks: what was not told must be found out.
			watch.delivery = 'mute';
			if (this.#random.chance(0.8)) setTimeout(() => watch.reset(), 2_000);
		} else if (how === 'twice' || how === 'in pieces') watch.delivery = how;
		else watch[how]();
	}

	private async down(): Promise<void> {
		const proxy = this.#proxy();
		await proxy.down();
		await pause(500 + this.#random.below(2_500));
		await proxy.up();
	}

	private async kill(): Promise<void> {
		await this.#ground.restartFirst('SIGKILL');
	}

	private async terminate(): Promise<void> {
		await this.#ground.restartFirst('SIGTERM');
	}

	/** The API server itself. */
	private async restart(): Promise<void> {
		const signal = this.#random.chance(0.5) ? 'SIGKILL' : 'SIGTERM';
		await this.#ground.exclusively(() => this.#ground.controlPlane.restartApiServer(signal));
	}

	private async token(): Promise<void> {
		this.#proxy().rotateToken(`token-${this.#tokens++}`);
	}

	private async provisioner(): Promise<void> {
		const node = this.#random.pick(DYNAMIC_NODES) as string;
		if (this.#random.chance(0.5)) this.#ground.csi.allowCreate(node);
		else
			this.#ground.csi.failCreate(this.#random.pick(['ResourceExhausted', 'Internal', 'Unavailable']) as string, {
				node,
			});
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

	#proxy(): ApiProxy {
		return this.#random.pick(this.#ground.proxies) as ApiProxy;
	}

	#count(what: string): void {
		this.counts[what] = (this.counts[what] ?? 0) + 1;
	}
}
