// Lists and watches go wrong in every way: afterwards the cache is what the API server holds, and meanwhile readiness
// told the truth.

import { afterAll, afterEach, beforeAll, describe, expect, type TestContext, test, vi } from 'vitest';
import type { Cluster, WatchReadiness } from '../../src/cluster/cluster.ts';
import { connectKubernetes, type KubernetesOptions } from '../../src/cluster/kubernetes.ts';
import { ApiProxy, type Call, type Fault } from './chaos/api-proxy.ts';
import { differences, untilEqual } from './chaos/cache.ts';
import type { OpenWatch } from './chaos/open-watch.ts';
import { localClass, localVolume } from './objects.ts';
import { useControlPlane } from './shared.ts';
import { grantRights } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const CLASS = 'faults-watch';
const VOLUMES = '/api/v1/persistentvolumes';
const CLASSES = '/apis/storage.k8s.io/v1/storageclasses';
/** As impatient as a test; how long each wait is elsewhere is test/unit/cluster-api's matter. */
const TIMING = { backoffBaseMs: 50, backoffMaxMs: 400, shortWatchMs: 0, absentRecheckMs: 60_000, pageSize: 3 };

beforeAll(async () => {
	await grantRights(controlPlane);
	await api.create(localClass(CLASS));
	for (let i = 0; i < 8; i++) await api.create(localVolume(`watched-${i}`, 'nowhere', CLASS));
});
afterAll(async () => {
	for (const { metadata, spec } of (await api.list(VOLUMES)).items) {
		if (spec.storageClassName === CLASS) await api.delete(`${VOLUMES}/${metadata.name}`);
	}
});
afterEach(() => {
	vi.useRealTimers();
});

async function startProxy({ onTestFinished }: TestContext): Promise<ApiProxy> {
	const proxy = await ApiProxy.start(controlPlane.info);
	onTestFinished(() => proxy.stop());
	return proxy;
}

/** Connects through the proxy; does not wait. */
async function connect(
	{ onTestFinished }: TestContext,
	proxy: ApiProxy,
	options: Partial<KubernetesOptions> = {},
): Promise<Cluster> {
	const cluster = await connectKubernetes({ kubeconfig: proxy.kubeconfig, timing: TIMING, ...options });
	onTestFinished(() => cluster.stop());
	return cluster;
}

/** Connected and synced. */
async function synced(
	context: TestContext,
	proxy: ApiProxy,
	options: Partial<KubernetesOptions> = {},
): Promise<Cluster> {
	const cluster = await connect(context, proxy, options);
	await cluster.whenSynced;
	await allWatched(proxy, cluster);
	return cluster;
}

/** Until a watch is open for every kind that there is, and readiness says so. */
async function allWatched(proxy: ApiProxy, cluster: Cluster): Promise<void> {
	await proxy.untilWatches((watches) => watches.length === present(cluster));
	await vi.waitUntil(() => cluster.readiness().watches.every(({ staleSince }) => staleSince === undefined), PATIENCE);
}

const present = (cluster: Cluster) => cluster.readiness().watches.filter(({ state }) => state !== 'absent').length;

function watchOf(proxy: ApiProxy, path = VOLUMES): OpenWatch {
	const [watch] = proxy.watchesOf(path);
	if (!watch) throw new Error(`no watch of ${path} is open`);
	return watch;
}

const PATIENCE = { timeout: 10_000, interval: 10 };

let made = 0;
/** Volumes that the cache holds. When called, one of them is changed, one is deleted, and one is made. */
async function known(cluster: Cluster): Promise<() => Promise<void>> {
	const name = `known-${made++}`;
	await api.create(localVolume(`${name}-changed`, 'nowhere', CLASS));
	await api.create(localVolume(`${name}-deleted`, 'nowhere', CLASS));
	await untilEqual(cluster, api);
	return async () => {
		await api.create(localVolume(`${name}-made`, 'nowhere', CLASS));
		await api.patch(`${VOLUMES}/${name}-changed`, { metadata: { labels: { changed: 'yes' } } });
		await api.deleteAndWait(`${VOLUMES}/${name}-deleted`);
	};
}

const listsOf = (proxy: ApiProxy, path = VOLUMES) =>
	proxy.calls.filter((call) => call.kind === 'list' && call.path === path).length;

