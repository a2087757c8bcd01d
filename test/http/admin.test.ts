/** Probes, metrics, decisions, topology, and a description that matches the routes. */

import { describe, expect, it, vi } from 'vitest';
import { type Decision, Decisions, decisionOf } from '../../src/server/decisions.ts';
import { admin, CONFLICT, UNKNOWN, watching } from './support.ts';

const listing = { kind: 'PersistentVolume', synced: false, state: 'backoff', problem: 'connection refused' } as const;

function decision(changes: Partial<Decision> = {}): Decision {
	return {
		time: '2026-01-01T00:00:00.000Z',
		mode: 'companion',
		namespace: 'shop',
		pod: 'web-0',
		uid: 'u',
		nodes: 1,
		passed: 1,
		reasons: [],
		...changes,
	};
}

describe('probes', () => {
	it('/livez is ok whatever the watches do', async () => {
		const app = admin({ ready: () => ({ synced: false, ready: false, watches: [listing] }) });
		const { statusCode, body } = await app.inject('/livez');
		expect([statusCode, body]).toEqual([200, 'ok']);
	});

	it('/readyz is 200 only when ready, and names what is awaited and why', async () => {
		let ready = false;
		const watches = () => (ready ? [watching] : [watching, listing]);
		const app = admin({ ready: () => ({ synced: ready, ready, watches: watches() }) });
		const before = await app.inject('/readyz');
		expect([before.statusCode, before.json()]).toEqual([503, { ready: false, waiting: [listing] }]);
		ready = true;
		const after = await app.inject('/readyz');
		expect([after.statusCode, after.json()]).toEqual([200, { ready: true, waiting: [] }]);
	});
});

it('/metrics gives what is rendered, with its type', async () => {
	const { statusCode, headers, body } = await admin().inject('/metrics');
	expect([statusCode, headers['content-type'], body]).toEqual([200, 'text/plain; version=0.0.4', 'topobind_x 1\n']);
});

it('/api/v1/topology gives what it is told, now', async () => {
	let zones = 1;
	const app = admin({ topology: () => ({ zones: zones++ }) });
	expect((await app.inject('/api/v1/topology')).json()).toEqual({ zones: 1 });
	expect((await app.inject('/api/v1/topology')).json()).toEqual({ zones: 2 });
});

describe('POST /api/v1/whatif', () => {
	const nobody = { findPod: async () => undefined, explainClaim: () => undefined };
	const explanations = { ...nobody, explainPod: () => expect.fail('what is no pod is not judged') };

	it.each([
		[{}, "the body must have required property 'spec'"],
		[
			{ spec: { volumes: [{ name: 'data', persistentVolumeClaim: {} }] } },
			/^spec\.volumes\.0\.persistentVolumeClaim must /,
		],
		[{ spec: { volumes: [{ name: 1 }] } }, 'spec.volumes.0.name must be string'],
		[{ metadata: { namespace: 7 }, spec: {} }, 'metadata.namespace must be string'],
		[{ kind: 'Deployment', spec: {} }, 'kind must be "Pod"'],
		[[], 'the body must be object'],
	])('%j → 422 that says where', async (payload, message) => {
		const answer = await admin({ explanations }).inject({ method: 'POST', url: '/api/v1/whatif', payload });
		expect(answer.statusCode).toBe(422);
		expect(answer.json().error).toMatch(message);
	});

	it('what a pod says of itself is not asked', async () => {
		const explainPod = () => ({
			pod: '',
			namespace: '',
			nodes: { total: 0, feasible: 0, examples: [], refused: [] },
			claims: [],
		});
		const app = admin({ explanations: { ...nobody, explainPod } });
		for (const status of ['x', { conditions: 'x' }, { conditions: [null] }]) {
			const answer = await app.inject({ method: 'POST', url: '/api/v1/whatif', payload: { status, spec: {} } });
			expect(answer.statusCode).toBe(200);
		}
	});

	it('what is not JSON → 400', async () => {
		const headers = { 'content-type': 'application/json' };
		const answer = await admin({ explanations }).inject({
			method: 'POST',
			url: '/api/v1/whatif',
			payload: '{"spec"',
			headers,
		});
		expect(answer.statusCode).toBe(400);
		expect(answer.json().error).toContain('JSON');
	});
});

const nobody = { explainPod: () => expect.fail('nothing is judged'), explainClaim: () => undefined };
const explanations = { ...nobody, findPod: async () => undefined };

