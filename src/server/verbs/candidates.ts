import type { Labels } from '../../domain/model.ts';
import { CallError } from '../errors.ts';
import type { Candidates } from '../scheduling.ts';
import type { ExtenderArgs, RawNode } from '../wire/types.ts';

/** The nodes a call is about, and the nodes themselves where they were sent whole. */
export interface SentNodes {
	readonly candidates: Candidates;
	readonly whole?: readonly RawNode[];
}

/** NodeNames is the list that counts; Nodes is read where NodeNames is null, as the scheduler sends only one. */
export function sentNodes(args: ExtenderArgs): SentNodes {
	if (args.NodeNames != null) return { candidates: { names: args.NodeNames } };
	if (args.Nodes == null) throw new CallError('NODES_MISSING');
	const whole = args.Nodes.items ?? [];
	return { candidates: { names: whole.map((node) => node.metadata.name), labelsOf: labelsOf(whole) }, whole };
}

/** Indexed at the first question: most calls ask none, as the cache holds the nodes. */
function labelsOf(nodes: readonly RawNode[]): (name: string) => Labels | undefined {
	let byName: Map<string, Labels> | undefined;
	return (name) => {
		byName ??= new Map(nodes.map((node) => [node.metadata.name, node.metadata.labels ?? {}]));
		return byName.get(name);
	};
}
