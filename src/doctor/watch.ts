/** The doctor's rounds while topobind serves: what is found is counted and told, and nothing is written. */

import type { ClusterState } from '../cluster/state.ts';
import { diagnosePins } from './diagnose.ts';
import { PIN_CODES, type PinCode, type PinFinding } from './findings.ts';

/** How many claims each code was found of, those of none included: for a gauge. */
export function countPins(state: ClusterState): ReadonlyMap<PinCode, number> {
	const counts = new Map<PinCode, number>(PIN_CODES.map((code) => [code, 0]));
	for (const { code } of diagnosePins(state)) counts.set(code, (counts.get(code) ?? 0) + 1);
	return counts;
}

export interface PinRounds {
	/** Once for each claim and code, when it was found in two rounds running: a driver that restarts is no finding. */
	readonly onFinding: (finding: PinFinding) => void;
	/** Nothing is diagnosed while this is false. */
	readonly isSynced: () => boolean;
	readonly intervalMs?: number;
}

/** Gives a function that ends the rounds. */
export function watchPins(state: ClusterState, { onFinding, isSynced, intervalMs = 60_000 }: PinRounds): () => void {
	/** Of the last round; true once it was told. */
	let known = new Map<string, boolean>();
	const timer = setInterval(() => {
		if (!isSynced()) return;
		const found = new Map<string, boolean>();
		for (const finding of diagnosePins(state)) {
			const key = `${finding.claim.uid} ${finding.node} ${finding.code}`;
			if (known.get(key) === false) onFinding(finding);
			found.set(key, known.has(key));
		}
		known = found;
	}, intervalMs);
	timer.unref();
	return () => clearInterval(timer);
}
