/** How much memory objects take. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes of heap that what `build` gives takes, without what it took only while it was built. */
export function heapOf(build: () => object): number {
	const before = settled();
	const kept = build();
	const after = settled();
	// Used once more, so that it cannot be collected before.
	return Object.isFrozen(kept) ? Number.NaN : after - before;
}

function settled(): number {
	for (let i = 0; i < 3; i++) collectGarbage();
	return process.memoryUsage().heapUsed;
}
