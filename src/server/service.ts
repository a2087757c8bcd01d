/** What the four verbs share. */

import { projectPod } from '../cluster/projections.ts';
import type { Mode } from '../config/config.ts';
import type { Pod } from '../domain/model.ts';
import { CallError } from './errors.ts';
import type { Judgement } from './judgement.ts';
import type { Scheduling } from './scheduling.ts';
import type { RawPod } from './wire/types.ts';

export type Verb = 'filter' | 'prioritize' | 'preempt' | 'bind';

export const VERBS: readonly Verb[] = ['filter', 'prioritize', 'preempt', 'bind'];

export interface Service {
	readonly scheduling: Scheduling;
	readonly mode: Mode;
}

/** What a call leaves behind for the log, the metrics and the record of decisions; filled in while it is answered. */
export interface CallSummary {
	readonly verb: Verb;
	/** namespace/name */
	pod: string;
	nodes: number;
	/** Set by filter for a pod with claims. */
	decision?: { readonly pod: Pod; readonly judgement: Judgement };
	/** An exception of ours. The call may have been answered all the same. */
	fault?: unknown;
	/** The Error that was sent with 200, by bind. */
	error?: string;
}

/** More than any node can attach. What a judgement costs grows with the square of it, and holds up every other pod. */
const MOST_CLAIMS = 256;

/** Reads the pod. Where it has no claims it runs anywhere; else enough must be known to judge it, or this throws. */
export function readPod(
	service: Service,
	raw: RawPod,
	summary: CallSummary,
): { readonly pod: Pod; readonly anywhere: boolean } {
	summary.pod = `${raw.metadata.namespace ?? ''}/${raw.metadata.name}`;
	// The shape of all but its status is checked; null, which Go writes for what is empty, is read as absence.
	const { status: _, ...checked } = raw as Parameters<typeof projectPod>[0];
	const pod = projectPod(checked);
	const mounted = pod.claimVolumes.length;
	if (mounted > MOST_CLAIMS) throw new CallError('TOO_MANY_CLAIMS', { count: mounted, limit: MOST_CLAIMS });
	const anywhere = mounted === 0;
	if (!anywhere) requireKnowledge(service);
	return { pod, anywhere };
}

/**
 * Refuses the call until every watch has synced, and in companion mode also while one has been down for long: without an
 * answer pods go on, where one that is out of date would hold them up. In delegate mode nobody else would answer.
 */
function requireKnowledge({ scheduling, mode }: Service): void {
	const knowledge = scheduling.knowledge();
	if (knowledge === 'incomplete') throw unsynced();
	if (knowledge === 'current' || mode === 'delegate') return;
	throw new CallError('OUT_OF_DATE');
}

/** Refuses the call until every watch has synced. */
export function requireSync({ scheduling }: Service): void {
	if (scheduling.knowledge() === 'incomplete') throw unsynced();
}

function unsynced(): CallError {
	return new CallError('NOT_SYNCED', { hint: 'try again soon' });
}

/**
 * After an exception: returns where the call is to be answered as if topobind had no opinion, throws where it is to
 * fail. A fault of ours never blocks a pod in companion mode, and never lets one through in delegate mode.
 */
export function tolerateFault(service: Service, summary: CallSummary, error: unknown): void {
	if (error instanceof CallError) throw error;
	summary.fault = error;
	if (service.mode === 'delegate') throw faultError(summary);
}

/** What the caller is told of an exception of ours; the log has the stack. */
export function faultError(summary: CallSummary): CallError {
	return new CallError('FAULT', { verb: summary.verb, problem: messageOf(summary.fault) });
}

/** Never empty: an empty Error means success on the wire. */
export function messageOf(error: unknown): string {
	const message = error instanceof Error ? error.message : String(error);
	return message === '' ? 'an error without a message' : message;
}
