import type { Change, ClusterState } from '../cluster/state.ts';
import { type ClusterWriter, WriteError } from '../cluster/writer.ts';
import { isReason, type Plan, planBinding } from '../domain/decision/plan.ts';
import type { Claim, Pod, Volume } from '../domain/model.ts';
import { objectKey } from '../domain/model.ts';
import { firstChanged } from './bound-claims.ts';
import { Changes } from './changes.ts';
import { BindError } from './outcome.ts';
import { progressOf } from './progress.ts';
import { retryTransient } from './retry.ts';
import { inSteps, type Part } from './steps.ts';

export interface BindTarget {
	readonly namespace: string;
	readonly name: string;
	readonly uid: string;
	readonly node: string;
}

const STALE_CONFLICT_PAUSE_MS = 200;

/**
 * One bind, from judgement to Binding.
 *
 * - Judging, planning and assuming happen in one synchronous step, so no two binds ever plan for the same volume or
 *   claim: the second already judges by what the first assumed.
 * - An assumption is confirmed when written and taken back when not, however the attempt ends.
 * - Every wait ends at the signal.
 */
export class Attempt {
	/** What is being waited for, for the message of a timeout. */
	waitingFor = 'the API server';
	readonly #target: BindTarget;
	readonly #cluster: ClusterState;
	readonly #writer: ClusterWriter;
	readonly #signal: AbortSignal;
	/** Keys of the volumes and claims that this attempt has written. */
	readonly #own = new Set<string>();
	/** The claims' watch has shown a claim of the pod unbound: it will show it bound since this attempt began. */
	#sawUnbound = false;

	constructor(target: BindTarget, cluster: ClusterState, writer: ClusterWriter, signal: AbortSignal) {
		this.#target = target;
		this.#cluster = cluster;
		this.#writer = writer;
		this.#signal = signal;
	}

	/** Binds the claims, then the pod. Rejects with a BindError, or with the signal's reason. */
	async run(): Promise<void> {
		const pod = await this.#findPod();
		if (pod.nodeName === this.#target.node) return;
		if (pod.claimVolumes.length > 0 && (await this.#bindClaims(pod)) === 'pod bound') return;
		await this.#bindPod();
	}

	/** The pod with the UID that was scheduled; bound already to the node asked for, or not at all. */
	async #findPod(): Promise<Pod> {
		const { namespace, name, uid } = this.#target;
		const known = this.#cluster.pod(namespace, name);
		return this.#checkPod(known?.uid === uid ? known : await this.#readPod());
	}

	/** As the API server holds it: the watch may not have shown yet what stood in the way of a write. */
	#readPod(): Promise<Pod | undefined> {
		return this.#write(() => this.#writer.readPod(this.#target.namespace, this.#target.name));
	}

	#checkPod(pod: Pod | undefined): Pod {
		const { namespace, name, uid, node } = this.#target;
		if (!pod) throw new BindError('ended', `pod ${namespace}/${name} no longer exists`);
		if (pod.uid !== uid) {
			throw new BindError('ended', `pod ${namespace}/${name} is another one by now: its UID is not ${uid || 'empty'}`);
		}
		if (pod.deleting) throw new BindError('ended', `pod ${namespace}/${name} is being deleted`);
		if (pod.nodeName !== '' && pod.nodeName !== node) {
			throw new BindError('ended', `pod ${namespace}/${name} is already bound to another node`);
		}
		return pod;
	}

