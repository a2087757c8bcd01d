/** What an unbound claim is to be filled from, and what that asks of nodes. */

import type { Claim } from '../domain/model.ts';
import { isBound } from '../domain/storage/pod-claims.ts';
import { isProblem } from '../domain/storage/sources/problem.ts';
import { judgeSource, sourceName } from '../domain/storage/sources.ts';
import type { ClusterView } from '../domain/view.ts';

export interface SourceExplanation {
	readonly name: string;
	/** Why the claim cannot be filled from it (yet). */
	readonly problem?: string;
	/** What it asks of nodes; absent where every node can be given a volume from it. */
	readonly needs?: string;
	/** How that is known. */
	readonly basis?: string;
	/** Annotations that say how far it reaches, but not in words that topobind knows. */
	readonly ignored?: readonly string[];
}

/** Undefined for a claim that is bound, or has no source. `beside` are the claims that its pod mounts with it. */
export function explainSource(
	claim: Claim,
	view: ClusterView,
	beside: readonly Claim[] = [],
): SourceExplanation | undefined {
	const storageClass = view.storageClass(claim.className);
	if (!claim.source || !storageClass || isBound(claim)) return undefined;
	const found = judgeSource(claim, claim.source, storageClass, view, beside);
	const name = sourceName(claim, claim.source);
	if (!found) return { name, basis: POPULATED };
	if (isProblem(found)) return { name, problem: found.problem };
	const { limit, basis, ignored } = found;
	return { name, ...(limit && { needs: limit.text }), basis, ...(ignored.length > 0 && { ignored }) };
}

const POPULATED = 'it is of a kind that is left to its volume populator, which has to be installed';