/**
 * Goes wrong the first time that each such call is made. What is asked of the volumes next waits until it is let go, so
 * that a test can look meanwhile.
 */
function onceEach(kind: Call['kind'], fault: Fault) {
	/** Paths, and those of pages after the first. */
	const struck = { paths: new Set<string>(), continued: new Set<string>() };
	const askedAgain = Promise.withResolvers<void>();
	const gate = Promise.withResolvers<undefined>();
	return {
		struck,
		askedAgain: askedAgain.promise,
		letGo: () => gate.resolve(undefined),
		rule(call: Call): Fault | undefined {
			const seen = call.query.has('continue') ? struck.continued : struck.paths;
			// The first call of all asks only whether anybody is there.
			if (call.kind === kind && call.number > 1 && !seen.has(call.path)) {
				seen.add(call.path);
				return fault;
			}
			if (call.path !== VOLUMES || !struck.paths.has(VOLUMES)) return undefined;
			askedAgain.resolve();
			return { before: () => gate.promise };
		},
	};
}

const volumesIn = (cluster: Cluster) => cluster.readiness().watches.find(({ kind }) => kind === 'PersistentVolume');

const RETRY_AFTER = { 'retry-after': '1' };
const FAULTS: [string, Fault][] = [
	['409', { before: { status: 409 } }],
	['429 with Retry-After', { before: { status: 429, headers: RETRY_AFTER } }],
	['500', { before: { status: 500 } }],
	['503', { before: { status: 503 } }],
	['401', { before: { status: 401 } }],
	['410', { before: { status: 410, reason: 'Expired' } }],
	['a reset', { before: 'reset' }],
	['silence', { before: 'silence' }],
];

describe.concurrent('at the start', () => {
	test.for<[string, Fault]>([
		...FAULTS,
		['an answer cut in the middle', { after: 'cut' }],
		['no answer', { after: 'silence' }],
	])('each list meets %s', async ([, fault], context) => {
		const proxy = await startProxy(context);
		const { rule, struck, askedAgain, letGo } = onceEach('list', fault);
		proxy.rule = rule;
		const cluster = await connect(context, proxy, { timeoutMs: 2_000 });
		await askedAgain;
		expect(cluster.readiness()).toMatchObject({ synced: false, ready: false });
		expect(volumesIn(cluster)).toMatchObject({ synced: false, problem: expect.any(String) });
		letGo();
		await cluster.whenSynced;
		await allWatched(proxy, cluster);
		expect(cluster.readiness().ready).toBe(true);
		await untilEqual(cluster, api);
		expect(struck.paths.size).toBe(cluster.readiness().watches.length);
		expect(struck.continued).toContain(VOLUMES);
	});

	test.for(FAULTS)('each watch meets %s', async ([, fault], context) => {
		const proxy = await startProxy(context);
		const { rule, struck, askedAgain, letGo } = onceEach('watch', fault);
		proxy.rule = rule;
		const cluster = await connect(context, proxy, { timeoutMs: 2_000 });
		const since = volumesIn(cluster)?.staleSince;
		await askedAgain;
		// A list does not make it current.
		expect(since).toEqual(expect.any(String));
		expect(volumesIn(cluster)).toMatchObject({ synced: true, staleSince: since, problem: expect.any(String) });
		letGo();
		await cluster.whenSynced;
		await allWatched(proxy, cluster);
		expect(cluster.readiness().ready).toBe(true);
		const change = await known(cluster);
		await change();
		await untilEqual(cluster, api);
		expect(struck.paths.size).toBe(present(cluster));
	});

	test('a continue token has expired: the whole list is read again', async (context) => {
		const proxy = await startProxy(context);
		let expired = 0;
		proxy.rule = ({ kind, path, query }) => {
			if (kind !== 'list' || path !== VOLUMES || !query.has('continue') || expired++ > 1) return undefined;
			return { before: { status: 410, reason: 'Expired' } };
		};
		const cluster = await connect(context, proxy);
		await cluster.whenSynced;
		expect(expired).toBeGreaterThan(2);
		await untilEqual(cluster, api);
	});
});

