/** Where topobind may tell another reason than the one that kube-scheduler tells first: each is deliberate, and counted. */

import type { PodJudgement } from '../harness/oracle.ts';
import type { Manifest } from '../manifest.ts';
import type { Facts } from './facts.ts';
import type { Said } from './messages.ts';
import { isSame, meaningOf, reasonsOn } from './reasons.ts';
import type { Sources } from './sources.ts';

export interface Difference {
	/** For people, in a run's summary. */
	readonly what: string;
	readonly applies: (situation: Situation) => boolean;
}

export interface Situation {
	readonly pod: Manifest;
	readonly node: string;
	readonly ours: Said;
	/** All that kube-scheduler has against the node, in its order. */
	readonly theirs: readonly string[];
	readonly judgement: PodJudgement;
	readonly facts: Facts;
	readonly sources: Sources;
}

/** What topobind tells only of claims without a source, or with a good one; and what it tells after all claims that wait. */
const AFTER_SOURCES = ['ErrReasonBindConflict', 'ErrReasonNotEnoughSpace', 'ErrReasonConflict'];

export const DIFFERENCES: readonly Difference[] = [
	{
		what: 'a source that kube-scheduler does not look at, on a node that it passes',
		applies: (situation) => isOfSource(situation) && situation.theirs.length === 0,
	},
	{
		what: 'a source before room, topology and zones',
		applies: (situation) => isOfSource(situation) && AFTER_SOURCES.some((name) => isFirst(name, situation)),
	},
	{
		what: 'a bound claim before an error because of one that waits, in which kube-scheduler loses what it found',
		applies: (situation) => isFirst('bad selector', situation) && isSameOfBoundClaims(situation),
	},
	{
		what: 'the missing volume of a bound ephemeral claim before claims that wait',
		applies: ({ ours, theirs: [first, second] }) =>
			first !== undefined &&
			second !== undefined &&
			['ErrReasonBindConflict', 'ErrReasonNotEnoughSpace'].some((name) => isCalled(name, first)) &&
			isCalled('ErrReasonPVNotExist', second) &&
			isSame(second, ours),
	},
];

/** Of a claim that has one; a claim that is pinned to another node comes before it. */
function isOfSource({ pod, node, ours, facts, sources }: Situation): boolean {
	return sources.codeOf(pod, ours) !== undefined && !facts.isPinned(pod, node);
}

function isSameOfBoundClaims({ node, ours, judgement: { boundOnly = {} } }: Situation): boolean {
	const [first] = reasonsOn(node, { filter: boundOnly });
	return first !== undefined && isSame(first, ours);
}

function isFirst(name: string, { theirs: [first] }: Situation): boolean {
	return first !== undefined && isCalled(name, first);
}

function isCalled(name: string, theirs: string): boolean {
	return meaningOf(theirs).name.endsWith(`: ${name}`);
}