describe('explanations', () => {
	const urls = ['/api/v1/explain/pods/shop/web-0', '/api/v1/explain/pvcs/shop/data', '/api/v1/topology'];

	it.each(urls)('%s → 503 before every watch has synced', async (url) => {
		const ready = () => ({ synced: false, ready: false, watches: [] });
		const answer = await admin({ explanations, topology: () => ({}), ready }).inject(url);
		expect(answer.statusCode).toBe(503);
		expect(answer.json()).toEqual({ error: 'topobind has not seen the whole cluster yet, see /readyz' });
	});

	it('a name may be as long as names are', async () => {
		const name = 'a'.repeat(253);
		const found = await admin({ explanations }).inject(`/api/v1/explain/pods/shop/${name}`);
		expect([found.statusCode, found.json()]).toEqual([404, { error: `there is no pod shop/${name}` }]);
		const longer = await admin({ explanations }).inject(`/api/v1/explain/pods/shop/${name}a`);
		expect([longer.statusCode, longer.json()]).toEqual([414, { error: expect.any(String) }]);
	});

	it('what cannot be read is refused in the words of the extender listener', async () => {
		const whatif = (payload: string, type = 'application/json') =>
			admin({ explanations }).inject({
				method: 'POST',
				url: '/api/v1/whatif',
				payload,
				headers: { 'content-type': type },
			});
		const huge = await whatif(JSON.stringify({ spec: {}, more: 'x'.repeat(2 ** 20) }));
		expect([huge.statusCode, huge.json()]).toEqual([413, { error: 'the body is larger than 1048576 bytes' }]);
		const form = await whatif('a=b', 'application/x-www-form-urlencoded');
		expect([form.statusCode, form.json().error]).toEqual([415, expect.stringContaining('must be application/json')]);
		const proto = await whatif('{"__proto__":{},"kind":"Job"}');
		expect([proto.statusCode, proto.json().error]).toEqual([422, expect.stringContaining("'spec'")]);
	});
});

describe('/api/v1/decisions', () => {
	const decisions = new Decisions({ max: 4, ttlSeconds: 60 });
	for (const pod of ['old', 'web-0', 'web-1', 'web-0']) decisions.add(decision({ pod }));
	decisions.add(decision({ pod: 'web-0', namespace: 'test' }));
	const pods = async (query: string) => {
		const answer = await admin({ decisions }).inject(`/api/v1/decisions${query}`);
		expect(answer.statusCode).toBe(200);
		return answer.json().decisions.map(({ namespace, pod }: Decision) => `${namespace}/${pod}`);
	};

	it('lists the newest first, and has forgotten the oldest', async () => {
		expect(await pods('')).toEqual(['test/web-0', 'shop/web-0', 'shop/web-1', 'shop/web-0']);
		expect(await pods('')).toEqual(['test/web-0', 'shop/web-0', 'shop/web-1', 'shop/web-0']);
	});

	it('can be narrowed by namespace, pod and limit', async () => {
		expect(await pods('?namespace=test')).toEqual(['test/web-0']);
		expect(await pods('?namespace=shop&pod=web-0')).toEqual(['shop/web-0', 'shop/web-0']);
		expect(await pods('?pod=web-0&limit=2')).toEqual(['test/web-0', 'shop/web-0']);
		expect(await pods('?pod=nobody')).toEqual([]);
	});

	it.each(['limit=0', 'limit=x', 'limit=1e9', 'pods=web-0'])('?%s → 400 that says why', async (query) => {
		const answer = await admin({ decisions }).inject(`/api/v1/decisions?${query}`);
		expect(answer.statusCode).toBe(400);
		expect(answer.json()).toEqual({ error: expect.stringContaining(query.startsWith('limit') ? 'limit' : 'pods') });
	});

	it('are forgotten after their time', async () => {
		const brief = new Decisions({ max: 9, ttlSeconds: 0.3 });
		const added = performance.now();
		brief.add(decision());
		expect(brief.list()).toHaveLength(1);
		await vi.waitFor(() => expect(brief.list()).toEqual([]), { timeout: 3000, interval: 10 });
		expect(performance.now() - added).toBeGreaterThan(290);
	});
});

describe('a decision', () => {
	const pod = {
		namespace: 'shop',
		name: 'web-0',
		uid: 'u',
		resourceVersion: '1',
		deleting: false,
		nodeName: '',
		schedulerName: '',
		unschedulable: '',
		mark: '',
		claimVolumes: [],
	};
	const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

	it('groups nodes by reason, the most frequent first, with a few of their names', () => {
		const refused = [
			{ code: UNKNOWN.code, message: UNKNOWN.message, nodes: ['x'] },
			{ code: CONFLICT.code, message: CONFLICT.message, nodes: names('b', 4000) },
		];
		const judgement = { passed: names('a', 999), refused, passes: () => true };
		expect(decisionOf({ pod, judgement }, 'delegate')).toEqual({
			time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
			mode: 'delegate',
			namespace: 'shop',
			pod: 'web-0',
			uid: 'u',
			nodes: 5000,
			passed: 999,
			reasons: [
				{ code: CONFLICT.code, message: CONFLICT.message, nodes: 4000, examples: names('b', 5) },
				{ code: UNKNOWN.code, message: UNKNOWN.message, nodes: 1, examples: ['x'] },
			],
		});
	});

	it('stays small whatever was sent', () => {
		const refused = names('cause', 100).map((message) => ({
			code: CONFLICT.code,
			message,
			nodes: ['x'.repeat(1e6), 'b'],
		}));
		const recorded = decisionOf({ pod, judgement: { passed: [], refused, passes: () => false } }, 'delegate');
		expect(recorded.nodes).toBe(200);
		expect(JSON.stringify(recorded).length).toBeLessThan(10_000);
	});
});

