/** A cluster for the binder: what an API server holds, what its watch has shown so far, and what tests do to both. */

import { ClusterState } from '../../../src/cluster/state.ts';
import { type ClusterWriter, WriteError, type WriteFailure } from '../../../src/cluster/writer.ts';
import type { Claim, Pod, Volume } from '../../../src/domain/model.ts';
import { objectKey } from '../../../src/domain/model.ts';
import { type Manifest, NAMESPACE, node, pod, project, storageClass } from '../domain/builders.ts';

export type Call = 'claimVolume' | 'selectNode' | 'bindPod' | 'readPod' | 'readClaim';

/** Before: the API server has not seen the call. After: it has carried it out, and the answer is on its way. */
export type Moment = 'before' | 'after';

type Kept = 'PersistentVolume' | 'PersistentVolumeClaim' | 'Pod';
interface Objects {
	PersistentVolume: Volume;
	PersistentVolumeClaim: Claim;
	Pod: Pod;
}
type Script = () => unknown;

/**
 * Plays API server, watch and controllers for a binder.
 *
 * - Writes are checked as a real one checks them: uid and resourceVersion must be the current ones.
 * - A change reaches each `state` when its watch delivers it: at once, unless `holdWatch` was called.
 * - `on` scripts the next call of a kind; without a script every call succeeds.
 */