	async #bindClaims(pod: Pod): Promise<'claims bound' | 'pod bound'> {
		const keys = new Set(pod.claimVolumes.map(({ claimName }) => `${pod.namespace}/${claimName}`));
		const changes = new Changes(this.#cluster, (change) => matters(change, pod, this.#target.node, keys));
		try {
			for (;;) {
				const plan = this.#plan(pod);
				const end = await this.#carryOut(plan, changes);
				if (end === 'pod bound') return end;
				if (end === 'claims bound' && (await this.#areBound(plan, changes))) return end;
				await this.#nextTurn();
			}
		} finally {
			changes.close();
		}
	}

	/** Planning anew needs no call that takes time: without this, plans that come to nothing would hold up the whole process. */
	async #nextTurn(): Promise<void> {
		await new Promise((resolve) => setImmediate(resolve));
		this.#signal.throwIfAborted();
	}

	#plan(pod: Pod): Plan {
		const plan = planBinding(pod, this.#cluster, this.#target.node);
		if (isReason(plan)) throw new BindError('refused', plan.message);
		this.#sawUnbound ||= plan.bindings.length > 0 || plan.provisions.length > 0;
		return plan;
	}

	/** Undone: the cluster has moved on, plan again. Called right after planning, in the same turn. */
	async #carryOut(plan: Plan, changes: Changes): Promise<End> {
		const end = await this.#writePlan(plan, changes);
		if (end === 'conflict') return this.#untilSettled(changes);
		return end === 'written' ? this.#wait(plan, changes) : end;
	}

