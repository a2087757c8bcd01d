/** One filter decision as every answer, log line and record of it needs it: nodes grouped by cause. */

import type { Reason, ReasonCode } from '../domain/decision/reasons.ts';
import type { Pod } from '../domain/model.ts';
import type { Candidates, Scheduling } from './scheduling.ts';

/** The nodes refused for one reason, in the order of the request. */
export interface RefusedGroup {
	readonly code: ReasonCode;
	readonly message: string;
	readonly nodes: readonly string[];
}

export interface Judgement {
	/** In the order of the request. */
	readonly passed: readonly string[];
	readonly refused: readonly RefusedGroup[];
	/** Whether the candidate at this index passed. */
	passes(index: number): boolean;
}

/** Asks the domain, and groups its answer. Throws if the answer does not fit the question. */
export function judge(scheduling: Scheduling, pod: Pod, candidates: Candidates): Judgement {
	const reasons = scheduling.filter(pod, candidates);
	if (reasons.length !== candidates.names.length) {
		throw new Error(`filter gave ${reasons.length} verdicts for ${candidates.names.length} nodes`);
	}
	return group(candidates.names, reasons);
}

/** The judgement of a pod that has no say in where it runs. */
export function allPass(names: readonly string[]): Judgement {
	return { passed: names, refused: [], passes: () => true };
}

function group(names: readonly string[], reasons: readonly (Reason | undefined)[]): Judgement {
	const passed: string[] = [];
	const groups = new Map<string, { code: ReasonCode; message: string; nodes: string[] }>();
	for (const [i, name] of names.entries()) {
		const reason = reasons[i];
		if (reason === undefined) {
			passed.push(name);
			continue;
		}
		const known = groups.get(reason.message);
		if (known === undefined) groups.set(reason.message, { code: reason.code, message: reason.message, nodes: [name] });
		else known.nodes.push(name);
	}
	return { passed, refused: [...groups.values()], passes: (index) => reasons[index] === undefined };
}
