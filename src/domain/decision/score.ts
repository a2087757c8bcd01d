/** How well the pod's storage fits each node it can work on; docs/scoring.md has an example. */

import type { Claim, Pod, Volume } from '../model.ts';
import { DelayedClaims } from '../storage/delayed-claims.ts';
import { claimsOf } from '../storage/pod-claims.ts';
import { freeBytes } from '../storage/provisioning.ts';
import { ZERO } from '../storage/quantity.ts';
import type { NodeIndex } from '../topology/node-index.ts';
import type { ClusterView } from '../view.ts';
import { isSorted } from './judge.ts';

/** Points of 10. `staticBonus + fit` and `capacity` are at most 10. */
export interface ScoringWeights {
	/** For a claim that gets a volume which is already there. */
	readonly staticBonus: number;
	/** On top, the less of that volume is wasted: all where the sizes are equal, nothing where it is 1,024 times too large. */
	readonly fit: number;
	/** For a claim that is provisioned, by free capacity relative to the roomiest candidate. */
	readonly capacity: number;
}

/** A volume this many doublings larger than the request earns nothing for its fit. */
const WORST_DOUBLINGS = 10;

/** Integers 0..10, aligned with `ids`: the mean over the pod's delayed claims, 0 where nothing is to be decided. */
export function score(
	pod: Pod,
	view: ClusterView,
	ids: readonly number[],
	weights: ScoringWeights,
	nodes: NodeIndex = view.nodes,
): number[] {
	const claims = claimsOf(pod, view);
	if (!isSorted(claims) || claims.delayed.length === 0) return ids.map(() => 0);
	const delayed = new DelayedClaims(claims.delayed, view);
	const room = new Map(claims.delayed.map((claim) => [claim, relativeRoom(claim, view, ids, nodes)]));
	return ids.map((id) => {
		const { bindings, provisions } = delayed.assign(nodes.labelsOf(id));
		let points = 0;
		for (const { claim, volume } of bindings) points += weights.staticBonus + weights.fit * fitOf(claim, volume);
		for (const claim of provisions) points += weights.capacity * (room.get(claim)?.(id) ?? 0);
		return Math.max(0, Math.min(10, Math.round(points / claims.delayed.length)));
	});
}

/** 1 for a volume of the size asked for, less with every doubling above it, 0 from 1,024 times on. */
function fitOf(claim: Claim, volume: Volume): number {
	const request = (claim.request ?? ZERO).approximate;
	if (request <= 0) return 0;
	const doublings = Math.log2(volume.capacity.approximate / request);
	return Math.max(0, 1 - doublings / WORST_DOUBLINGS);
}

/** Free capacity of a node for the claim, 0..1 of the largest among the candidates. */
function relativeRoom(
	claim: Claim,
	view: ClusterView,
	ids: readonly number[],
	nodes: NodeIndex,
): (id: number) => number {
	const free = freeBytes(claim, view, nodes);
	if (!free) return () => 0;
	const bytes = new Map(ids.map((id) => [id, Number(free(id))]));
	const most = bytes.values().reduce((largest, free) => Math.max(largest, free), 1);
	return (id) => (bytes.get(id) ?? 0) / most;
}
