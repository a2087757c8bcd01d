/**
 * The delayed claims of one pod, judged together because they compete for volumes:
 * FindPodVolumes and findMatchingVolumes in volumebinding/binder.go.
 */

import { type Reason, type ReasonCode, reason } from '../decision/reasons.ts';
import type { Claim, Labels, Volume } from '../model.ts';
import type { NodeIndex } from '../topology/node-index.ts';
import { NodeSet } from '../topology/node-set.ts';
import type { ClusterView } from '../view.ts';
import { provisioningSteps } from './provisioning.ts';
import type { ProvisioningStep } from './provisioning-step.ts';
import { type AlikeSearch, type StaticSearch, smallestFirst } from './static-search.ts';

/** What each claim gets on one node: a volume that is there, or one to be provisioned. */
export interface Assignment {
	readonly bindings: readonly { readonly claim: Claim; readonly volume: Volume }[];
	readonly provisions: readonly Claim[];
}

export interface Refusal {
	readonly reason: Reason;
	readonly nodes: NodeSet;
}

/** Reads the view when it is made and when it is asked: use it within one synchronous judgement only. */
export class DelayedClaims {
	/** With a selected node: provisioned there or nowhere. */
	readonly #selected: readonly Claim[];
	/** The others, smallest request first. */
	readonly #open: readonly { readonly claim: Claim; readonly search: StaticSearch | undefined }[];
	readonly #delayed: readonly Claim[];
	readonly #view: ClusterView;
	/** What `#open` gets on the node that was looked at last, in the same order; one array for thousands of nodes. */
	readonly #chosen: (Volume | undefined)[];
	/** The volumes among `#chosen`. */
	readonly #taken = new Set<Volume>();
	/** Where the open claims are alike, the quick way to tell how many of them get a volume. */
	readonly #alike: AlikeSearch | undefined;

	constructor(claims: readonly Claim[], view: ClusterView) {
		this.#delayed = claims;
		this.#view = view;
		this.#selected = claims.filter((claim) => claim.selectedNode !== undefined);
		this.#open = smallestFirst(claims.filter((claim) => claim.selectedNode === undefined)).map((claim) => ({
			claim,
			search: view.staticVolumes(claim.className)?.search(claim),
		}));
		this.#chosen = this.#open.map(() => undefined);
		const open = this.#open.map(({ claim }) => claim);
		this.#alike = open.some((claim) => isHeldToSource(claim, view))
			? undefined
			: view.staticVolumes(open[0]?.className ?? '')?.searchAlike(open);
	}

	/** The candidates that these claims cannot use, each under the first reason that holds there. */
	refusals(nodes: NodeIndex, candidates: NodeSet): Refusal[] {
		const selection = this.#refusedBySelection(nodes, candidates);
		const left = selection.reduce((set, refusal) => set.difference(refusal.nodes), candidates);
		const invalid = this.#open.find(({ claim }) => claim.selector?.invalid !== undefined)?.claim;
		if (invalid) {
			const details = { claim: invalid.name, problem: invalid.selector?.invalid ?? '' };
			return [...selection, { reason: reason('CLAIM_INVALID', details), nodes: left }];
		}
		return [...selection, ...this.#refusedByVolumes(nodes, left)];
	}

	/** Which volume each claim gets on a node with these labels, whether or not the rest can be provisioned there. */
	assign(labels: Labels): Assignment {
		this.#choose(labels);
		const bindings: { claim: Claim; volume: Volume }[] = [];
		const provisions = [...this.#selected];
		for (const [i, { claim }] of this.#open.entries()) {
			const volume = this.#chosen[i];
			if (volume) bindings.push({ claim, volume });
			else provisions.push(claim);
		}
		return { bindings, provisions };
	}

	/** Greedily, as kube-scheduler does: a small claim may take the one volume that a larger one could use. */
	#choose(labels: Labels): void {
		this.#taken.clear();
		for (let i = 0; i < this.#open.length; i++) {
			const volume = this.#open[i]?.search?.best(labels, this.#taken);
			this.#chosen[i] = volume;
			if (volume) this.#taken.add(volume);
		}
	}

	#refusedBySelection(nodes: NodeIndex, candidates: NodeSet): Refusal[] {
		const refusals: Refusal[] = [];
		let left = candidates;
		for (const claim of this.#selected) {
			const id = nodes.idOf(claim.selectedNode ?? '');
			const here = NodeSet.of(id === undefined ? [] : [id]);
			refusals.push({ reason: reason('SELECTED_NODE', { claim: claim.name }), nodes: left.difference(here) });
			left = left.intersection(here);
		}
		return refusals;
	}

	#refusedByVolumes(nodes: NodeIndex, candidates: NodeSet): Refusal[] {
		const refusals = new Map<Reason, NodeSet>();
		const refuse = (why: Reason, id: number) => {
			const set = refusals.get(why) ?? new NodeSet();
			refusals.set(why, set);
			set.add(id);
		};
		const steps = new Map<Claim, readonly ProvisioningStep[]>();
		const failureOf = (claim: Claim, volume: Volume | undefined, id: number) => {
			if (volume && (volume.claimRef || !isHeldToSource(claim, this.#view))) return undefined;
			const known = steps.get(claim) ?? provisioningSteps(claim, this.#delayed, this.#view, nodes);
			steps.set(claim, known);
			return known.find(({ allowed, reason }) => (!volume || OF_SOURCE.has(reason.code)) && !allowed.has(id))?.reason;
		};
		for (const id of candidates) {
			const failure = this.#firstFailure(nodes.labelsOf(id), (claim, volume) => failureOf(claim, volume, id));
			if (failure) refuse(failure, id);
		}
		return [...refusals].map(([why, set]) => ({ reason: why, nodes: set }));
	}

	/** The first reason why a claim cannot have the volume that it would get on a node, or be provisioned there. */
	#firstFailure(
		labels: Labels,
		failureOf: (claim: Claim, volume: Volume | undefined) => Reason | undefined,
	): Reason | undefined {
		const served = this.#alike?.served(labels);
		if (served === undefined) this.#choose(labels);
		for (const claim of this.#selected) {
			const failure = failureOf(claim, undefined);
			if (failure) return failure;
		}
		for (let i = served ?? 0; i < this.#open.length; i++) {
			const volume = served === undefined ? this.#chosen[i] : undefined;
			const failure = failureOf((this.#open[i] as { claim: Claim }).claim, volume);
			if (failure) return failure;
		}
		return undefined;
	}
}

/**
 * Where VolumeBinding chooses, a volume that is free here may be taken there already: the claim is then pinned, to be
 * provisioned from a source that nobody else has looked at. Only a volume that is reserved for the claim is sure.
 */
function isHeldToSource({ source }: Claim, view: ClusterView): boolean {
	return source !== undefined && !view.choosesVolumes;
}

const OF_SOURCE: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
	'SOURCE_NOT_READY',
	'SOURCE_INVALID',
	'SOURCE_UNREACHABLE',
]);
