import type { Change, ClusterState } from '../cluster/state.ts';
import { orAborted } from './retry.ts';

/** Lets one bind wait for changes of the cluster without missing any that come between two looks. */
export class Changes {
	readonly #unsubscribe: () => void;
	#pending = Promise.withResolvers<void>();

	constructor(cluster: ClusterState, matters: (change: Change) => boolean) {
		this.#unsubscribe = cluster.subscribe((change) => {
			if (matters(change)) this.#pending.resolve();
		});
	}

	/** Settles at the first change since the last call; rejects with the signal's reason. */
	async next(signal: AbortSignal): Promise<void> {
		await orAborted(this.#pending.promise, signal);
		this.#pending = Promise.withResolvers<void>();
	}

	close(): void {
		this.#unsubscribe();
	}
}