	/** All of the plan is assumed at once, so that no other bind plans for it; what is not written is taken back. */
	async #writePlan(plan: Plan, changes: Changes): Promise<End | 'written' | 'conflict'> {
		const steps = inSteps(plan).map(({ bindings, provisions }) => ({
			claims: [...bindings, ...provisions].map(({ claim }) => claim),
			writes: this.#writesOf({ bindings, provisions }),
		}));
		const all = steps.flatMap(({ writes }) => writes);
		const later = new Set(steps.flatMap(({ claims }) => claims));
		let left = all.length;
		try {
			if (!all.every((write) => write.assume())) return 'conflict';
			for (const { claims, writes } of steps) {
				for (const { write } of writes) await this.#write(write);
				for (const claim of claims) later.delete(claim);
				left -= writes.length;
				if (left === 0) return 'written';
				const end = await this.#wait(plan, changes, later);
				if (end !== 'claims bound') return end;
			}
			return 'written';
		} catch (error) {
			if (!(error instanceof WriteError)) throw error;
			if (error.failure === 'refused') throw new BindError('failed', error.message, { cause: error });
			return 'conflict';
		} finally {
			for (const write of all) write.revert();
		}
	}

	#writesOf({ bindings, provisions }: Part): PlannedWrite[] {
		return [
			...bindings.filter(({ written }) => !written).map(({ volume, claim }) => this.#claimVolume(volume, claim)),
			...provisions.filter(({ written }) => !written).map(({ claim }) => this.#selectNode(claim)),
		];
	}

	#claimVolume(base: Volume, claim: Claim): PlannedWrite {
		const assumed = { ...base, claimRef: { namespace: claim.namespace, name: claim.name, uid: claim.uid } };
		return {
			assume: () => this.#cluster.assumeVolume(assumed, base),
			revert: () => this.#cluster.revertVolume(assumed),
			write: async () => {
				this.#cluster.confirmVolume(await this.#writer.claimVolume(base, claim), assumed);
				this.#own.add(base.name);
			},
		};
	}

	#selectNode(base: Claim): PlannedWrite {
		const assumed = { ...base, selectedNode: this.#target.node };
		return {
			assume: () => this.#cluster.assumeClaim(assumed, base),
			revert: () => this.#cluster.revertClaim(assumed),
			write: async () => {
				this.#cluster.confirmClaim(await this.#writer.selectNode(base, this.#target.node), assumed);
				this.#own.add(objectKey(base));
			},
		};
	}

	/** The watch usually brings what stood in the way; where it has already, or never will, a short pause bounds the retries. */
	async #untilSettled(changes: Changes): Promise<'undone'> {
		const enough = AbortSignal.any([this.#signal, AbortSignal.timeout(STALE_CONFLICT_PAUSE_MS)]);
		await changes.nextShown(enough).catch(() => this.#signal.throwIfAborted());
		return 'undone';
	}

	async #wait(plan: Plan, changes: Changes, later?: ReadonlySet<Claim>): Promise<End> {
		for (;;) {
			const progress = progressOf(plan, this.#cluster, this.#own, later);
			if (progress.state === 'failed') throw new BindError('ended', progress.why);
			if (await this.#isPodBound()) return 'pod bound';
			if (progress.state === 'undone') return 'undone';
			if (progress.state === 'bound') return 'claims bound';
			this.waitingFor = progress.what;
			await changes.next(this.#signal);
		}
	}

	/** A pod leaves the watch of unassigned pods when it is deleted and when it is bound: only the API server knows which. */
	async #isPodBound(): Promise<boolean> {
		const known = this.#cluster.pod(this.#target.namespace, this.#target.name);
		if (known?.uid === this.#target.uid && !known.deleting) return false;
		return (await this.#findPod()).nodeName !== '';
	}

	/**
	 * Whether claims that the watch has shown bound from the start of this attempt on still are: nothing that was written or
	 * waited for has proven it, and a pod that is bound with an unbound claim waits for ever. Where one has changed, it
	 * waits until the watch shows it.
	 */
	async #areBound({ claims }: Plan, changes: Changes): Promise<boolean> {
		if (this.#sawUnbound) return true;
		this.waitingFor = 'the claims to be read';
		const changed = await firstChanged(claims, ({ namespace, name }) =>
			this.#write(() => this.#writer.readClaim(namespace, name)),
		);
		if (!changed) return true;
		const { known, now } = changed;
		if (!now) throw new BindError('ended', `claim ${known.name} no longer exists`);
		this.waitingFor = `the watch to show how claim ${known.name} has changed`;
		const { resourceVersion } = known;
		while (this.#cluster.seen('PersistentVolumeClaim', objectKey(known))?.resourceVersion === resourceVersion) {
			// Bound meanwhile, or gone: the next turn finds out which.
			if (await this.#isPodBound()) return false;
			await changes.next(this.#signal);
		}
		return false;
	}

	async #bindPod(): Promise<void> {
		this.waitingFor = 'the pod to be bound';
		const { namespace, name, node } = this.#target;
		try {
			await this.#write(() => this.#writer.bindPod(this.#target, node));
		} catch (error) {
			if (!(error instanceof WriteError)) throw error;
			// An earlier POST may have done it although its answer was lost.
			if (error.failure === 'conflict' && this.#checkPod(await this.#readPod()).nodeName === node) return;
			if (error.failure === 'gone')
				throw new BindError('ended', `pod ${namespace}/${name} no longer exists`, { cause: error });
			throw new BindError('failed', error.message, { cause: error });
		}
	}

	#write<T>(write: () => Promise<T>): Promise<T> {
		return retryTransient(write, this.#signal);
	}
}

type End = 'claims bound' | 'pod bound' | 'undone';

interface PlannedWrite {
	/** False where somebody else's assumption is in the way. */
	assume(): boolean;
	write(): Promise<void>;
	/** Takes the assumption back; once written there is none of its own left, and this does nothing. */
	revert(): void;
}

/** What can bring a waiting bind forward, or end it. */
function matters(
	{ kind, key, previous, current }: Change,
	pod: Pod,
	node: string,
	claimKeys: ReadonlySet<string>,
): boolean {
	if (kind === 'PersistentVolumeClaim') return claimKeys.has(key);
	if (kind === 'Pod') return key === objectKey(pod);
	if (kind === 'Node' || kind === 'CSINode') return key === node;
	if (kind !== 'PersistentVolume') return false;
	// Also one that was reserved for a claim of the pod, and is now for another.
	return [previous, current].some((volume) => {
		const claimRef = (volume as Volume | undefined)?.claimRef;
		return claimRef === undefined || claimKeys.has(`${claimRef.namespace}/${claimRef.name}`);
	});
}
