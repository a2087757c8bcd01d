import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Call, Observer } from '../../cluster/chaos/api-proxy.ts';
import type { Ended } from '../../cluster/chaos/calls.ts';
import { Checks } from '../../soak/checks/checks.ts';
import { ReadinessCheck } from '../../soak/checks/readiness.ts';

const PODS = '/api/v1/pods';
const NODES = '/api/v1/nodes';
const SNAPSHOTS = '/apis/snapshot.storage.k8s.io/v1/volumesnapshots';
/** Of a cluster that does not have the last. */
const KINDS = [PODS, NODES, SNAPSHOTS];

beforeEach(() => {
	vi.useFakeTimers();
	vi.spyOn(console, 'error').mockReturnValue();
});

afterEach(() => {
	vi.useRealTimers();
});

/** A replica that has read all, and the way it goes to the API server. */
class Scene {
	readonly #open = new Map<string, number>();
	readonly closedAt = new Map<string, number>();
	upSince = Date.now() - 1;
	observer: Observer = () => undefined;
	readonly check = new ReadinessCheck('it', this);

	watchesOf(path: string): { openedAt: number }[] {
		const openedAt = this.#open.get(path);
		return openedAt === undefined ? [] : [{ openedAt }];
	}

	list(path: string, how: Ended = { status: 200 }, query = ''): void {
		const call: Call = { number: 1, kind: 'list', method: 'GET', path, query: new URLSearchParams(query) };
		this.check.observer(call)?.(how);
	}

	listAll(): this {
		for (const path of KINDS) this.list(path, { status: path === SNAPSHOTS ? 404 : 200 });
		return this;
	}

	watch(...paths: string[]): this {
		for (const path of paths) this.#open.set(path, Date.now());
		return this;
	}

	unwatch(path: string): void {
		this.#open.delete(path);
		this.closedAt.set(path, Date.now());
	}

	async problems(status: number | undefined, meanwhile = () => {}): Promise<readonly string[]> {
		await this.check.look(async () => {
			meanwhile();
			return status;
		});
		return this.check.problems.all.map((text) => text.replace(/^\S+ /, ''));
	}
}

/** Synced, and watching for so long. */
function watching(ms = 2_001): Scene {
	const scene = new Scene().listAll();
	scene.check.learn(3);
	scene.watch(PODS, NODES);
	vi.advanceTimersByTime(ms);
	return scene;
}

/** Without one of its watches for so long. */
function down(ms: number): Scene {
	const scene = watching();
	scene.unwatch(PODS);
	vi.advanceTimersByTime(ms);
	return scene;
}

describe('a replica whose watches have all been open for 2 s', () => {
	test('says 200', async () => {
		const scene = watching();
		expect(await scene.problems(200)).toEqual([]);
		expect(scene.check.counts).toEqual({ 'up 200': 1 });
	});

	test.each([503, 500])('does not say %i', async (status) => {
		expect(await watching().problems(status)).toEqual([
			`/readyz of it says ${status}, and must say 200: all 2 watches have been open for 2000 ms`,
		]);
	});

	test('may say 503 before that', async () => {
		const scene = watching(2_000);
		expect(await scene.problems(503)).toEqual([]);
		expect(scene.check.counts).toEqual({ 'either 503': 1 });
	});

	test('may say 503 where the 2 s end while it is asked', async () => {
		expect(await watching(2_000).problems(503, () => vi.advanceTimersByTime(1))).toEqual([]);
	});

	test('may say 503 until it has looked again for the kind that is absent, after its way was down', async () => {
		const scene = watching();
		scene.upSince = Date.now();
		expect(await scene.problems(503)).toEqual([]);
		vi.advanceTimersByTime(1);
		scene.list(SNAPSHOTS, { status: 500 });
		expect(await scene.problems(503)).toEqual([]);
		scene.list(SNAPSHOTS, { status: 404 });
		expect(await scene.problems(503)).toHaveLength(1);
	});

	test('may say 503 where a watch ends while it is asked', async () => {
		const scene = watching();
		expect(await scene.problems(503, () => scene.unwatch(PODS))).toEqual([]);
	});
});

describe('a replica that lacks a watch', () => {
	test('says 503 after 35 s', async () => {
		expect(await down(35_001).problems(503)).toEqual([]);
	});

	test('does not say 200 then', async () => {
		expect(await down(35_001).problems(200)).toEqual([
			`/readyz of it says 200, and must say 503: ${PODS} has had no watch for 35001 ms`,
		]);
	});

	test.each([200, 503])('may say %i until then', async (status) => {
		expect(await down(35_000).problems(status)).toEqual([]);
	});

	test('may say 200 where it has it again while it is asked', async () => {
		const scene = down(35_001);
		expect(await scene.problems(200, () => scene.watch(PODS))).toEqual([]);
	});
});

