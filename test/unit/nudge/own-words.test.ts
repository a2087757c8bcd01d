// What is read of a scheduler's message are the words of the catalogue.

import { describe, expect, test } from 'vitest';
import { type ReasonCode, reason } from '../../../src/domain/decision/reasons.ts';
import { mayBeOutdated, wasRefusedForSource } from '../../../src/nudge/own-words.ts';

const details = { claim: 'data', source: 'VolumeSnapshot s', problem: 'it does not exist', requirement: 'zone in (a)' };

/** As kube-scheduler tells it. */
const said = (code: ReasonCode) => `0/3 nodes are available: 3 ${reason(code, details).message}. preemption: 0/3.`;

describe.each(['SOURCE_NOT_READY', 'SOURCE_INVALID'] as const)('%s', (code) => {
	test('is of a source, and may have passed', () => {
		expect(wasRefusedForSource(said(code))).toBe(true);
		expect(mayBeOutdated(said(code), [])).toBe(true);
	});
});

test('SOURCE_UNREACHABLE is of a source, and holds while that reaches what it reached', () => {
	const message = said('SOURCE_UNREACHABLE');
	expect(wasRefusedForSource(message)).toBe(true);
	const now = (text: string) => [{ claim: 'data', text, fit: true }];
	expect(mayBeOutdated(message, now('zone in (a)'))).toBe(false);
	expect(mayBeOutdated(message, now('zone in (b)'))).toBe(true);
});

test('any other reason is of no source', () => {
	expect(wasRefusedForSource(said('CAPACITY'))).toBe(false);
	expect(mayBeOutdated(said('CLASS_TOPOLOGY'), [])).toBe(false);
});
