import type { RawVolume } from '../raw.ts';
import type { ObjectStore, StoreEvent } from '../store.ts';

const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** Names of volumes by what the PV controller looks for, so that it need not walk through all of them. */
export class VolumeIndex {
	/** `namespace/name` of the claim in claimRef → volumes. */
	readonly #byClaim = new Map<string, Set<string>>();
	/** Class → volumes without a claimRef. */
	readonly #free = new Map<string, Set<string>>();
	readonly #store: ObjectStore;

	constructor(store: ObjectStore) {
		this.#store = store;
		for (const volume of store.list('PersistentVolume')) this.#place(volume, 'add');
	}

	observe({ kind, previous, current }: StoreEvent): void {
		if (kind !== 'PersistentVolume') return;
		if (previous) this.#place(previous as RawVolume, 'delete');
		if (current) this.#place(current as RawVolume, 'add');
	}

	claimedBy(claimKey: string): RawVolume[] {
		return this.#read(this.#byClaim.get(claimKey));
	}

	free(className: string): RawVolume[] {
		return this.#read(this.#free.get(className));
	}

	#read(names: Iterable<string> = []): RawVolume[] {
		return [...names].flatMap((name) => this.#store.get('PersistentVolume', name) ?? []);
	}

	#place(volume: RawVolume, change: 'add' | 'delete'): void {
		const { claimRef } = volume.spec;
		const index = claimRef ? this.#byClaim : this.#free;
		const key = claimRef ? `${claimRef.namespace}/${claimRef.name}` : classOf(volume);
		const names = index.get(key) ?? new Set();
		names[change](volume.metadata.name);
		if (names.size === 0) index.delete(key);
		else index.set(key, names);
	}
}

export function classOf({ metadata, spec }: RawVolume): string {
	return metadata.annotations?.[BETA_CLASS] ?? spec.storageClassName ?? '';
}
