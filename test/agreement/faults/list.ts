/** All faults: each must make topobind disagree with kube-scheduler, and in this way. */

import type { Fault } from './fault.ts';
import { WRONG_REASONS } from './wrong-reasons.ts';
import { WRONG_VERDICTS } from './wrong-verdicts.ts';

export const FAULTS: readonly (Fault & { readonly kind: 'verdict' | 'reason' })[] = [
	...WRONG_VERDICTS.map((fault) => ({ ...fault, kind: 'verdict' as const })),
	...WRONG_REASONS.map((fault) => ({ ...fault, kind: 'reason' as const })),
];
