/** What all projections need: an API object's identity, and its quantities. */

import type { V1Node } from '@kubernetes/client-node';
import type { ObjectIdentity } from '../domain/model.ts';
import { parseQuantity, type Quantity } from '../domain/storage/quantity.ts';

/** An object as it comes from JSON: dates are still text. */
export type Wire<T> = T extends Date ? string : T extends object ? { readonly [P in keyof T]: Wire<T[P]> } : T;

export type WireMetadata = Wire<V1Node>['metadata'];

export function identityOf({ metadata }: { readonly metadata?: WireMetadata }): ObjectIdentity {
	return {
		namespace: metadata?.namespace ?? '',
		name: metadata?.name ?? '',
		uid: metadata?.uid ?? '',
		resourceVersion: metadata?.resourceVersion ?? '',
		deleting: metadata?.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null,
	};
}

/** Throws an Error that names the field when the text is not a quantity. */
export function optionalQuantity(text: unknown, field: string): Quantity | undefined {
	if (text === undefined || text === null) return undefined;
	try {
		return parseQuantity(String(text).trim());
	} catch (error) {
		throw new Error(`${field}: ${(error as Error).message}`);
	}
}
