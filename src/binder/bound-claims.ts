/** Claims that are believed to be bound, asked of the API server: what the watch has shown may be out of date. */

import type { Claim } from '../domain/model.ts';
import { isBound } from '../domain/storage/pod-claims.ts';

/** So that a pod of many claims does not open a connection for each. */
const AT_ONCE = 4;

/** The same claim, bound to the same volume, with nothing in the way. */
export function isStillBound(known: Claim, now: Claim | undefined): boolean {
	if (!now || now.uid !== known.uid || now.volumeName !== known.volumeName) return false;
	return isBound(now) && !now.deleting && now.phase !== 'Lost';
}

export interface Changed {
	/** As it was believed to be. */
	readonly known: Claim;
	/** Undefined where it is gone. */
	readonly now: Claim | undefined;
}

/** The first of the claims that is not what it is believed to be; undefined where all are. Rejects as `read` does. */
export async function firstChanged(
	claims: readonly Claim[],
	read: (claim: Claim) => Promise<Claim | undefined>,
): Promise<Changed | undefined> {
	for (let at = 0; at < claims.length; at += AT_ONCE) {
		const some = claims.slice(at, at + AT_ONCE);
		const looks = await Promise.all(some.map(async (known) => ({ known, now: await read(known) })));
		const changed = looks.find(({ known, now }) => !isStillBound(known, now));
		if (changed) return changed;
	}
	return undefined;
}
