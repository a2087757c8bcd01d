/** What is answered when topobind itself cannot: not synced yet, or an exception of ours. */

import { describe, expect, it, vi } from 'vitest';
import type { Decision } from '../../src/server/decisions.ts';
import { CONFLICT, extender, podWithClaim, post, recordingLogger, threeNodes } from './support.ts';

const victims = {
	a1: { Pods: [{ UID: 'u' }], NumPDBViolations: 0 },
	b1: { Pods: [{ UID: 'v' }], NumPDBViolations: 1 },
};
const calls = {
	filter: { Pod: podWithClaim, NodeNames: ['a1', 'b1'] },
	prioritize: { Pod: podWithClaim, NodeNames: ['a1', 'b1'] },
	preempt: { Pod: podWithClaim, NodeNameToMetaVictims: victims },
	bind: { PodName: 'web-0', PodNamespace: 'shop', PodUID: 'uid-web-0', Node: 'a1' },
};

function fail(): never {
	throw new TypeError('cannot read x');
}
const broken = threeNodes({ filter: fail, prioritize: fail, bind: fail });

function metrics() {
	return { called: vi.fn(), refused: vi.fn(), fault: vi.fn() };
}

describe('before every watch has synced', () => {
	it.each(Object.entries(calls))('%s → 503 with Retry-After', async (verb, body) => {
		const bind = vi.fn(async () => {});
		for (const mode of ['companion', 'delegate'] as const) {
			const app = extender({ mode, scheduling: threeNodes({ knowledge: () => 'incomplete', filter: fail, bind }) });
			const answer = await post(app, verb, body);
			expect(answer.status).toBe(503);
			expect(answer.headers['retry-after']).toBe('1');
			expect(answer.body).toEqual({ Error: 'topobind has not seen the whole cluster yet, try again soon' });
		}
		expect(bind).not.toHaveBeenCalled();
	});

	it('bind of a pod that has no claims is carried out', async () => {
		const bind = vi.fn(async () => {});
		const scheduling = threeNodes({ knowledge: () => 'incomplete', hasClaims: async () => false, bind });
		const answer = await post(extender({ scheduling, mode: 'delegate' }), 'bind', calls.bind);
		expect(answer).toMatchObject({ status: 200, body: { Error: '' } });
		expect(bind).toHaveBeenCalledOnce();
	});

	it('bind of a pod that cannot be read says why, with 200', async () => {
		const hasClaims = () => Promise.reject(new Error('cannot reach the API server'));
		const scheduling = threeNodes({ knowledge: () => 'incomplete', hasClaims, bind: fail });
		const answer = await post(extender({ scheduling, mode: 'delegate' }), 'bind', calls.bind);
		expect(answer).toMatchObject({ status: 200, body: { Error: 'cannot reach the API server' } });
	});

	it('a wrong shape is told first', async () => {
		const app = extender({ scheduling: threeNodes({ knowledge: () => 'incomplete' }) });
		expect((await post(app, 'filter', { Pod: podWithClaim })).status).toBe(422);
	});
});

describe('while a watch has been down for long', () => {
	const cutOff = threeNodes({ knowledge: () => 'outdated' });

	it.each(['filter', 'prioritize', 'preempt'] as const)(
		'companion: %s → 503 that says why, so that the pod goes on without topobind',
		async (verb) => {
			const answer = await post(extender({ scheduling: cutOff, mode: 'companion' }), verb, calls[verb]);
			expect(answer).toMatchObject({
				status: 503,
				headers: { 'retry-after': '1' },
				body: { Error: expect.stringMatching(/^topobind is cut off from the API server/) },
			});
		},
	);

	it.each(Object.entries(calls))('delegate: %s is answered by what was last seen', async (verb, body) => {
		const answer = await post(extender({ scheduling: cutOff, mode: 'delegate' }), verb, body);
		expect(answer.status).toBe(200);
	});

	it('companion: bind writes, and is told by the API server whether it may', async () => {
		const answer = await post(extender({ scheduling: cutOff, mode: 'companion' }), 'bind', calls.bind);
		expect(answer).toMatchObject({ status: 200, body: { Error: '' } });
	});
});

describe('an exception of ours, in companion mode', () => {
	it('lets every node pass filter, in the form that was sent', async () => {
		const app = extender({ scheduling: broken });
		const names = await post(app, 'filter', calls.filter);
		expect(names).toMatchObject({
			status: 200,
			body: { NodeNames: ['a1', 'b1'], FailedAndUnresolvableNodes: {}, Error: '' },
		});
		const items = [{ metadata: { name: 'b1' } }];
		const whole = await post(app, 'filter', { Pod: podWithClaim, Nodes: { items } });
		expect(whole).toMatchObject({ status: 200, body: { Nodes: { items }, NodeNames: null } });
	});

	it('gives the victims back as they came', async () => {
		expect(await post(extender({ scheduling: broken }), 'preempt', calls.preempt)).toMatchObject({
			status: 200,
			body: { NodeNameToMetaVictims: victims },
		});
	});

	it('counts an answer that does not fit the question', async () => {
		const app = extender({ scheduling: threeNodes({ filter: () => [CONFLICT] }) });
		expect((await post(app, 'filter', calls.filter)).body.NodeNames).toEqual(['a1', 'b1']);
	});
});

