import { type PinnedClaim, type PinTrace, pinnedClaimOf, traceOf } from '../cluster/pin-trace.ts';
import type { PinWriter } from '../cluster/pin-writer.ts';
import type { Claim } from '../domain/model.ts';
import { annotate, SELECTED_NODE } from './raw.ts';
import { type ObjectStore, StoreError } from './store.ts';

/** The pin doctor's face of manifests in memory. They hold no events, so what provisioners have said is not known. */
export class SandboxPinWriter implements PinWriter {
	readonly #store: ObjectStore;

	constructor(store: ObjectStore) {
		this.#store = store;
	}

	async read({ namespace, name }: Claim): Promise<PinnedClaim | undefined> {
		const raw = this.#store.get('PersistentVolumeClaim', `${namespace}/${name}`);
		return raw && pinnedClaimOf(raw);
	}

	async trace({ namespace, name }: Claim): Promise<PinTrace | undefined> {
		const raw = this.#store.get('PersistentVolumeClaim', `${namespace}/${name}`);
		return raw && traceOf(raw, []);
	}

	async removePin({ namespace, name, uid, resourceVersion }: Claim): Promise<boolean> {
		const raw = this.#store.get('PersistentVolumeClaim', `${namespace}/${name}`);
		if (raw?.metadata.uid !== uid || raw.metadata.resourceVersion !== resourceVersion) return false;
		try {
			this.#store.update('PersistentVolumeClaim', annotate(raw, { [SELECTED_NODE]: undefined }));
			return true;
		} catch (error) {
			if (error instanceof StoreError) return false;
			throw error;
		}
	}
}
