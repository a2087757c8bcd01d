/** What a pod that waits is to be told of its storage, if anything. */

import type { ClusterState } from '../cluster/state.ts';
import type { Pod } from '../domain/model.ts';
import { explainNodes, type NodesExplanation } from '../explain/explanation.ts';

/** How kube-scheduler's own plugins speak of storage: which claim or volume it is, and what that asks for, they leave out. */
const IN_TREE_WORDS =
	/persistent ?volume|volume node affinity|volume zone|available volumes|free storage|storage ?class|ephemeral volume/i;

/**
 * The text of a notice on a pod that kube-scheduler cannot place. Undefined where storage is not what keeps the pod, or
 * where the scheduler has said it already, in topobind's words.
 */
export function noticeFor(pod: Pod, cluster: ClusterState): string | undefined {
	if (pod.unschedulable === '' || pod.deleting) return undefined;
	const { total, feasible, refused } = explainNodes(pod, cluster);
	const isStorage = feasible === 0 || IN_TREE_WORDS.test(pod.unschedulable);
	if (!isStorage || refused.every(({ message }) => pod.unschedulable.includes(message))) return undefined;
	return `${feasible}/${total} nodes can be used by the pod's storage: ${summaryOf(refused)}`;
}

/** As kube-scheduler sums up its own: each cause once, with its number of nodes, in the order of the texts. */
function summaryOf(refused: NodesExplanation['refused']): string {
	return refused
		.map(({ nodes, message }) => `${nodes} ${message}`)
		.sort()
		.join(', ');
}
