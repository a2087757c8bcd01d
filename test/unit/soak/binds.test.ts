import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FrontCall, FrontEnd } from '../../cluster/chaos/round-robin.ts';
import { BindCheck } from '../../soak/checks/binds.ts';

const TIMEOUT_MS = 10_000;
const MARGIN_MS = 5_000;
const BOUND = { status: 200, text: '{"Error":""}' };

const CALL: FrontCall = {
	verb: 'bind',
	target: 1,
	body: Buffer.from(JSON.stringify({ PodName: 'p', Node: 'n' })),
};

beforeEach(() => {
	vi.useFakeTimers();
	vi.spyOn(console, 'error').mockReturnValue();
});

afterEach(() => {
	vi.useRealTimers();
});

function ended(end: FrontEnd, isAway = false, ms = 0): BindCheck {
	const check = new BindCheck(TIMEOUT_MS, () => isAway);
	const finish = check.observe(CALL);
	vi.advanceTimersByTime(ms);
	finish(end);
	return check;
}

test.each<[string, FrontEnd, boolean]>([
	['bound', BOUND, false],
	['refused', { status: 200, text: '{"Error":"no"}' }, false],
	['replica ended', { error: new Error('reset') }, true],
	['not synced', { status: 503, text: '{"Error":"not synced"}' }, true],
])('an answer that says %s is none', (result, end, isAway) => {
	const check = ended(end, isAway);
	expect(check.problems.all).toEqual([]);
	expect(check.counts).toEqual({ [result]: 1 });
});

test.each<[string, FrontEnd, boolean]>([
	['no answer of a replica that was there all along', { error: new Error('reset') }, false],
	['not synced, from one that was', { status: 503, text: '{"Error":"not synced"}' }, false],
	['not synced, and not why', { status: 503, text: '{"Error":""}' }, true],
	['another status', { status: 500, text: '{"Error":"no"}' }, true],
	['no result of a bind', { status: 200, text: '{}' }, false],
	['no JSON', { status: 200, text: '<html>' }, false],
	['nothing', { status: 200, text: '' }, false],
])('a problem is %s', (_, end, isAway) => {
	const check = ended(end, isAway);
	expect(check.problems.all).toEqual([
		expect.stringContaining('the bind of p to n by replica 1 gave no answer that says how it ended: '),
	]);
	expect(check.counts).toEqual({ wrong: 1 });
});

describe('a bind that takes longer than it has, and the margin', () => {
	test('is a problem when it ends', () => {
		expect(ended(BOUND, false, TIMEOUT_MS + MARGIN_MS).problems.all).toEqual([]);
		const late = ended(BOUND, false, TIMEOUT_MS + MARGIN_MS + 1);
		expect(late.problems.all).toEqual([expect.stringMatching(/ the bind of p to n by replica 1 took 15001 ms$/)]);
		expect(late.longest).toBe(15_001);
	});

	test('is a problem while it runs', () => {
		const check = new BindCheck(TIMEOUT_MS, () => false);
		const finish = check.observe(CALL);
		vi.advanceTimersByTime(TIMEOUT_MS + MARGIN_MS);
		expect(check.overdue).toEqual([]);
		vi.advanceTimersByTime(1);
		expect(check.overdue).toEqual(['the bind of p to n by replica 1 still runs, since 15001 ms']);
		expect(check.running).toBe(1);
		finish(BOUND);
		expect(check.overdue).toEqual([]);
		expect(check.running).toBe(0);
	});
});

test('it is asked since when the bind runs whether its replica was away', () => {
	const wasAway = vi.fn(() => true);
	const began = Date.now();
	const finish = new BindCheck(TIMEOUT_MS, wasAway).observe(CALL);
	vi.advanceTimersByTime(3_000);
	finish({ error: new Error('reset') });
	expect(wasAway).toHaveBeenCalledWith(1, began);
});

test('other verbs are not looked at', () => {
	const check = new BindCheck(TIMEOUT_MS, () => false);
	check.observe({ ...CALL, verb: 'filter' })({ status: 500 });
	expect(check.problems.all).toEqual([]);
	expect(check.counts).toEqual({});
});