describe('a watch', () => {
	test.for<[string, 'resumed' | 'listed', (watch: OpenWatch) => void]>([
		['ends', 'resumed', (watch) => watch.end()],
		['breaks', 'resumed', (watch) => watch.reset()],
		['breaks in a line', 'resumed', (watch) => watch.cutInLine()],
		['says that its version is too old', 'listed', (watch) => watch.error(410, 'Expired')],
		['says that it failed', 'listed', (watch) => watch.error(500, 'InternalError')],
	])('%s, and objects come, change and go meanwhile: it is %s', async ([, next, how], context) => {
		const proxy = await startProxy(context);
		const cluster = await synced(context, proxy);
		const change = await known(cluster);
		const lists = listsOf(proxy);
		const gone = Promise.withResolvers<void>();
		// Nothing of the volumes can be asked until they have changed.
		proxy.rule = ({ path, kind }) =>
			path === VOLUMES && kind !== 'write' ? { before: () => gone.promise.then(() => undefined) } : undefined;
		how(watchOf(proxy));
		await proxy.untilWatches((watches) => watches.every(({ path }) => path !== VOLUMES));
		await change();
		expect(volumesIn(cluster)).toMatchObject({
			synced: true,
			staleSince: expect.any(String),
		});
		gone.resolve();
		await untilEqual(cluster, api);
		await allWatched(proxy, cluster);
		// More than one page, where it was listed.
		expect(listsOf(proxy) > lists).toBe(next === 'listed');
	});

	test('has seen nothing but a bookmark: it goes on from there', async (context) => {
		const proxy = await startProxy(context);
		// The API server sends one two seconds before the end of a watch.
		const cluster = await synced(context, proxy, { timing: { ...TIMING, watchTimeoutSeconds: 5 } });
		const change = await known(cluster);
		await change();
		// A list that must be current has the API server learn, of this kind too, how far all have come.
		const { metadata } = await api.list(CLASSES);
		const watchesOf = () => proxy.calls.filter(({ kind, path }) => kind === 'watch' && path === CLASSES);
		const lists = listsOf(proxy, CLASSES);
		const knows = ({ query }: Call) => Number(query.get('resourceVersion')) >= Number(metadata.resourceVersion);
		// The watch that is open now may have brought its bookmark before: then the next one does.
		await proxy.untilCalls(() => watchesOf().some(knows), 30_000);
		expect(listsOf(proxy, CLASSES)).toBe(lists);
		await untilEqual(cluster, api);
	});

	test('cannot go on because its version is too old (410 to the request): the list tells what was deleted', async (context) => {
		const proxy = await startProxy(context);
		const cluster = await synced(context, proxy);
		await api.create(localVolume('deleted-meanwhile', 'nowhere', CLASS));
		await untilEqual(cluster, api);
		const gone = Promise.withResolvers<{ status: number; reason: string } | undefined>();
		proxy.rule = ({ path, kind }) =>
			path === VOLUMES && kind === 'watch' ? { before: () => gone.promise } : undefined;
		watchOf(proxy).reset();
		await proxy.untilWatches((watches) => watches.every(({ path }) => path !== VOLUMES));
		await api.deleteAndWait(`${VOLUMES}/deleted-meanwhile`);
		const before = listsOf(proxy);
		gone.resolve({ status: 410, reason: 'Expired' });
		await proxy.untilCalls(() => listsOf(proxy) > before);
		proxy.rule = undefined;
		await untilEqual(cluster, api);
		expect(cluster.state.volume('deleted-meanwhile')).toBeUndefined();
	});

	test.for(['twice', 'in pieces'] as const)('brings every line %s', async (delivery, context) => {
		const proxy = await startProxy(context);
		const cluster = await synced(context, proxy);
		const change = await known(cluster);
		const lists = listsOf(proxy);
		for (const watch of proxy.watches) watch.delivery = delivery;
		const current: boolean[] = [];
		const look = () => {
			const { ready, watches } = cluster.readiness();
			current.push(ready && watches.every(({ staleSince }) => staleSince === undefined));
		};
		const unsubscribe = cluster.state.subscribe(look);
		await change();
		await untilEqual(cluster, api);
		unsubscribe();
		look();
		// After each of the three changes at least, and at the end.
		expect(current.length).toBeGreaterThan(3);
		expect(current).not.toContain(false);
		expect(listsOf(proxy)).toBe(lists);
	});

	test('is silent without being closed: the kind is listed anew, and until then nobody can tell', async (context) => {
		const proxy = await startProxy(context);
		// Longer than a busy machine takes to compare the cache, or it is silent before it is made so.
		const cluster = await synced(context, proxy, { timing: { ...TIMING, idleTimeoutMs: 5_000 } });
		const change = await known(cluster);
		const gate = Promise.withResolvers<undefined>();
		const lists: Call[] = [];
		proxy.rule = (call) => {
			if (call.kind !== 'list' || call.path !== VOLUMES) return undefined;
			lists.push(call);
			return { before: () => gate.promise };
		};
		watchOf(proxy).delivery = 'mute';
		// As on a cluster in which nothing happens.
		expect(volumesIn(cluster)?.staleSince).toBeUndefined();
		await change();
		expect(cluster.readiness().ready).toBe(true);
		await proxy.untilCalls(() => lists.length > 0);
		expect((await differences(cluster, api)).length).toBeGreaterThanOrEqual(3);
		// From here on it is known that it may be out of date.
		expect(volumesIn(cluster)).toMatchObject({ state: 'listing', staleSince: expect.any(String) });
		expect(cluster.readiness().ready).toBe(true);
		gate.resolve(undefined);
		await untilEqual(cluster, api);
		await allWatched(proxy, cluster);
		expect(cluster.readiness().ready).toBe(true);
	});

	test('is silent, and so are the lists: readiness says so within the half minute', async (context) => {
		const proxy = await startProxy(context);
		const timing = { ...TIMING, idleTimeoutMs: 1_500 };
		const cluster = await synced(context, proxy, { timeoutMs: 1_000, timing });
		const change = await known(cluster);
		proxy.rule = () => ({ before: 'silence' });
		for (const watch of proxy.watches) watch.delivery = 'mute';
		await change();
		const isKnown = ({ state, staleSince, problem }: WatchReadiness) => state === 'absent' || (staleSince && problem);
		await vi.waitUntil(() => cluster.readiness().watches.every(isKnown), { ...PATIENCE, timeout: 30_000 });
		expect(volumesIn(cluster)?.problem).toMatch(/GET \/api\/v1\/persistentvolumes.* no answer within 1 s/);
		const problemSince = cluster.readiness().watches.map(({ staleSince = '' }) => Date.parse(staleSince));
		vi.useFakeTimers({ toFake: ['Date'], now: Math.max(...problemSince.filter((at) => at > 0)) + 30_001 });
		expect(cluster.readiness()).toMatchObject({ synced: true, ready: false });
		vi.useRealTimers();
		proxy.rule = undefined;
		await untilEqual(cluster, api);
		await allWatched(proxy, cluster);
		expect(cluster.readiness().ready).toBe(true);
	});
});

