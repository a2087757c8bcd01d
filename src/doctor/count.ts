import type { ClusterState } from '../cluster/state.ts';
import { diagnosePins } from './diagnose.ts';
import { PIN_CODES, type PinCode } from './findings.ts';

/** How many claims each code was found of, those of none included: for a gauge. */
export function countPins(state: ClusterState): ReadonlyMap<PinCode, number> {
	const counts = new Map<PinCode, number>(PIN_CODES.map((code) => [code, 0]));
	for (const { code } of diagnosePins(state)) counts.set(code, (counts.get(code) ?? 0) + 1);
	return counts;
}
