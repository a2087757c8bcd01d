/** The bodies of facts and docs, letter by letter. */

import { describe, expect, it, vi } from 'vitest';
import { CONFLICT, extender, podWithClaim, podWithoutVolumes, post, threeNodes, UNKNOWN } from './support.ts';

const node = (name: string, labels?: Record<string, string>, more = {}) => ({ metadata: { name, labels, ...more } });

describe('filter, names only', () => {
	it('gives the nodes that pass, and every other one with its reason', async () => {
		const { status, headers, body } = await post(extender(), 'filter', {
			Pod: podWithClaim,
			Nodes: null,
			NodeNames: ['b1', 'a1', 'x', 'a2', 'b2'],
		});
		expect(status).toBe(200);
		expect(headers['content-type']).toMatch(/^application\/json/);
		expect(body).toEqual({
			Nodes: null,
			NodeNames: ['a1', 'a2'],
			FailedNodes: {},
			FailedAndUnresolvableNodes: { b1: CONFLICT.message, b2: CONFLICT.message, x: UNKNOWN.message },
			Error: '',
		});
	});

	it('gives an empty list, never null, where no node passes', async () => {
		const { body } = await post(extender(), 'filter', { Pod: podWithClaim, NodeNames: ['b1'] });
		expect(body.NodeNames).toEqual([]);
	});

	it('gives the same bytes for the same question', async () => {
		const app = extender();
		const payload = { Pod: podWithClaim, NodeNames: ['x', 'b1', 'a1', 'b2'] };
		const ask = () => app.inject({ method: 'POST', url: '/filter', payload });
		expect((await ask()).body).toBe((await ask()).body);
	});

	it('reads keys in any case, the later of two counting, and no unknown ones', async () => {
		const app = extender();
		const expected = (await post(app, 'filter', { Pod: podWithClaim, NodeNames: ['a1', 'b1'] })).body;
		expect((await post(app, 'filter', { pod: podWithClaim, nodenames: ['a1', 'b1'], nodes: null })).body).toEqual(
			expected,
		);
		expect((await post(app, 'filter', { NODENAMES: ['a1', 'b1'], pOd: podWithClaim, Extra: 1 })).body).toEqual(
			expected,
		);
		const twice = `{"NodeNames":["b9"],"Pod":${JSON.stringify(podWithClaim)},"nodeNames":["a1","b1"]}`;
		expect((await post(app, 'filter', twice)).body).toEqual(expected);
	});

	it('lists a node once however its name is spelt', async () => {
		const names = ['b"quote', 'b\\', 'b",', '"', 'a\u0000', '__proto__', 'constructor', 'b-ü'];
		const { body } = await post(extender(), 'filter', { Pod: podWithClaim, NodeNames: names });
		expect(body.NodeNames).toEqual(['a\u0000']);
		expect(Object.keys(body.FailedAndUnresolvableNodes).toSorted()).toEqual(
			names.filter((name) => name !== 'a\u0000').toSorted(),
		);
	});

	it('does not take a message for a pattern', async () => {
		const odd = { ...CONFLICT, message: '$& "$1" \\ \u2028 ü' };
		const app = extender({ scheduling: threeNodes({ filter: (_pod, { names }) => names.map(() => odd) }) });
		const { body } = await post(app, 'filter', { Pod: podWithClaim, NodeNames: ['b1', 'b2'] });
		expect(body.FailedAndUnresolvableNodes).toEqual({ b1: odd.message, b2: odd.message });
	});

	it('takes an empty list', async () => {
		const { status, body } = await post(extender(), 'filter', { Pod: podWithClaim, NodeNames: [] });
		expect(status).toBe(200);
		expect(body).toMatchObject({ NodeNames: [], FailedAndUnresolvableNodes: {} });
	});
});

