/** Bodies that are malformed, of the wrong shape, huge or hostile: a clear message, the right code, a service still well. */

import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { extender, listening, MIB, podWithClaim, post, rawCall, threeNodes } from './support.ts';

let app: FastifyInstance;
beforeEach(() => {
	app = extender();
});

// Whatever was sent, the next caller is served.
afterEach(async () => {
	const { body } = await post(app, 'filter', { Pod: podWithClaim, NodeNames: ['a1', 'b1'] });
	expect(body.NodeNames).toEqual(['a1']);
});

const json = JSON.stringify;

it('what is not read of a pod may be anything', async () => {
	const delegate = extender({ mode: 'delegate' });
	for (const status of [7, 'x', { conditions: 'x' }, { conditions: [null] }]) {
		const { status: code, body } = await post(delegate, 'filter', {
			Pod: { ...podWithClaim, status },
			NodeNames: ['a1', 'b1'],
		});
		expect([code, body.NodeNames]).toEqual([200, ['a1']]);
	}
});

describe('shape', () => {
	const cases: [verb: string, body: unknown, message: string | RegExp][] = [
		['filter', [], /^the body is a list, must be an object: \{"Pod"/],
		['filter', null, /^the body is null, must be an object/],
		['filter', '"text"', /^the body is the string "text", must be an object/],
		['filter', { NodeNames: [] }, 'Pod is missing, must be a pod'],
		['filter', { Pod: null, NodeNames: [] }, 'Pod is null, must be a pod'],
		['filter', { Pod: {}, NodeNames: [] }, 'Pod.metadata is missing, must be an object with the name of the pod'],
		[
			'filter',
			{ Pod: { metadata: {} } },
			"Pod.metadata.name is missing, must be the pod's name, of 1 to 253 characters",
		],
		['filter', { Pod: { metadata: { name: '' } } }, /^Pod\.metadata\.name is the string "", must be the pod's name/],
		['filter', { Pod: { metadata: { name: 7 } } }, /^Pod\.metadata\.name is the number 7, must be/],
		['filter', { Pod: podWithClaim }, 'NodeNames and Nodes are both null, one of them must list the nodes to judge'],
		[
			'filter',
			{ Pod: podWithClaim, NodeNames: 'a1' },
			'NodeNames is the string "a1", must be a list of at most 100000 node names, or null',
		],
		['filter', { Pod: podWithClaim, NodeNames: ['a', 7] }, "NodeNames[1] is the number 7, must be a node's name"],
		['filter', { Pod: podWithClaim, NodeNames: [null] }, "NodeNames[0] is null, must be a node's name"],
		['filter', { Pod: podWithClaim, Nodes: [] }, 'Nodes is a list, must be a NodeList, with items, or null'],
		['filter', { Pod: podWithClaim, Nodes: {} }, 'Nodes.items is missing, must be a list of nodes, or null'],
		[
			'filter',
			{ Pod: podWithClaim, Nodes: { items: ['a'] } },
			'Nodes.items[0] is the string "a", must be a node, with metadata.name',
		],
		['filter', { Pod: podWithClaim, Nodes: { items: [{}] } }, /^Nodes\.items\[0\]\.metadata is missing/],
		[
			'filter',
			{ Pod: podWithClaim, Nodes: { items: [{ metadata: { name: 'a', labels: { 'x/y': 1 } } }] } },
			'Nodes.items[0].metadata.labels["x/y"] is the number 1, must be a string',
		],
		['filter', withVolume({}), "Pod.spec.volumes[0].name is missing, must be a volume's name, of 1 to 253 characters"],
		[
			'filter',
			withVolume({ name: 'v', persistentVolumeClaim: 'c' }),
			/^Pod\.spec\.volumes\[0\]\.persistentVolumeClaim is the string "c"/,
		],
		['filter', withVolume({ name: 'v', persistentVolumeClaim: {} }), /claimName is missing, must be a claim's name/],
		['prioritize', { Pod: podWithClaim }, /^NodeNames and Nodes are both null/],
		[
			'prioritize',
			{ Pod: podWithClaim, NodeNames: {} },
			'NodeNames is an object, must be a list of at most 100000 node names, or null',
		],
		['bind', {}, "PodName is missing, must be the pod's name, of 1 to 253 characters"],
		['bind', { PodName: 'p', PodNamespace: 'n', Node: '' }, /^Node is the string "", must be the node's name/],
		['bind', { PodName: 'p', PodNamespace: 'n', Node: 'a', PodUID: 1 }, /^PodUID is the number 1/],
		['preempt', { Pod: podWithClaim, NodeNameToMetaVictims: [] }, /^NodeNameToMetaVictims is a list/],
		[
			'preempt',
			{ Pod: podWithClaim, NodeNameToMetaVictims: { 'n.1': {} } },
			'NodeNameToMetaVictims["n.1"].Pods is missing, must be a list of pods, or null',
		],
		[
			'preempt',
			{ Pod: podWithClaim, NodeNameToMetaVictims: { n: { Pods: [{}] } } },
			"NodeNameToMetaVictims.n.Pods[0].UID is missing, must be the pod's UID",
		],
		[
			'preempt',
			{ Pod: podWithClaim, NodeNameToVictims: { n: { Pods: [{}] } } },
			/^NodeNameToVictims\.n\.Pods\[0\]\.metadata is missing/,
		],
		[
			'preempt',
			{ Pod: podWithClaim, NodeNameToVictims: { n: { Pods: [], NumPDBViolations: 0.5 } } },
			/NumPDBViolations is the number 0\.5, must be a whole number/,
		],
		['preempt', { Pod: podWithClaim, NodeNameToVictims: { n: null } }, /^NodeNameToVictims\.n is null/],
	];

	it.each(cases)('%s %j → 422', async (verb, body, message) => {
		const answer = await post(app, verb, body === null ? 'null' : body);
		expect(answer.status).toBe(422);
		expect(Object.keys(answer.body)).toEqual(['Error']);
		if (typeof message === 'string') expect(answer.body.Error).toBe(message);
		else expect(answer.body.Error).toMatch(message);
	});

	it('a pod of more claims than can be attached → 422, before it is judged', async () => {
		const mounting = (count: number) => ({
			metadata: { name: 'p', namespace: 'n' },
			spec: {
				volumes: Array.from({ length: count }, (_, i) => ({
					name: `v${i}`,
					persistentVolumeClaim: { claimName: 'data' },
				})),
			},
		});
		expect((await post(app, 'filter', { Pod: mounting(256), NodeNames: ['a1'] })).status).toBe(200);
		for (const verb of ['filter', 'prioritize']) {
			expect(await post(app, verb, { Pod: mounting(257), NodeNames: ['a1'] })).toMatchObject({
				status: 422,
				body: { Error: 'the pod mounts 257 claims, must be at most 256' },
			});
		}
	});

	it('more node names than a cluster has nodes → 422', async () => {
		const NodeNames = Array.from({ length: 100_001 }, () => 'a');
		const { status, body } = await post(app, 'filter', { Pod: podWithClaim, NodeNames });
		expect({ status, body }).toEqual({
			status: 422,
			body: { Error: 'NodeNames is a list of 100001, must be a list of at most 100000 node names, or null' },
		});
	});

	it('leaves nulls and numbers as they are, and what it does not know', async () => {
		const pod = { ...podWithClaim, metadata: { ...podWithClaim.metadata, labels: null, generation: null }, status: 7 };
		const { status, body } = await post(app, 'filter', { Pod: pod, Nodes: null, NodeNames: ['a1'] });
		expect({ status, names: body.NodeNames }).toEqual({ status: 200, names: ['a1'] });
	});

	function withVolume(volume: object): object {
		return { Pod: { metadata: { name: 'p' }, spec: { volumes: [volume] } }, NodeNames: [] };
	}
});

describe('JSON', () => {
	const good = json({ Pod: podWithClaim, NodeNames: ['a1'] });

	it.each([
		['cut off', good.slice(0, -3)],
		['followed by more', `${good}x`],
		['with a NUL', good.replace('"a1"', '"a1",\u0000')],
		['with a raw NUL in a name', good.replace('a1', 'a\u0000')],
		['with a byte order mark', `\uFEFF${good}`],
		['of spaces', '   '],
		['that is not JSON', 'Pod: {}'],
		['with NaN', '{"Pod":NaN}'],
	])('%s → 400', async (_what, body) => {
		const answer = await post(app, 'filter', body);
		expect(answer.status).toBe(400);
		expect(answer.body.Error).toMatch(/^the body is not JSON: ./);
	});

	it('that is empty → 400', async () => {
		expect(await post(app, 'filter', '')).toMatchObject({
			status: 400,
			body: { Error: 'the body is empty, must be JSON' },
		});
		const none = await app.inject({ method: 'POST', url: '/filter' });
		expect([none.statusCode, none.json()]).toEqual([400, { Error: 'the body is empty, must be JSON' }]);
	});

	it('in broken UTF-8 is read as Go does, with replacement characters', async () => {
		const bytes = Buffer.from(good.replace('a1', 'a\u00ff'), 'latin1');
		expect((await post(app, 'filter', bytes)).body.NodeNames).toEqual(['a\ufffd']);
	});
});

describe('size', () => {
	it('over the limit → 413 with the limit', async () => {
		const body = json({ Pod: podWithClaim, NodeNames: ['x'.repeat(3 * MIB)] });
		const answer = await post(app, 'filter', body);
		expect(answer).toMatchObject({
			status: 413,
			body: { Error: `the body is larger than bodyLimitBytes, which is ${2 * MIB}` },
		});
	});

	it('up to the limit is served', async () => {
		const frame = json({ Pod: podWithClaim, NodeNames: ['a'] }).length;
		const exact = json({ Pod: podWithClaim, NodeNames: [`a${'x'.repeat(2 * MIB - frame)}`] });
		expect(exact.length).toBe(2 * MIB);
		expect((await post(app, 'filter', exact)).status).toBe(200);
		expect((await post(app, 'filter', `${exact} `)).status).toBe(413);
	});

	it('of a node name has no limit of its own', async () => {
		const name = `b${'x'.repeat(MIB)}`;
		const { body } = await post(app, 'filter', { Pod: podWithClaim, NodeNames: ['a1', name] });
		expect(Object.keys(body.FailedAndUnresolvableNodes)).toEqual([name]);
	});

	it.each(['name', 'namespace', 'uid'])('of metadata.%s is bounded, and so is the message', async (field) => {
		const pod = { ...podWithClaim, metadata: { ...podWithClaim.metadata, [field]: 'x'.repeat(MIB) } };
		const { status, body } = await post(app, 'filter', { Pod: pod, NodeNames: ['a1'] });
		expect(status).toBe(422);
		expect(body.Error).toMatch(
			new RegExp(`^Pod\\.metadata\\.${field} is a string of ${MIB} characters, must be .{1,80}$`),
		);
	});

	it('of a map key does not blow up the message', async () => {
		const { status, body } = await post(app, 'preempt', {
			Pod: podWithClaim,
			NodeNameToMetaVictims: { ['x-'.repeat(MIB / 2)]: 1 },
		});
		expect(status).toBe(422);
		expect(body.Error.length).toBeLessThan(250);
	});
});

describe('nesting', () => {
	const nest = (depth: number, open: string, close: string, inner = '1') =>
		open.repeat(depth) + inner + close.repeat(depth);

	it.each([
		['lists as the body', nest(100_000, '[', ']')],
		['objects as the body', nest(100_000, '{"Pod":', '}')],
		[
			'objects in the pod',
			`{"Pod":{"metadata":{"name":"p"},"spec":${nest(100_000, '{"spec":', '}')}},"NodeNames":[7]}`,
		],
	])('of %s → 422', async (_what, body) => {
		expect((await post(app, 'filter', body)).status).toBe(422);
	});

	it('of a part that nobody reads is harmless', async () => {
		const body = `{"Pod":{"metadata":{"name":"p"},"status":${nest(100_000, '[', ']')}},"NodeNames":["x"]}`;
		expect((await post(app, 'filter', body)).body.NodeNames).toEqual(['x']);
	});

	it('of a node that would go back → 422, in both modes', async () => {
		for (const mode of ['companion', 'delegate'] as const) {
			const body = `{"Pod":${json(podWithClaim)},"Nodes":{"items":[{"metadata":{"name":"a"},"x":${nest(100_000, '[', ']')}}]}}`;
			const answer = await post(extender({ mode }), 'filter', body);
			expect(answer).toMatchObject({
				status: 422,
				body: { Error: expect.stringMatching(/^Nodes\.items is nested too deeply/) },
			});
		}
	});

	it('by the megabyte is refused before it is parsed', async () => {
		const lists = nest(MIB - 1, '[', ']');
		const wide = `[${'{},'.repeat(MIB / 2)}{}]`;
		const objects = nest(MIB / 4, '{"":', '}');
		for (const body of [lists, wide, objects, '['.repeat(MIB * 2)]) {
			const { status, body: answer } = await post(app, 'filter', body);
			expect({ status, answer }).toEqual({
				status: 422,
				answer: { Error: expect.stringMatching(/^the body is little but nested brackets/) },
			});
		}
	});
});

describe('HTTP', () => {
	const body = json({ Pod: podWithClaim, NodeNames: ['a1'] });
	const head = (more: string) => `POST /filter HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}\r\n`;

	it.each(['text/json', 'application/x-www-form-urlencoded', 'application/jsonx', 'nonsense'])(
		'Content-Type %s → 415',
		async (type) => {
			const answer = await post(app, 'filter', body, { 'content-type': type });
			expect(answer).toMatchObject({
				status: 415,
				body: { Error: `Content-Type is "${type}", must be application/json` },
			});
		},
	);

	it('no Content-Type → 415', async () => {
		const { port } = await listening();
		const answer = await rawCall(
			port,
			`POST /filter HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
		);
		expect(answer).toMatch(/^HTTP\/1\.1 415 [\s\S]*\{"Error":"Content-Type is missing, must be application\/json"\}$/);
	});

	it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])(
		'Content-Type %s is read',
		async (type) => {
			expect((await post(app, 'filter', body, { 'content-type': type })).status).toBe(200);
		},
	);

	it.each(['gzip', 'br', 'nonsense'])('Content-Encoding %s → 415', async (encoding) => {
		const answer = await post(app, 'filter', body, { 'content-encoding': encoding });
		expect(answer.status).toBe(415);
		expect(answer.body.Error).toBe(`Content-Encoding is "${encoding}", must be left out: send the body as it is`);
	});

	it('an unknown path → 404 that lists the four verbs', async () => {
		for (const path of ['/', '/filters', '/scheduler/filter', '/filter/x', '/metrics']) {
			const answer = await app.inject({ method: 'POST', url: path, payload: {} });
			expect(answer.statusCode).toBe(404);
			expect(answer.json().Error).toBe(
				`there is nothing at ${path}, must be one of /filter, /prioritize, /preempt, /bind`,
			);
		}
		expect((await app.inject({ url: '/%zz' })).json()).toEqual({ Error: expect.stringContaining('%zz') });
	});

	it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'] as const)('%s → 405', async (method) => {
		const answer = await app.inject({ method: method as 'GET', url: '/filter?x=1' });
		expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'POST']);
		if (method !== 'HEAD') expect(answer.json()).toEqual({ Error: `/filter takes POST, not ${method}` });
	});

	it('what is not HTTP → 400', async () => {
		const { port } = await listening();
		expect(await rawCall(port, 'hello\r\n\r\n')).toMatch(
			/^HTTP\/1\.1 400 [\s\S]*\{"Error":"the request cannot be read: .*"\}$/,
		);
		expect(await rawCall(port, `${head('Content-Length: x\r\n')}${body}`)).toMatch(/^HTTP\/1\.1 400 /);
		expect(await rawCall(port, head(`X: ${'x'.repeat(100_000)}\r\n`))).toMatch(/^HTTP\/1\.1 431 /);
	});

	it('a Content-Length too short → 400', async () => {
		const { port } = await listening();
		const answer = await rawCall(port, `${head(`Content-Length: ${body.length - 5}\r\n`)}${body}`);
		expect(answer).toMatch(/^HTTP\/1\.1 400 /);
	});

	it('a body that breaks off is given up, without an effect', async () => {
		let asked = 0;
		const scheduling = threeNodes({
			bind: async () => {
				asked++;
			},
		});
		const { port } = await listening({ scheduling });
		const bind = json({ PodName: 'p', PodNamespace: 'n', PodUID: '', Node: 'a' });
		const cut = head(`Content-Length: ${bind.length + 1}\r\n`).replace('/filter', '/bind') + bind;
		expect(await rawCall(port, cut, { end: true })).toMatch(/^$|^HTTP\/1\.1 400 /);
		expect(asked).toBe(0);
	});
});
