import { type ClusterWriter, WriteError } from '../cluster/writer.ts';
import type { Claim, Pod, Volume } from '../domain/model.ts';
import { withClaim } from './binding.ts';
import { claimOf, project, volumeOf } from './project.ts';
import { annotate, type RawKind, type RawPod, type RawTypes, SELECTED_NODE } from './raw.ts';
import { type ObjectStore, StoreError } from './store.ts';

/** Writes to the store as the writer of a real cluster writes to the API server. */
export class SandboxWriter implements ClusterWriter {
	readonly #store: ObjectStore;

	constructor(store: ObjectStore) {
		this.#store = store;
	}

	async claimVolume(volume: Volume, claim: Claim): Promise<Volume> {
		const raw = this.#at('PersistentVolume', volume.name, volume);
		return volumeOf(this.#update('PersistentVolume', withClaim(raw, claim)));
	}

	async selectNode(claim: Claim, node: string): Promise<Claim> {
		const raw = this.#at('PersistentVolumeClaim', `${claim.namespace}/${claim.name}`, claim);
		return claimOf(this.#update('PersistentVolumeClaim', annotate(raw, { [SELECTED_NODE]: node })));
	}

	async bindPod(
		pod: { readonly namespace: string; readonly name: string; readonly uid: string },
		node: string,
	): Promise<void> {
		const key = `${pod.namespace}/${pod.name}`;
		const raw = this.#read('Pod', key);
		if (raw.metadata.uid !== pod.uid) throw new WriteError('conflict', `pod ${key} is another pod by now`);
		if (raw.metadata.deletionTimestamp) throw new WriteError('conflict', `pod ${key} is being deleted`);
		const { nodeName } = raw.spec;
		if (nodeName) throw new WriteError('conflict', `pod ${key} is already assigned to node ${nodeName}`);
		this.#update('Pod', assigned(raw, node));
	}

	async readPod(namespace: string, name: string): Promise<Pod | undefined> {
		const raw = this.#store.get('Pod', `${namespace}/${name}`);
		return raw && project('Pod', raw);
	}

	async readClaim(namespace: string, name: string): Promise<Claim | undefined> {
		const raw = this.#store.get('PersistentVolumeClaim', `${namespace}/${name}`);
		return raw && claimOf(raw);
	}

	/** The raw object, only while it is still the one that was judged. */
	#at<K extends RawKind>(
		kind: K,
		key: string,
		judged: { readonly uid: string; readonly resourceVersion: string },
	): RawTypes[K] {
		const raw = this.#read(kind, key);
		const { uid, resourceVersion } = raw.metadata;
		if (uid === judged.uid && resourceVersion === judged.resourceVersion) return raw;
		throw new WriteError('conflict', `${kind} ${key} has been modified`);
	}

	#read<K extends RawKind>(kind: K, key: string): RawTypes[K] {
		const raw = this.#store.get(kind, key);
		if (!raw) throw new WriteError('gone', `${kind} ${key} does not exist`);
		return raw;
	}

	#update<K extends RawKind>(kind: K, object: RawTypes[K]): RawTypes[K] {
		try {
			return this.#store.update(kind, object);
		} catch (error) {
			if (error instanceof StoreError) throw new WriteError(error.failure, error.message, { cause: error });
			throw error;
		}
	}
}

/** What the API server sets on a binding, and then the kubelet. */
function assigned(pod: RawPod, nodeName: string): RawPod {
	const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
	const conditions = [...others, { type: 'PodScheduled', status: 'True' }];
	return { ...pod, spec: { ...pod.spec, nodeName }, status: { ...pod.status, conditions, phase: 'Running' } };
}