describe('filter, whole nodes', () => {
	it('gives the nodes back as they came, with labels judged where the cache does not know the node', async () => {
		const passing = node('a1', { zone: 'q' }, { annotations: { 'ü/"': '\u0000' }, __proto__x: [1.5, null] });
		const { status, body } = await post(extender(), 'filter', {
			Pod: podWithClaim,
			NodeNames: null,
			Nodes: {
				metadata: { resourceVersion: '7' },
				items: [node('b1'), passing, node('new', { zone: 'a' }), node('x')],
			},
		});
		expect(status).toBe(200);
		expect(body).toEqual({
			Nodes: { metadata: {}, items: [passing, node('new', { zone: 'a' })] },
			NodeNames: null,
			FailedNodes: {},
			FailedAndUnresolvableNodes: { b1: CONFLICT.message, x: UNKNOWN.message },
			Error: '',
		});
	});

	it('takes items: null for no nodes, as Go writes an empty list', async () => {
		const { body } = await post(extender(), 'filter', { Pod: podWithClaim, Nodes: { metadata: {}, items: null } });
		expect(body).toMatchObject({ Nodes: { items: [] }, NodeNames: null });
	});

	it('keeps an own __proto__ key of a node, and lets it change nothing', async () => {
		const raw = '{"metadata":{"name":"a1","labels":{"__proto__":"x"}},"__proto__":{"polluted":true}}';
		const body = `{"Pod":${JSON.stringify(podWithClaim)},"Nodes":{"items":[${raw}]},"__proto__":{"polluted":true}}`;
		const answer = await extender().inject({
			method: 'POST',
			url: '/filter',
			payload: body,
			headers: { 'content-type': 'application/json' },
		});
		expect(answer.body).toContain(`"items":[${raw}]`);
		expect(({} as Record<string, unknown>).polluted).toBeUndefined();
	});
});

describe('pods without claims', () => {
	const asleep = threeNodes({
		knowledge: () => 'incomplete',
		filter: () => expect.fail('a pod without claims was judged'),
		prioritize: () => expect.fail('a pod without claims was scored'),
	});

	it('pass at once, even before the watches have synced', async () => {
		const app = extender({ scheduling: asleep, mode: 'delegate' });
		const names = await post(app, 'filter', { Pod: podWithoutVolumes, NodeNames: ['b1', 'x'] });
		expect(names.body).toEqual({
			Nodes: null,
			NodeNames: ['b1', 'x'],
			FailedNodes: {},
			FailedAndUnresolvableNodes: {},
			Error: '',
		});
		const whole = await post(app, 'filter', { Pod: podWithoutVolumes, Nodes: { items: [node('b1'), node('x')] } });
		expect(whole.body.Nodes.items).toEqual([node('b1'), node('x')]);
		const scores = await post(app, 'prioritize', { Pod: podWithoutVolumes, NodeNames: ['b1', 'x'] });
		expect(scores.body).toEqual([
			{ Host: 'b1', Score: 0 },
			{ Host: 'x', Score: 0 },
		]);
		const victims = { b1: { Pods: [{ UID: 'u' }], NumPDBViolations: 1 } };
		const preempt = await post(app, 'preempt', { Pod: podWithoutVolumes, NodeNameToMetaVictims: victims });
		expect(preempt.body).toEqual({ NodeNameToMetaVictims: victims });
	});

	it('may have no spec or volumes: null', async () => {
		for (const spec of [undefined, null, {}, { volumes: null }, { volumes: [] }]) {
			const pod = { ...podWithoutVolumes, spec };
			expect((await post(extender(), 'filter', { Pod: pod, NodeNames: ['x'] })).body.NodeNames).toEqual(['x']);
		}
	});

	it('are not those with a generic ephemeral volume', async () => {
		const pod = { ...podWithClaim, spec: { volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate: {} } }] } };
		expect((await post(extender(), 'filter', { Pod: pod, NodeNames: ['b1'] })).body.NodeNames).toEqual([]);
	});
});

describe('prioritize', () => {
	it('gives a bare list of integers, in the order of the request, for both forms', async () => {
		const expected = [
			{ Host: 'b1', Score: 0 },
			{ Host: 'a1', Score: 7 },
		];
		const names = await post(extender(), 'prioritize', { Pod: podWithClaim, Nodes: null, NodeNames: ['b1', 'a1'] });
		expect(names).toMatchObject({ status: 200, body: expected });
		const whole = await post(extender(), 'prioritize', {
			Pod: podWithClaim,
			Nodes: { items: [node('b1'), node('a1')] },
		});
		expect(whole.body).toEqual(expected);
	});

	it('sends no score that Go would refuse', async () => {
		for (const scores of [[0.5], [Number.NaN], [-1], [11], []]) {
			const app = extender({ scheduling: threeNodes({ prioritize: () => scores }) });
			expect((await post(app, 'prioritize', { Pod: podWithClaim, NodeNames: ['a1'] })).status).toBe(500);
		}
	});
});