describe('/openapi.json', () => {
	/** Every method and path that the listener answers, with parameters in braces. */
	function routes(app: ReturnType<typeof admin>): string[] {
		return app
			.printRoutes({ commonPrefix: false })
			.split('\n')
			.flatMap((line) => {
				const [, path, methods] = /(\/\S*) \(([A-Z, ]+)\)/.exec(line) ?? [];
				if (path === undefined || methods === undefined) return [];
				return methods.split(', ').map((method) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
			})
			.filter((route) => !route.startsWith('HEAD '))
			.toSorted();
	}

	function described(document: { paths: Record<string, object> }): string[] {
		return Object.entries(document.paths)
			.flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`))
			.toSorted();
	}

	it('describes every route, and nothing else', async () => {
		const full = admin({ decisions: new Decisions({ max: 1, ttlSeconds: 1 }), topology: () => ({}), explanations });
		const bare = admin();
		for (const [app, count] of [
			[full, 9],
			[bare, 4],
		] as const) {
			await app.ready();
			const document = (await app.inject('/openapi.json')).json();
			expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
			expect(described(document)).toEqual(routes(app));
			expect(routes(app)).toHaveLength(count);
		}
	});

	it('tells the statuses that a call can end with', async () => {
		const unsynced = { ready: () => ({ synced: false, ready: false, watches: [listing] }) };
		const document = (await admin({ explanations }).inject('/openapi.json')).json();
		const whatif = (payload: string, type = 'application/json') => ({
			...({ method: 'POST', url: '/api/v1/whatif', payload } as const),
			headers: { 'content-type': type },
		});
		const pod = { method: 'GET', url: '/api/v1/explain/pods/shop/nobody' } as const;
		const pvc = { method: 'GET', url: '/api/v1/explain/pvcs/shop/nothing' } as const;
		const calls = [
			[whatif('{'), '/api/v1/whatif', admin({ explanations }), 400],
			[whatif(JSON.stringify('x'.repeat(2 ** 20))), '/api/v1/whatif', admin({ explanations }), 413],
			[whatif('spec: {}', 'application/yaml'), '/api/v1/whatif', admin({ explanations }), 415],
			[whatif('{}'), '/api/v1/whatif', admin({ explanations }), 422],
			[whatif('{}'), '/api/v1/whatif', admin({ explanations, ...unsynced }), 503],
			[pod, '/api/v1/explain/pods/{namespace}/{name}', admin({ explanations, ...unsynced }), 503],
			[pvc, '/api/v1/explain/pvcs/{namespace}/{name}', admin({ explanations, ...unsynced }), 503],
		] as const;
		for (const [call, path, app, status] of calls) {
			expect((await app.inject(call)).statusCode).toBe(status);
			expect(Object.keys(document.paths[path][call.method.toLowerCase()].responses)).toContain(`${status}`);
		}
	});

	it('refers only to schemas that it has', async () => {
		const { body } = await admin({ decisions: new Decisions({ max: 1, ttlSeconds: 1 }) }).inject('/openapi.json');
		const names = [...body.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
		expect(names.length).toBeGreaterThan(3);
		expect(Object.keys(JSON.parse(body).components.schemas)).toEqual(expect.arrayContaining(names));
	});
});

describe('errors', () => {
	it('an unknown path or method → 404 with {"error"}', async () => {
		for (const [method, url] of [
			['GET', '/nope'],
			['POST', '/livez'],
			['POST', '/filter'],
		] as const) {
			const answer = await admin().inject({ method, url });
			expect(answer.statusCode).toBe(404);
			expect(answer.json()).toEqual({ error: `there is nothing at ${method} ${url}, see /openapi.json` });
		}
	});

	it('an exception → 500 with {"error"}', async () => {
		const topology = () => {
			throw new Error('no');
		};
		const answer = await admin({ topology }).inject('/api/v1/topology');
		expect([answer.statusCode, answer.json()]).toEqual([500, { error: 'no' }]);
	});
});
