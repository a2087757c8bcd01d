/** The pin doctor's face of a cluster, apart from the binder's: a fresh look at a claim, and one patch. */

import type { Claim } from '../domain/model.ts';
import type { RequestOptions } from './api/client.ts';
import { ApiError } from './api/errors.ts';
import { insist, type Requester } from './insist.ts';
import {
	type PinnedClaim,
	type PinTrace,
	pinnedClaimOf,
	type RawEvent,
	type RawPinnedClaim,
	traceOf,
} from './pin-trace.ts';

export interface PinWriter {
	/** The claim alone, which costs less: its events are not looked for among all of its namespace. Undefined when it is gone. */
	read(claim: Claim): Promise<PinnedClaim | undefined>;
	/** What the API server holds of the claim and its events now; undefined when the claim is gone. */
	trace(claim: Claim): Promise<PinTrace | undefined>;
	/**
	 * Removes selected-node, only while the claim is still at `claim.resourceVersion`; false where it is not, or gone. A
	 * failure that passes is tried again for some seconds.
	 */
	removePin(claim: Claim): Promise<boolean>;
}

const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

export class ApiPinWriter implements PinWriter {
	readonly #client: Requester;

	constructor(client: Requester) {
		this.#client = client;
	}

	async read(claim: Claim): Promise<PinnedClaim | undefined> {
		const raw = await this.#get(claim);
		return raw && pinnedClaimOf(raw);
	}

	async trace(claim: Claim): Promise<PinTrace | undefined> {
		const raw = await this.#get(claim);
		if (!raw) return undefined;
		// Last, so that they are as new as can be: an attempt to provision does not change the claim.
		const query = { fieldSelector: `involvedObject.uid=${claim.uid}` };
		const events = await this.#client.request<{ items?: RawEvent[] }>('GET', eventsOf(claim), { query });
		return traceOf(raw, events.items ?? []);
	}

	async removePin(claim: Claim): Promise<boolean> {
		const { uid, resourceVersion } = claim;
		// null removes a key from a merge patch; uid and resourceVersion make any change in between a conflict.
		const annotations = { [SELECTED_NODE]: null };
		const options: RequestOptions = {
			body: { metadata: { uid, resourceVersion, annotations } },
			contentType: 'application/merge-patch+json',
		};
		let mayBeDone = false;
		const written = insist(
			() => this.#client.request<object>('PATCH', pathOf(claim), options),
			() => {
				mayBeDone = true;
			},
		);
		const answer = await this.#unless(409, this.#unless(404, written));
		return answer !== undefined || (mayBeDone && (await this.#isFree(claim)));
	}

	/** After a try whose answer was lost, and a conflict: the conflict may be with that try. */
	async #isFree(claim: Claim): Promise<boolean> {
		const raw = await this.#get(claim);
		return raw?.metadata?.uid === claim.uid && raw.metadata.annotations?.[SELECTED_NODE] === undefined;
	}

	#get(claim: Claim): Promise<RawPinnedClaim | undefined> {
		return this.#unless(404, this.#client.request<RawPinnedClaim>('GET', pathOf(claim)));
	}

	async #unless<T>(status: number, answer: Promise<T>): Promise<T | undefined> {
		try {
			return await answer;
		} catch (error) {
			if (error instanceof ApiError && error.status === status) return undefined;
			throw error;
		}
	}
}

function pathOf({ namespace, name }: Claim): string {
	return `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`;
}

function eventsOf({ namespace }: Claim): string {
	return `/api/v1/namespaces/${namespace}/events`;
}