describe('preempt', () => {
	const meta = { Pods: [{ UID: 'u1' }, { UID: 'u2' }], NumPDBViolations: 2 };

	it('drops nodes that storage cannot use, and gives the rest as it came', async () => {
		const { status, body } = await post(extender(), 'preempt', {
			Pod: podWithClaim,
			NodeNameToVictims: null,
			NodeNameToMetaVictims: { b1: meta, a1: meta, x: meta },
		});
		expect(status).toBe(200);
		expect(body).toEqual({ NodeNameToMetaVictims: { a1: meta } });
	});

	it('gives the Meta form of whole pods', async () => {
		const victims = {
			Pods: [{ metadata: { name: 'v', uid: 'u1' } }, { metadata: { uid: 'u2' } }],
			NumPDBViolations: 2,
		};
		const { body } = await post(extender(), 'preempt', {
			Pod: podWithClaim,
			NodeNameToVictims: { a1: victims, b1: victims },
			NodeNameToMetaVictims: null,
		});
		expect(body).toEqual({ NodeNameToMetaVictims: { a1: meta } });
	});

	it('takes both maps null for no victims', async () => {
		const { body } = await post(extender(), 'preempt', {
			Pod: podWithClaim,
			NodeNameToVictims: null,
			NodeNameToMetaVictims: null,
		});
		expect(body).toEqual({ NodeNameToMetaVictims: {} });
	});

	it('reads nested keys in any case, but not node names or UIDs', async () => {
		const app = extender();
		const lower = { pods: [{ uid: 'U1' }], numpdbviolations: 1 };
		const answer = await post(app, 'preempt', { pod: podWithClaim, nodenametometavictims: { a1: lower, A1: lower } });
		expect(answer.body).toEqual({ NodeNameToMetaVictims: { a1: { Pods: [{ UID: 'U1' }], NumPDBViolations: 1 } } });
		const full = { pods: [{ metadata: { uid: 'U1' } }], numPdbViolations: 1 };
		const whole = await post(app, 'preempt', { pod: podWithClaim, nodenametovictims: { a1: full } });
		expect(whole.body).toEqual(answer.body);
	});

	it('takes __proto__ for a node name like any other', async () => {
		const all = threeNodes({ filter: (_pod, { names }) => names.map(() => undefined) });
		const victims = '{"__proto__":{"Pods":[{"UID":"u"}],"NumPDBViolations":0}}';
		const body = `{"Pod":${JSON.stringify(podWithClaim)},"NodeNameToMetaVictims":${victims}}`;
		const answer = await extender({ scheduling: all }).inject({
			method: 'POST',
			url: '/preempt',
			payload: body,
			headers: { 'content-type': 'application/json' },
		});
		expect(answer.body).toBe(`{"NodeNameToMetaVictims":${victims}}`);
	});
});

describe('bind', () => {
	const args = { PodName: 'web-0', PodNamespace: 'shop', PodUID: 'uid-web-0', Node: 'a1' };

	it('passes the call on, and answers with an empty Error', async () => {
		const bind = vi.fn(async () => {});
		const { status, body } = await post(extender({ scheduling: threeNodes({ bind }) }), 'bind', args);
		expect({ status, body }).toEqual({ status: 200, body: { Error: '' } });
		expect(bind).toHaveBeenCalledExactlyOnceWith({ namespace: 'shop', name: 'web-0', uid: 'uid-web-0', node: 'a1' });
	});

	it('reads keys in any case, and a person may leave out the UID', async () => {
		const bind = vi.fn(async () => {});
		const app = extender({ scheduling: threeNodes({ bind }) });
		await post(app, 'bind', { podname: 'web-0', podNamespace: 'shop', NODE: 'a1' });
		expect(bind).toHaveBeenCalledExactlyOnceWith({ namespace: 'shop', name: 'web-0', uid: '', node: 'a1' });
	});

	it('tells a refusal with 200, as the scheduler throws other bodies away', async () => {
		const refusals: [() => Promise<void>, string][] = [
			[() => Promise.reject(new Error('claim data-web-0 was deleted')), 'claim data-web-0 was deleted'],
			[
				() => {
					throw new TypeError('x is undefined');
				},
				'x is undefined',
			],
			[() => Promise.reject(new Error('')), 'an error without a message'],
			[() => Promise.reject('text'), 'text'],
		];
		for (const [bind, message] of refusals) {
			const { status, body } = await post(extender({ scheduling: threeNodes({ bind }) }), 'bind', args);
			expect({ status, body }).toEqual({ status: 200, body: { Error: message } });
		}
	});
});
