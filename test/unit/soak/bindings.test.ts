import { beforeEach, expect, test, vi } from 'vitest';
import type { Call } from '../../cluster/chaos/api-proxy.ts';
import { BindingCheck } from '../../soak/checks/bindings.ts';

beforeEach(() => {
	vi.spyOn(console, 'error').mockReturnValue();
});

function post(pod: string, changes: Partial<Call> = {}): Call {
	const path = `/api/v1/namespaces/ns/pods/${pod}/binding`;
	return { number: 1, kind: 'write', method: 'POST', path, query: new URLSearchParams(), ...changes };
}

test('two Bindings of a pod at once are a problem', () => {
	const check = new BindingCheck();
	const observe = check.observer(0);
	observe(post('p'));
	observe(post('p'));
	expect(check.problems.all).toEqual([
		expect.stringMatching(/ replica 0 sent two Bindings of p at once, .* ms later$/),
	]);
});

test('a pod that is bound twice is a problem', () => {
	const check = new BindingCheck();
	const observe = check.observer(1);
	for (let i = 0; i < 2; i++) observe(post('p'))?.({ status: 201 });
	expect(check.problems.all).toEqual([expect.stringMatching(/ replica 1 bound p twice$/)]);
});

test.each([{ status: 409 }, { status: 500 }, {}])('one that ended with %j may be sent again', (how) => {
	const check = new BindingCheck();
	const observe = check.observer(0);
	observe(post('p'))?.(how);
	observe(post('p'))?.({ status: 201 });
	expect(check.problems.all).toEqual([]);
	expect(check).toMatchObject({ sent: 2, succeeded: 1 });
});

test('of other pods, by another replica, and other calls are no second ones', () => {
	const check = new BindingCheck();
	const observe = check.observer(0);
	observe(post('p'));
	observe(post('q'));
	check.observer(1)(post('p'));
	observe(post('p', { method: 'GET' }));
	observe(post('p', { path: '/api/v1/namespaces/ns/pods/p/status' }));
	expect(check.problems.all).toEqual([]);
	expect(check.sent).toBe(3);
});
