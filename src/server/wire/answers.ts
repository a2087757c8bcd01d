/**
 * Answers as JSON text. A filter answer may carry the same message for thousands of nodes; encoding it once is several
 * times faster than JSON.stringify over a map, so that answer is put together by hand.
 */

import { CallError } from '../errors.ts';
import type { ExtenderPreemptionResult, NodeList } from './types.ts';

/** Nodes refused for one cause. */
export interface RefusedNodes {
	readonly message: string;
	readonly nodes: readonly string[];
}

/** An ExtenderFilterResult. `passing` is the list in the form it was sent in. */
export function filterResult(
	passing: { readonly names: readonly string[] } | { readonly items: NodeList['items'] },
	refused: Iterable<RefusedNodes>,
): string {
	const [nodes, names] =
		'names' in passing
			? ['null', JSON.stringify(passing.names)]
			: [`{"metadata":{},"items":${rawNodes(passing.items)}}`, 'null'];
	const failed = Array.from(refused, ({ nodes, message }) => sameValue(nodes, JSON.stringify(message))).join(',');
	return `{"Nodes":${nodes},"NodeNames":${names},"FailedNodes":{},"FailedAndUnresolvableNodes":{${failed}},"Error":""}`;
}

/** A HostPriorityList; scores are aligned with the names. */
export function hostPriorityList(names: readonly string[], scores: readonly number[]): string {
	return JSON.stringify(names.map((Host, i) => ({ Host, Score: scores[i] })));
}

export function preemptionResult(result: ExtenderPreemptionResult): string {
	return JSON.stringify(result);
}

/** An ExtenderBindingResult; also the body of every call that fails. */
export function errorResult(message: string): string {
	return JSON.stringify({ Error: message });
}

/** `"key":value,"key":value…`, the value already being JSON. Adding to one text is what V8 does fastest. */
function sameValue(keys: readonly string[], value: string): string {
	let text = '';
	for (const key of keys) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${value}`;
	return text;
}

function rawNodes(items: NodeList['items']): string {
	try {
		return JSON.stringify(items ?? []);
	} catch {
		// JSON.parse takes any depth, JSON.stringify recurses. No node of a cluster comes near.
		throw new CallError('NODES_TOO_DEEP');
	}
}
