import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ReasonCode, reason, reasonTemplates } from '../../../src/domain/decision/reasons.ts';
import { read } from '../../agreement/compare/messages.ts';
import { isSame, MEANINGS, meaningOf, reasonsOn } from '../../agreement/compare/reasons.ts';

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

const codes = Object.keys(reasonTemplates) as ReasonCode[];
const said = (code: ReasonCode) => read(reason(code, { claim: 'data', volume: 'pv', class: 'fast' }).message);

describe('reasons, beside kube-scheduler’s', () => {
	it.each(Object.entries(ERR_REASONS))('%s is what %j mean, and no others', (theirs, ours) => {
		expect(codes.filter((code) => isSame(theirs, said(code)))).toEqual(ours);
	});

	it('each mean exactly one of them, or are topobind’s own', () => {
		for (const code of codes) {
			const meanings = MEANINGS.filter((meaning) => meaning.codes.includes(code)).map(({ name }) => name);
			if (OF_OUR_OWN.includes(code)) expect(meanings).toEqual([]);
			// Both plugins find that a volume is gone, the one of claims mounted by name and the other of the rest.
			else if (code === 'VOLUME_MISSING') expect(meanings).toHaveLength(2);
			else expect(meanings, code).toHaveLength(1);
		}
	});

	it.each<[string, ReasonCode, object]>([
		['persistentvolumeclaim "data" is being deleted', 'CLAIM_DELETING', { claim: 'logs' }],
		[
			'persistentvolumeclaim "data" bound to non-existent persistentvolume "pv"',
			'CLAIM_LOST',
			{ claim: 'data', volume: 'pv-2' },
		],
		['VolumeBindingMode not set for StorageClass "fast"', 'CLASS_INVALID', { claim: 'data', class: 'slow' }],
		['persistentvolume "pv" not found', 'VOLUME_MISSING', { claim: 'data', volume: 'pv-2' }],
	])('name what kube-scheduler names: %s', (theirs, code, others) => {
		expect(isSame(theirs, said(code))).toBe(true);
		expect(isSame(theirs, read(reason(code, others).message))).toBe(false);
	});

	it('are told from each other by their texts', () => {
		for (const code of codes) expect(said(code).code).toBe(code);
	});

	it('that are not known are no reasons', () => {
		expect(() => meaningOf('node(s) had a bad day')).toThrow(/no entry/);
		expect(() => read('claim data had a bad day')).toThrow(/no template/);
	});

	it('come in the order in which kube-scheduler finds them', () => {
		const preFilter = { VolumeZone: { reasons: ['b'] }, VolumeBinding: { error: 'a' } };
		const filter = { n1: { VolumeZone: { reasons: ['e'] }, VolumeBinding: { reasons: ['c', 'd'] } } };
		expect(reasonsOn('n1', { preFilter, filter })).toEqual(['a', 'b', 'c', 'd', 'e']);
		expect(reasonsOn('n2', { filter })).toEqual([]);
	});

	it('stand in the README of agreement as in the table', () => {
		const readme = readFileSync(new URL('../../agreement/README.md', import.meta.url), 'utf8');
		const rows = readme.matchAll(/^\| (Volume[^|:]*: [^|]*) \| ([^|]*) \|$/gm);
		const documented = Array.from(rows, ([, name = '', told = '']) => [name, told.match(/[A-Z_]{4,}/g) ?? []]);
		expect(documented).toEqual(MEANINGS.map(({ name, codes }) => [name, codes]));
	});
});