export class FakeCluster implements ClusterWriter {
	/** More than one plays more than one replica. */
	readonly states: readonly ClusterState[];
	/** Every call that arrived, such as `claimVolume pv-1 for data`. */
	readonly calls: string[] = [];
	/** Each assignment of a volume to a claim that the API server has accepted, and whose the volume was then. */
	readonly assignments: { volume: string; claim: string; before: string | undefined }[] = [];
	readonly #kept: { [K in Kept]: Map<string, Objects[K]> } = {
		PersistentVolume: new Map(),
		PersistentVolumeClaim: new Map(),
		Pod: new Map(),
	};
	readonly #scripts = new Map<string, Script[]>();
	#version = 1000;
	#held: (() => void)[] | undefined;
	/** Called for every change, once a state, in place of the own delivery. */
	deliverBy: ((state: ClusterState, deliver: () => void) => void) | undefined;
	/** Called at both moments of every call, before its script. */
	pace: ((call: Call, moment: Moment) => unknown) | undefined;

	constructor(manifests: readonly Manifest[], replicas = 1) {
		this.states = Array.from({ length: replicas }, () => new ClusterState());
		for (const manifest of manifests) this.put(manifest);
	}

	get state(): ClusterState {
		return this.states[0] as ClusterState;
	}

	// What the API server holds.

	volume(name: string): Volume | undefined {
		return this.#kept.PersistentVolume.get(name);
	}

	claim(name: string): Claim | undefined {
		return this.#kept.PersistentVolumeClaim.get(`${NAMESPACE}/${name}`);
	}

	pod(name: string): Pod | undefined {
		return this.#kept.Pod.get(`${NAMESPACE}/${name}`);
	}

	claims(): Claim[] {
		return [...this.#kept.PersistentVolumeClaim.values()];
	}

	volumes(): Volume[] {
		return [...this.#kept.PersistentVolume.values()];
	}

	// What others do.

	put(manifest: Manifest): void {
		if (isKept(manifest.kind)) this.#write(manifest.kind, project(manifest) as never);
		else this.#tell((state) => state.upsert(manifest.kind, project(manifest) as never));
	}

	change<K extends Kept>(kind: K, name: string, fields: Partial<Objects[K]>): void {
		const current = this.#kept[kind].get(kind === 'PersistentVolume' ? name : `${NAMESPACE}/${name}`);
		if (current) this.#write(kind, { ...current, ...fields });
	}

	remove(kind: Kept | 'Node', name: string): void {
		const key = kind === 'PersistentVolume' || kind === 'Node' ? name : `${NAMESPACE}/${name}`;
		if (kind !== 'Node') this.#kept[kind].delete(key);
		this.#tell((state) => state.remove(kind, key));
	}

	/** The PV controller completes every volume whose claimRef names an unbound claim. */
	bindVolumes(): void {
		for (const { name, claimRef, phase } of this.volumes()) {
			const claim = claimRef && this.claim(claimRef.name);
			if (!claim || claim.uid !== claimRef.uid || phase === 'Bound') continue;
			if (claim.volumeName !== '' && claim.volumeName !== name) {
				// As syncVolume does with a volume that was claimed in vain.
				this.change('PersistentVolume', name, { claimRef: undefined, phase: 'Available' });
				continue;
			}
			this.change('PersistentVolume', name, { phase: 'Bound' });
			this.change('PersistentVolumeClaim', claim.name, { volumeName: name, bindCompleted: true, phase: 'Bound' });
		}
	}

	/** A provisioner makes the volume that a claim asks for, on the node that was selected. */
	provision(claimName: string, manifest: Manifest<'PersistentVolume'>): void {
		const claim = this.claim(claimName) as Claim;
		const claimRef = { namespace: NAMESPACE, name: claimName, uid: claim.uid };
		this.#write('PersistentVolume', { ...project(manifest), claimRef, phase: 'Bound' });
		this.change('PersistentVolumeClaim', claimName, {
			volumeName: manifest.metadata.name,
			bindCompleted: true,
			phase: 'Bound',
		});
	}

	// The watch.

	/** From now on the states see nothing of what happens. */
	holdWatch(): void {
		this.#held ??= [];
	}

	releaseWatch(): void {
		const held = this.#held ?? [];
		this.#held = undefined;
		for (const deliver of held) deliver();
	}

	// Scripts.

	/** Runs at that moment of the next call that has no script yet; what it throws is the call's answer. */
	on(call: Call, moment: Moment, script: Script): void {
		const key = `${call} ${moment}`;
		this.#scripts.set(key, [...(this.#scripts.get(key) ?? []), script]);
	}

	fail(call: Call, moment: Moment, failure: WriteFailure, options: { retryAfterMs?: number } = {}): void {
		this.on(call, moment, () => {
			throw new WriteError(failure, `scripted ${failure}`, options);
		});
	}

	/** Holds the next call at that moment until it is released. */
	gate(
		call: Call,
		moment: Moment,
	): { readonly reached: Promise<void>; open(): void; fail(failure: WriteFailure): void } {
		const reached = Promise.withResolvers<void>();
		const opened = Promise.withResolvers<void>();
		this.on(call, moment, () => {
			reached.resolve();
			return opened.promise;
		});
		return {
			reached: reached.promise,
			open: () => opened.resolve(),
			fail: (failure) => opened.reject(new WriteError(failure, `scripted ${failure}`)),
		};
	}

	// What the binder does.

	claimVolume(volume: Volume, claim: Claim): Promise<Volume> {
		return this.#call('claimVolume', `${volume.name} for ${claim.name}`, () => {
			const { namespace, name, uid } = claim;
			const before = this.volume(volume.name)?.claimRef?.name;
			const written = this.#update('PersistentVolume', volume, { claimRef: { namespace, name, uid } });
			this.assignments.push({ volume: volume.name, claim: claim.name, before });
			return written;
		});
	}

	selectNode(claim: Claim, selectedNode: string): Promise<Claim> {
		return this.#call('selectNode', `${selectedNode} for ${claim.name}`, () =>
			this.#update('PersistentVolumeClaim', claim, { selectedNode }),
		);
	}

	bindPod({ name, uid }: { readonly name: string; readonly uid: string }, nodeName: string): Promise<void> {
		return this.#call('bindPod', `${name} to ${nodeName}`, () => {
			const current = this.pod(name);
			if (!current) throw new WriteError('gone', `pods "${name}" not found`);
			if (current.uid !== uid || current.deleting || current.nodeName !== '') {
				throw new WriteError('conflict', `pod ${name} is already assigned to a node, or another, or going`);
			}
			this.change('Pod', name, { nodeName });
		});
	}

	readPod(_namespace: string, name: string): Promise<Pod | undefined> {
		return this.#call('readPod', name, () => this.pod(name));
	}

	readClaim(_namespace: string, name: string): Promise<Claim | undefined> {
		return this.#call('readClaim', name, () => this.claim(name));
	}

	async #call<T>(call: Call, what: string, carryOut: () => T): Promise<T> {
		this.calls.push(`${call} ${what}`);
		await this.pace?.(call, 'before');
		await this.#script(call, 'before');
		const result = carryOut();
		await this.pace?.(call, 'after');
		await this.#script(call, 'after');
		return result;
	}

	async #script(call: Call, moment: Moment): Promise<void> {
		await this.#scripts.get(`${call} ${moment}`)?.shift()?.();
	}

	#update<K extends 'PersistentVolume' | 'PersistentVolumeClaim'>(
		kind: K,
		base: Objects[K],
		fields: Partial<Objects[K]>,
	): Objects[K] {
		const current = this.#kept[kind].get(objectKey(base));
		if (!current) throw new WriteError('gone', `"${base.name}" not found`);
		if (current.uid !== base.uid || current.resourceVersion !== base.resourceVersion) {
			throw new WriteError('conflict', `the object "${base.name}" has been modified`);
		}
		return this.#write(kind, { ...current, ...fields });
	}

	#write<K extends Kept>(kind: K, object: Objects[K]): Objects[K] {
		const written = { ...object, resourceVersion: String(++this.#version) };
		const key = objectKey(written);
		this.#kept[kind].set(key, written);
		// The watch of pods is of those that no node is assigned to.
		const gone = kind === 'Pod' && (written as Pod).nodeName !== '';
		this.#tell((state) => (gone ? state.remove(kind, key) : state.upsert(kind, written as never)));
		return written;
	}

	#tell(change: (state: ClusterState) => void): void {
		for (const state of this.states) {
			const deliver = () => change(state);
			if (this.deliverBy) this.deliverBy(state, deliver);
			else if (this.#held) this.#held.push(deliver);
			else deliver();
		}
	}
}

function isKept(kind: string): kind is Kept {
	return kind === 'PersistentVolume' || kind === 'PersistentVolumeClaim' || kind === 'Pod';
}

/** Two nodes, a class of volumes made by hand and one with a provisioner. */
export const GROUND: readonly Manifest[] = [
	node('n1'),
	node('n2'),
	storageClass('local'),
	storageClass('csi', { provisioner: 'csi.test' }),
];

/** The bind call of a pod that was made by the builder of this name. */
export function target(name: string, nodeName = 'n1') {
	return { namespace: NAMESPACE, name, uid: pod(name).metadata.uid as string, node: nodeName };
}
