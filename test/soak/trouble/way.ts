// What happens to a whole way to the API server: its watches, the connection, who it lets in.

import { setTimeout as pause } from 'node:timers/promises';
import type { ApiProxy } from '../../cluster/chaos/api-proxy.ts';
import type { OpenWatch } from '../../cluster/chaos/open-watch.ts';
import type { Random } from '../random.ts';

const WATCH_TROUBLES = {
	end: 2,
	reset: 2,
	cutInLine: 2,
	gone: 2,
	failed: 1,
	twice: 1,
	'in pieces': 1,
	mute: 1,
} as const;

/** How much later than the API server the watches tell. topobind looks again after one and four seconds. */
const LAGS_MS = [0, 0, 300, 1_000];

export function troubleWatch(watch: OpenWatch, random: Random): void {
	const how = random.weighted(WATCH_TROUBLES);
	if (how === 'gone') watch.error(410, 'Expired');
	else if (how === 'failed') watch.error(500, 'InternalError');
	else if (how === 'mute') {
		// Silent, for as long as the client bears it or until it breaks: what was not told must be found out.
		watch.delivery = 'mute';
		if (random.chance(0.8)) setTimeout(() => watch.reset(), 2_000);
	} else if (how === 'twice' || how === 'in pieces') watch.delivery = how;
	else watch[how]();
}

/** From now on, for watches that begin. */
export function makeLate(proxy: ApiProxy, random: Random): void {
	proxy.lagMs = random.pick(LAGS_MS) as number;
}

/** Its client's token or certificate is replaced in time, or only when the old one has not been accepted for a while. */
export async function replaceIdentity({ identity }: ApiProxy, random: Random): Promise<void> {
	if (random.chance(0.5)) {
		identity.revoke();
		await pause(500 + random.below(3_000));
	}
	identity.issue();
}