describe('an exception of ours, in delegate mode', () => {
	it.each(['filter', 'prioritize', 'preempt'] as const)('%s → 500', async (verb) => {
		const answer = await post(extender({ scheduling: broken, mode: 'delegate' }), verb, calls[verb]);
		expect(answer).toMatchObject({ status: 500, body: { Error: `topobind failed in ${verb}: cannot read x` } });
	});
});

it('an exception of ours in bind is told with 200', async () => {
	for (const mode of ['companion', 'delegate'] as const) {
		const answer = await post(extender({ scheduling: broken, mode }), 'bind', calls.bind);
		expect(answer).toMatchObject({ status: 200, body: { Error: 'cannot read x' } });
	}
});

describe('what a call leaves behind', () => {
	it('a fault: one line with the stack, and a metric, though the answer was 200', async () => {
		const { logger, lines } = recordingLogger();
		const counted = metrics();
		const app = extender({ scheduling: broken, logger, metrics: counted });
		await post(app, 'filter', calls.filter);
		await expect.poll(() => lines).toHaveLength(1);
		expect(lines[0]).toMatchObject({ level: 'error', verb: 'filter', pod: 'shop/web-0', status: 200 });
		expect(lines[0]).toHaveProperty('err.stack', expect.stringContaining('faults.test.ts'));
		expect(counted.fault).toHaveBeenCalledExactlyOnceWith('filter');
		expect(counted.called).toHaveBeenCalledExactlyOnceWith('filter', 200, expect.any(Number));
	});

	it('refusals: one line that counts them by code, metrics, and a decision', async () => {
		const { logger, lines } = recordingLogger();
		const counted = metrics();
		const decisions: Decision[] = [];
		const app = extender({ logger, metrics: counted, onDecision: (decision) => decisions.push(decision) });
		await post(app, 'filter', { Pod: podWithClaim, NodeNames: ['a1', 'b1', 'x', 'b2'] });
		await expect.poll(() => decisions).toHaveLength(1);
		expect(lines).toHaveLength(1);
		expect(lines[0]).toMatchObject({
			level: 'info',
			verb: 'filter',
			pod: 'shop/web-0',
			nodes: 4,
			refused: { VOLUME_NODE_AFFINITY: 2, UNKNOWN_NODE: 1 },
			ms: expect.any(Number),
		});
		expect(counted.refused.mock.calls).toEqual([
			['VOLUME_NODE_AFFINITY', 2],
			['UNKNOWN_NODE', 1],
		]);
		expect(decisions[0]).toMatchObject({ namespace: 'shop', pod: 'web-0', uid: 'uid-web-0', nodes: 4, passed: 1 });
		const [, , seconds] = counted.called.mock.calls[0] ?? [];
		expect(seconds).toBeGreaterThan(0);
		expect(seconds).toBeLessThan(5);
	});

	it('nothing refused: a line at debug', async () => {
		const { logger, lines } = recordingLogger();
		await post(extender({ logger }), 'filter', { Pod: podWithClaim, NodeNames: ['a1'] });
		await expect.poll(() => lines).toHaveLength(1);
		expect(lines[0]).toMatchObject({ level: 'debug', verb: 'filter', nodes: 1, refused: 0 });
	});

	it('a wrong request: a warning that says what was wrong, also for an unknown path', async () => {
		const { logger, lines } = recordingLogger();
		const app = extender({ logger });
		await post(app, 'filter', { Pod: podWithClaim });
		await post(app, 'scheduler/filter', {});
		await post(app, 'filter', calls.filter, { 'content-encoding': 'gzip' });
		await expect.poll(() => lines).toHaveLength(3);
		expect(lines[0]).toMatchObject({
			level: 'warn',
			verb: 'filter',
			status: 422,
			error: expect.stringContaining('null'),
		});
		expect(lines[1]).toMatchObject({ level: 'warn', path: '/scheduler/filter', status: 404 });
		expect(lines[2]).toMatchObject({ level: 'warn', verb: 'filter', status: 415 });
	});

	it('a listener that fails harms no call', async () => {
		const app = extender({ onDecision: fail, metrics: { called: fail, refused: fail, fault: fail } });
		for (let i = 0; i < 3; i++) expect((await post(app, 'filter', calls.filter)).status).toBe(200);
	});
});