describe('a replica that has begun again', () => {
	function begun(): Scene {
		const scene = watching();
		scene.check.ending();
		scene.check.restarted();
		return scene;
	}

	test('says 503 until each kind was listed', async () => {
		const scene = begun();
		scene.list(PODS);
		expect(await scene.problems(503)).toEqual([]);
		expect(await scene.problems(200)).toEqual([
			`/readyz of it says 200, and must say 503: ${NODES} was not listed yet`,
		]);
	});

	test.each<[string, Ended, string]>([
		['fails', { status: 500 }, ''],
		['gets no answer', {}, ''],
		['has more pages', { status: 200, more: true }, ''],
		['asks for one object', { status: 200 }, 'limit=1'],
	])('has not listed a kind where its list %s', async (_, how, query) => {
		const scene = begun();
		scene.list(NODES);
		scene.list(SNAPSHOTS, { status: 404 });
		scene.list(PODS, how, query);
		expect(await scene.problems(200)).toEqual([expect.stringContaining(`${PODS} was not listed yet`)]);
		expect(scene.check.syncedAt).toBe(Number.POSITIVE_INFINITY);
	});

	test('lacked before what it lacks after it was asked', async () => {
		const scene = begun();
		scene.list(NODES);
		expect(await scene.problems(200, () => scene.list(PODS))).toHaveLength(1);
	});

	test('may say what it likes where the last list ends while it is asked', async () => {
		const scene = begun();
		scene.list(PODS);
		scene.list(NODES);
		expect(await scene.problems(200, () => scene.list(SNAPSHOTS, { status: 404 }))).toEqual([]);
		expect(scene.check.syncedAt).toBe(Date.now());
	});

	test('has as long as any for its watches', async () => {
		const scene = down(40_000);
		scene.check.ending();
		scene.check.restarted();
		scene.listAll();
		vi.advanceTimersByTime(35_000);
		expect(await scene.problems(200)).toEqual([]);
		vi.advanceTimersByTime(1);
		expect(await scene.problems(200)).toHaveLength(1);
	});
});

describe('nobody is judged', () => {
	test('who does not answer', async () => {
		expect(await watching().problems(undefined)).toEqual([]);
	});

	test('who is about to end', async () => {
		const scene = watching();
		expect(await scene.problems(503, () => scene.check.ending())).toEqual([]);
		expect(scene.check.syncedAt).toBe(Number.POSITIVE_INFINITY);
	});

	test('who has begun again while it was asked', async () => {
		const scene = watching();
		const again = () => {
			scene.check.ending();
			vi.advanceTimersByTime(1);
			scene.check.restarted();
		};
		expect(await scene.problems(200, again)).toEqual([]);
	});
});

test('a replica that has not listed all that it reads cannot be judged', () => {
	expect(() => new Scene().listAll().check.learn(4)).toThrow(`it has listed ${KINDS.join(', ')}, of 4 kinds`);
});

describe('all checks together', () => {
	const binding: Call = {
		number: 1,
		kind: 'write',
		method: 'POST',
		path: '/api/v1/namespaces/ns/pods/p/binding',
		query: new URLSearchParams(),
	};

	test('tell the problems of each', async () => {
		const proxies = [new Scene(), new Scene()] as const;
		const checks = new Checks(proxies, 10_000);
		for (const { observer } of proxies)
			observer({ ...binding, kind: 'list', method: 'GET', path: PODS })?.({ status: 200 });
		checks.learn(1);
		checks.ending(1);
		checks.restarted(1);
		await checks.readiness[1]?.look(async () => 200);
		for (let i = 0; i < 2; i++) proxies[0].observer(binding);
		const body = Buffer.from('{"PodName":"p","Node":"n"}');
		const call = { verb: 'bind', target: 0, body };
		checks.binds.observe(call);
		vi.advanceTimersByTime(15_001);
		checks.binds.observe(call)({ status: 500 });
		expect(checks.problems).toEqual([
			expect.stringContaining('gave no answer that says how it ended'),
			expect.stringContaining('replica 0 sent two Bindings of p at once'),
			expect.stringContaining('/readyz of replica 1 says 200, and must say 503'),
			expect.stringContaining('still runs, since 15001 ms'),
		]);
	});

	test('know since when a replica has been there', () => {
		const proxy = new Scene();
		const checks = new Checks([proxy], 10_000);
		expect(checks.wasAway(0, Date.now())).toBe(true);
		proxy.observer({ ...binding, kind: 'list', method: 'GET', path: PODS })?.({ status: 200 });
		checks.learn(1);
		expect(checks.wasAway(0, Date.now() + 999)).toBe(true);
		expect(checks.wasAway(0, Date.now() + 1_000)).toBe(false);
		checks.ending(0);
		expect(checks.wasAway(0, Date.now() + 1_000)).toBe(true);
	});
});
