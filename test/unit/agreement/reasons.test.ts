import { describe, expect, it } from 'vitest';
import { type ReasonCode, reason, reasonTemplates } from '../../../src/domain/decision/reasons.ts';
import { codeOf, isAmong } from '../../agreement/compare/reasons.ts';

/** The ErrReason constants of volumebinding/binder.go and volumezone/volume_zone.go, Kubernetes 1.37. */
const ERR_REASONS: Readonly<Record<string, readonly ReasonCode[]>> = {
	"node(s) didn't find available persistent volumes to bind": ['SELECTED_NODE', 'NO_STATIC_VOLUME', 'CLASS_TOPOLOGY'],
	"node(s) didn't match PersistentVolume's node affinity": ['VOLUME_NODE_AFFINITY'],
	'node(s) did not have enough free storage': ['CAPACITY'],
	'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)': ['VOLUME_MISSING'],
	'node(s) had no available volume zone': ['ZONE_LABEL'],
};

/** Of these kube-scheduler says nothing: it has no such refusal. */
const OF_OUR_OWN: readonly ReasonCode[] = ['UNKNOWN_NODE', 'SOURCE_NOT_READY', 'SOURCE_INVALID', 'SOURCE_UNREACHABLE'];

/** These are errors and refusals of PreFilter, which are no constants but texts with names in them. */
const OF_PRE_FILTER: readonly ReasonCode[] = [
	'CLAIM_MISSING',
	'CLAIM_NOT_CREATED',
	'CLAIM_NOT_OWNED',
	'CLAIM_LOST',
	'CLAIM_DELETING',
	'CLAIM_UNBOUND',
	'CLAIM_INVALID',
	'CLASS_MISSING',
	'CLASS_INVALID',
	'VOLUME_UNTRANSLATABLE',
];

const codes = Object.keys(reasonTemplates) as ReasonCode[];
const messageOf = (code: ReasonCode) => reason(code, { claim: 'data', volume: 'pv', class: 'fast' }).message;

describe('reasons, beside kube-scheduler’s', () => {
	it.each(Object.entries(ERR_REASONS))('%s is what %j mean, and no others', (theirs, ours) => {
		expect(codes.filter((code) => isAmong(messageOf(code), [theirs]))).toEqual(ours);
	});

	it('each means one of them, or is a text of PreFilter, or topobind’s own', () => {
		const listed = [...Object.values(ERR_REASONS).flat(), ...OF_PRE_FILTER, ...OF_OUR_OWN];
		expect(listed.sort()).toEqual([...codes].sort());
	});

	it('name the claim that kube-scheduler names', () => {
		const theirs = ['persistentvolumeclaim "data" is being deleted'];
		expect(isAmong(reason('CLAIM_DELETING', { claim: 'data' }).message, theirs)).toBe(true);
		expect(isAmong(reason('CLAIM_DELETING', { claim: 'logs' }).message, theirs)).toBe(false);
	});

	it('are told from each other by their texts', () => {
		for (const code of codes) expect(codeOf(messageOf(code))).toBe(code);
	});

	it('that are not known are no reasons', () => {
		expect(() => isAmong(messageOf('CAPACITY'), ['node(s) had a bad day'])).toThrow(/no entry/);
	});
});
