/** POST /bind: bind the pod's claims, wait for them, then bind the pod. */

import { CallError } from '../errors.ts';
import { type CallSummary, messageOf, requireSync, type Service } from '../service.ts';
import { errorResult } from '../wire/answers.ts';
import type { ExtenderBindingArgs } from '../wire/types.ts';

/**
 * Gives an ExtenderBindingResult. What went wrong is told with status 200, a fault of ours too: the scheduler throws
 * away the body of any other status, and both make it try again.
 */
export async function answerBind(service: Service, args: ExtenderBindingArgs, summary: CallSummary): Promise<string> {
	summary.pod = `${args.PodNamespace}/${args.PodName}`;
	summary.nodes = 1;
	const request = { namespace: args.PodNamespace, name: args.PodName, uid: args.PodUID ?? '', node: args.Node };
	try {
		// Where a watch never syncs, pods that have nothing to do with it must not wait for it.
		if (service.scheduling.knowledge() === 'incomplete' && (await service.scheduling.hasClaims(request))) {
			requireSync(service);
		}
		await service.scheduling.bind(request);
		return errorResult('');
	} catch (error) {
		if (error instanceof CallError) throw error;
		summary.error = messageOf(error);
		if (isFault(error)) summary.fault = error;
		return errorResult(summary.error);
	}
}

/** A mistake of ours rather than a reason not to bind: the log then needs the stack. */
function isFault(error: unknown): boolean {
	return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