describe('the whole API server', () => {
	test('is restarted: the cache catches up, and readiness tells how long it was behind', async (context) => {
		const proxy = await startProxy(context);
		const cluster = await synced(context, proxy);
		const change = await known(cluster);
		expect(cluster.readiness().ready).toBe(true);
		await proxy.down();
		await change();
		const isBehind = ({ state, staleSince }: WatchReadiness) => state === 'absent' || staleSince !== undefined;
		await vi.waitUntil(() => cluster.readiness().watches.every(isBehind), PATIENCE);
		// Away for a moment it is still trusted; for half a minute no more.
		expect(cluster.readiness().ready).toBe(true);
		vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });
		expect(cluster.readiness()).toMatchObject({ synced: true, ready: false });
		vi.useRealTimers();
		await proxy.up();
		await untilEqual(cluster, api);
		await allWatched(proxy, cluster);
		expect(cluster.readiness().ready).toBe(true);
	});

	test('asks for a new token: it is read from the file with the next request', async (context) => {
		const proxy = await startProxy(context);
		const cluster = await synced(context, proxy);
		const change = await known(cluster);
		proxy.rotateToken('second');
		for (const watch of proxy.watches) watch.reset();
		await change();
		await untilEqual(cluster, api);
		await allWatched(proxy, cluster);
	});
});
