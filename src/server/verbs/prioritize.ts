/** POST /prioritize: which of these nodes suits the pod's storage best? */

import type { Candidates } from '../scheduling.ts';
import { type CallSummary, readPod, type Service } from '../service.ts';
import { hostPriorityList } from '../wire/answers.ts';
import type { ExtenderArgs } from '../wire/types.ts';
import { sentNodes } from './candidates.ts';

/** Gives a HostPriorityList. A failure here blocks no pod in either mode: the scheduler goes on without our scores. */
export function answerPrioritize(service: Service, args: ExtenderArgs, summary: CallSummary): string {
	const { candidates } = sentNodes(args);
	summary.nodes = candidates.names.length;
	const { pod, anywhere } = readPod(service, args.Pod, summary);
	const scores = anywhere ? candidates.names.map(() => 0) : service.scheduling.prioritize(pod, candidates);
	requireScores(scores, candidates);
	return hostPriorityList(candidates.names, scores);
}

/** One bad score would make the scheduler throw all away, with an error that does not name us. */
function requireScores(scores: readonly number[], { names }: Candidates): void {
	if (scores.length !== names.length)
		throw new Error(`prioritize gave ${scores.length} scores for ${names.length} nodes`);
	const bad = scores.find((score) => !Number.isInteger(score) || score < 0 || score > 10);
	if (bad !== undefined) throw new Error(`prioritize gave the score ${bad}, must be a whole number from 0 to 10`);
}
