/** POST /filter: on which of these nodes can the pod's storage work? */

import { allPass, type Judgement, judge } from '../judgement.ts';
import type { Candidates } from '../scheduling.ts';
import { type CallSummary, readPod, type Service, tolerateFault } from '../service.ts';
import { filterResult } from '../wire/answers.ts';
import type { ExtenderArgs } from '../wire/types.ts';
import { sentNodes } from './candidates.ts';

/** Gives an ExtenderFilterResult. Storage is never mended by eviction, so FailedNodes stays empty. */
export function answerFilter(service: Service, args: ExtenderArgs, summary: CallSummary): string {
	const { candidates, whole } = sentNodes(args);
	summary.nodes = candidates.names.length;
	const judgement = judgeOrTolerate(service, args, candidates, summary);
	const passing = whole ? { items: whole.filter((_, i) => judgement.passes(i)) } : { names: judgement.passed };
	return filterResult(passing, judgement.refused);
}

function judgeOrTolerate(
	service: Service,
	args: ExtenderArgs,
	candidates: Candidates,
	summary: CallSummary,
): Judgement {
	try {
		const { pod, anywhere } = readPod(service, args.Pod, summary);
		if (anywhere) return allPass(candidates.names);
		const judgement = judge(service.scheduling, pod, candidates);
		summary.decision = { pod, judgement };
		return judgement;
	} catch (error) {
		tolerateFault(service, summary, error);
		return allPass(candidates.names);
	}
}
