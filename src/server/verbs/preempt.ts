/** POST /preempt: on which of these nodes would evicting the victims help the pod? */

import { allPass, type Judgement, judge } from '../judgement.ts';
import { type CallSummary, readPod, type Service, tolerateFault } from '../service.ts';
import { preemptionResult } from '../wire/answers.ts';
import type { ExtenderPreemptionArgs, MetaVictims, Victims } from '../wire/types.ts';

/** Gives an ExtenderPreemptionResult: nodes that the pod's storage cannot use are dropped, the rest is as it came. */
export function answerPreempt(service: Service, args: ExtenderPreemptionArgs, summary: CallSummary): string {
	const victims = metaVictims(args);
	summary.nodes = victims.size;
	const judgement = judgeOrTolerate(service, args, [...victims.keys()], summary);
	const usable = [...victims].filter((_, i) => judgement.passes(i));
	return preemptionResult({ NodeNameToMetaVictims: Object.fromEntries(usable) });
}

function judgeOrTolerate(
	service: Service,
	args: ExtenderPreemptionArgs,
	names: readonly string[],
	summary: CallSummary,
): Judgement {
	try {
		const { pod, anywhere } = readPod(service, args.Pod, summary);
		return anywhere ? allPass(names) : judge(service.scheduling, pod, { names });
	} catch (error) {
		tolerateFault(service, summary, error);
		return allPass(names);
	}
}

/** By node name, whichever of the two forms was sent. */
function metaVictims(args: ExtenderPreemptionArgs): ReadonlyMap<string, MetaVictims> {
	if (args.NodeNameToMetaVictims != null) return new Map(Object.entries(args.NodeNameToMetaVictims));
	return new Map(Object.entries(args.NodeNameToVictims ?? {}).map(([node, victims]) => [node, toMeta(victims)]));
}

function toMeta({ Pods, NumPDBViolations }: Victims): MetaVictims {
	return { Pods: (Pods ?? []).map((pod) => ({ UID: pod.metadata.uid })), NumPDBViolations: NumPDBViolations ?? 0 };
}
