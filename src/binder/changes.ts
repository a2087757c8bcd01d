import type { Change, ClusterState } from '../cluster/state.ts';
import { orAborted } from './retry.ts';

/** Lets one bind wait for changes of the cluster without missing any that come between two looks. */
export class Changes {
	readonly #unsubscribe: () => void;
	#changed = Promise.withResolvers<void>();
	#shown = Promise.withResolvers<void>();

	constructor(cluster: ClusterState, matters: (change: Change) => boolean) {
		this.#unsubscribe = cluster.subscribe((change) => {
			if (!matters(change)) return;
			this.#changed.resolve();
			if (change.previous !== change.current) this.#shown.resolve();
		});
	}

	/** Settles at the first change since the last call, of an assumption too; rejects with the signal's reason. */
	async next(signal: AbortSignal): Promise<void> {
		await orAborted(this.#changed.promise, signal);
		this.#changed = Promise.withResolvers<void>();
	}

	/** The same for what the watch has shown, alone: attempts that take back what they assumed do not wake each other. */
	async nextShown(signal: AbortSignal): Promise<void> {
		await orAborted(this.#shown.promise, signal);
		this.#shown = Promise.withResolvers<void>();
	}

	close(): void {
		this.#unsubscribe();
	}
}
