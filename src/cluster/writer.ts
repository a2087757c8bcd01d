/** The only writes a bind makes to a cluster, and its reads that must be fresh. */

import type { Claim, Pod, Volume } from '../domain/model.ts';

/** Every method rejects with a WriteError; none retries by itself. */
export interface ClusterWriter {
	/**
	 * Sets the volume's claimRef to the claim, as GetBindVolumeToClaim in
	 * component-helpers/storage/volume/pv_helpers.go does, only while the volume is still at
	 * `volume.resourceVersion`. Gives the volume as written.
	 */
	claimVolume(volume: Volume, claim: Claim): Promise<Volume>;
	/** Sets volume.kubernetes.io/selected-node, only while the claim is still at `claim.resourceVersion`. Gives the claim as written. */
	selectNode(claim: Claim, node: string): Promise<Claim>;
	/** POSTs the Binding, with the pod's UID. */
	bindPod(
		pod: { readonly namespace: string; readonly name: string; readonly uid: string },
		node: string,
	): Promise<void>;
	/** The pod as the API server holds it now; undefined when it is gone. */
	readPod(namespace: string, name: string): Promise<Pod | undefined>;
	/** The same of a claim. */
	readClaim(namespace: string, name: string): Promise<Claim | undefined>;
}

export const TRY_AGAIN = 'topobind.dev/try-again';

/** Changes nothing of a pod but an annotation of topobind's own: kube-scheduler then tries a pod again that it had put aside. */
export interface PodMarker {
	/** Sets `topobind.dev/try-again`; the same mark again changes nothing. Rejects with a WriteError. */
	markPod(
		pod: { readonly namespace: string; readonly name: string; readonly uid: string },
		mark: string,
	): Promise<void>;
}

/** conflict: the object has changed (409); gone: it no longer exists (404); transient: worth another try; refused: anything else. */
export type WriteFailure = 'conflict' | 'gone' | 'transient' | 'refused';

export class WriteError extends Error {
	readonly failure: WriteFailure;
	/** How long the API server asked to wait, in ms. */
	readonly retryAfterMs: number | undefined;

	constructor(failure: WriteFailure, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
		super(message, { cause: options.cause });
		this.name = 'WriteError';
		this.failure = failure;
		this.retryAfterMs = options.retryAfterMs;
	}
}
