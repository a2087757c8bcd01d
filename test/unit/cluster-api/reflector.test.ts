import { addAbortSignal, PassThrough } from 'node:stream';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ApiError, ApiUnreachable } from '../../../src/cluster/api/errors.ts';
import { type Exchange, FakeApi } from './fake-api.ts';
import { reflect, type Setup, thing } from './harness.ts';

/** A reflector whose sink holds `a` at version 10 and whose watch is open. */
async function watching(
	options: Parameters<typeof reflect>[1] = {},
): Promise<Setup & { api: FakeApi; watch: Exchange }> {
	const api = await FakeApi.start();
	const setup = reflect(api, options);
	(await api.list()).page([thing('a', '9')], { resourceVersion: '10' });
	const watch = await api.watch();
	expect(watch.query.get('resourceVersion')).toBe('10');
	await setup.opened(1);
	return { ...setup, api, watch };
}

describe('list', () => {
	test('is read page by page and given to the sink as a whole', async () => {
		const api = await FakeApi.start();
		const { sink, reflector } = reflect(api, { query: { fieldSelector: 'x=y' } });
		const first = await api.list();
		expect([...first.query]).toEqual([
			['fieldSelector', 'x=y'],
			['limit', '500'],
		]);
		first.page([thing('a', '1'), thing('b', '2')], { resourceVersion: '10', continue: 'more' });
		const second = await api.list();
		expect(second.query.get('continue')).toBe('more');
		expect(sink.calls).toEqual([]);
		expect(reflector).toMatchObject({ isSynced: false, state: 'listing' });
		second.page([thing('c', '3', 7)], { resourceVersion: '10', continue: '' });
		await reflector.synced;
		expect(sink.calls).toEqual(['=a,b,c']);
		expect(sink.items.get('c')).toBe(7);
		expect(reflector.isSynced).toBe(true);
		expect(reflector.counters).toMatchObject({ lists: 1, events: 0, errors: 0 });
	});

	test('of an empty collection is a list too', async () => {
		const api = await FakeApi.start();
		const { sink, reflector } = reflect(api);
		(await api.list()).json(200, { metadata: { resourceVersion: '3' }, items: null });
		await reflector.synced;
		expect(sink.calls).toEqual(['=']);
	});

	test('begins again, after a wait, when its continue token has expired', async () => {
		const api = await FakeApi.start();
		const { sink, clock, reflector } = reflect(api);
		(await api.list()).page([thing('gone', '1')], { resourceVersion: '10', continue: 'old' });
		(await api.list()).refuse(410, 'Expired');
		expect(await clock.wake()).toBeGreaterThan(0);
		const again = await api.list();
		expect(again.query.has('continue')).toBe(false);
		again.page([thing('b', '11')], { resourceVersion: '12' });
		await reflector.synced;
		expect(sink.calls).toEqual(['=b']);
	});

	test('is tried again after a 500, each time after a longer wait, up to the longest', async () => {
		const api = await FakeApi.start();
		const { clock, reflector } = reflect(api);
		for (let i = 0; i < 6; i++) {
			(await api.list()).refuse(500, 'InternalError', 'etcd is away');
			await clock.sleeping();
			expect(reflector.state).toBe('backoff');
			expect(reflector.lastError?.message).toBe('etcd is away');
			await clock.wake();
		}
		// random() is 0.5: three quarters of 100, 200, 400 …
		expect(clock.asked).toEqual([75, 150, 300, 600, 750, 750]);
		expect(reflector).toMatchObject({ isSynced: false, counters: { errors: 6 } });
		(await api.list()).page([], { resourceVersion: '1' });
		await reflector.synced;
	});

	test('waits as long as Retry-After says, where that is longer', async () => {
		const api = await FakeApi.start();
		const { clock } = reflect(api);
		(await api.list()).refuse(429, 'TooManyRequests', 'slow down', { 'retry-after': '3' });
		expect(await clock.wake()).toBe(3000);
		(await api.list()).refuse(503, 'ServiceUnavailable', 'later', { 'retry-after': '0' });
		expect(await clock.wake()).toBe(150);
		(await api.list()).refuse(503, 'ServiceUnavailable', 'later', { 'retry-after': '99999999' });
		expect(await clock.wake()).toBe(300_000);
	});

	test('is tried again when the socket breaks', async () => {
		const api = await FakeApi.start();
		const { clock, reflector } = reflect(api);
		(await api.list()).reset();
		await clock.wake();
		expect(reflector.lastError).toBeInstanceOf(ApiUnreachable);
		(await api.list()).page([], { resourceVersion: '1' });
		await reflector.synced;
	});

	test('that carries no resourceVersion is a failure', async () => {
		const api = await FakeApi.start();
		const { clock, reflector, sink } = reflect(api);
		(await api.list()).json(200, { items: [] });
		await clock.sleeping();
		expect(reflector.lastError?.message).toContain('no resourceVersion');
		expect(sink.calls).toEqual([]);
	});

	test('skips what cannot be projected, and logs it', async () => {
		const api = await FakeApi.start();
		const { sink, log, reflector } = reflect(api);
		(await api.list()).page([thing('a', '1'), thing('bad', '2', -1), thing('b', '3')], { resourceVersion: '4' });
		await reflector.synced;
		expect(sink.calls).toEqual(['=a,b']);
		expect(log.warnings[0]?.details).toMatchObject({ skipped: 1, err: new Error('bad has no size') });
		expect(reflector.counters.skipped).toBe(1);
		expect(reflector.counters.errors).toBe(0);
	});
});

describe('watch', () => {
	test('asks for bookmarks and a jittered timeout, with the query of the list', async () => {
		const { watch } = await watching({ query: { labelSelector: 'l' }, timing: { random: () => 0 } });
		expect(Object.fromEntries(watch.query)).toEqual({
			labelSelector: 'l',
			watch: 'true',
			allowWatchBookmarks: 'true',
			resourceVersion: '10',
			timeoutSeconds: '261',
		});
	});

	test('its events reach the sink', async () => {
		const { watch, sink, reflector, clock } = await watching();
		expect(reflector).toMatchObject({ state: 'watching', staleSince: undefined });
		clock.now = 2_000_000;
		watch.event('ADDED', thing('b', '11', 2));
		watch.event('MODIFIED', thing('b', '12', 3));
		watch.event('DELETED', thing('a', '13'));
		await sink.holds('b');
		expect(sink.calls).toEqual(['=a', '+b', '+b', '-a']);
		expect(sink.items.get('b')).toBe(3);
		expect(reflector).toMatchObject({ lastEventAt: 2_000_000, counters: { watches: 1, events: 3 } });
	});

	test('events may be cut anywhere, also within a character', async () => {
		const { watch, sink } = await watching();
		const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: thing('bücher', '11') })}\n`);
		const cut = bytes.indexOf('ü') + 1;
		watch.write(bytes.subarray(0, cut));
		watch.write(bytes.subarray(cut, bytes.length - 1));
		watch.write(bytes.subarray(bytes.length - 1));
		await sink.holds('a,bücher');
	});

	test('duplicates do no harm', async () => {
		const { watch, sink } = await watching();
		watch.event('ADDED', thing('a', '9'));
		watch.event('DELETED', thing('never', '10'));
		watch.event('ADDED', thing('b', '11'));
		await sink.holds('a,b');
	});

	test('that ends is followed at once by another, from the last event', async () => {
		const { api, watch, sink, clock } = await watching();
		watch.event('ADDED', thing('b', '11'));
		await sink.holds('a,b');
		clock.now += 290_000;
		watch.end();
		expect((await api.watch()).query.get('resourceVersion')).toBe('11');
		expect(clock.asked).toEqual([]);
		expect(sink.calls).toEqual(['=a', '+b']);
	});

	test('goes on from a bookmark, whatever its version looks like', async () => {
		const { api, watch, reflector, sink, clock } = await watching();
		watch.bookmark('9');
		watch.event('ADDED', thing('b', '5'));
		watch.bookmark('07');
		clock.now += 290_000;
		watch.end();
		expect((await api.watch()).query.get('resourceVersion')).toBe('07');
		expect(sink.keys).toBe('a,b');
		expect(reflector.counters).toMatchObject({ bookmarks: 2, events: 1 });
	});

	test('that ends as soon as it has begun is followed after a wait', async () => {
		const { api, watch, clock, reflector } = await watching();
		clock.now += 999;
		watch.end();
		expect(await clock.wake()).toBe(75);
		expect(reflector.lastError?.message).toContain('as soon as it had begun');
		expect((await api.watch()).query.get('resourceVersion')).toBe('10');
	});

	test('a last line without its end is not taken', async () => {
		const { api, watch, sink, clock } = await watching();
		watch.event('ADDED', thing('b', '11'));
		watch.write(JSON.stringify({ type: 'ADDED', object: thing('c', '12') }));
		await sink.holds('a,b');
		clock.now += 5000;
		watch.end();
		const next = await api.watch();
		expect(next.query.get('resourceVersion')).toBe('11');
		next.event('ADDED', thing('c', '12'));
		await sink.holds('a,b,c');
		expect(sink.calls).toEqual(['=a', '+b', '+c']);
	});

	test('that breaks is followed after a wait, from the last event and without a list', async () => {
		const { api, watch, sink, clock, reflector, opened } = await watching();
		watch.event('ADDED', thing('b', '11'));
		await sink.holds('a,b');
		clock.now += 7;
		watch.reset();
		await clock.sleeping();
		expect(reflector).toMatchObject({ state: 'backoff', isSynced: true, staleSince: clock.now });
		expect(reflector.lastError).toBeInstanceOf(ApiUnreachable);
		await clock.wake();
		expect((await api.watch()).query.get('resourceVersion')).toBe('11');
		await opened(2);
		expect(reflector).toMatchObject({ state: 'watching', staleSince: undefined, lastError: undefined });
	});

	test('that is silent is not believed: the kind is listed anew, and stale until that is answered', async () => {
		const { api, watch, clock, reflector, opened } = await watching({ timing: { idleTimeoutMs: 60 } });
		const list = await api.list();
		await watch.closed;
		expect(reflector.staleSince).toBeDefined();
		list.page([], { resourceVersion: '12' });
		expect((await api.watch()).query.get('resourceVersion')).toBe('12');
		await opened(2);
		expect(reflector.staleSince).toBeUndefined();
		expect(clock.asked).toEqual([]);
		expect(reflector.counters.errors).toBe(0);
	});

	test('is not silent while bytes come, be they part of a line', async () => {
		vi.useFakeTimers();
		onTestFinished(() => {
			vi.useRealTimers();
		});
		const bytes = new PassThrough();
		const stream = vi.fn(async (_path: string, _query: unknown, signal?: AbortSignal) =>
			signal ? addAbortSignal(signal, bytes) : bytes,
		);
		const request = async () => ({ metadata: { resourceVersion: '1' } }) as never;
		const { opened } = reflect({ client: { request, stream } }, { timing: { idleTimeoutMs: 100 } });
		await opened(1);
		for (let i = 0; i < 5; i++) {
			bytes.write('{');
			await vi.advanceTimersByTimeAsync(90);
		}
		expect(stream).toHaveBeenCalledTimes(1);
		const [, , signal] = stream.mock.lastCall ?? [];
		expect(signal?.aborted).toBe(false);
		await vi.advanceTimersByTimeAsync(10);
		expect(signal?.aborted).toBe(true);
	});

	test.each([429, 500, 502, 503])('refused with %i is tried again from the same version', async (status) => {
		const { api, watch, clock } = await watching();
		clock.now += 290_000;
		watch.end();
		(await api.watchRequest()).refuse(status, 'Sorry', 'sorry', { 'retry-after': '1' });
		expect(await clock.wake()).toBe(1000);
		expect((await api.watch()).query.get('resourceVersion')).toBe('10');
	});

	test('its row of failures ends with an event', async () => {
		const { api, watch, clock, sink } = await watching();
		watch.reset();
		await clock.wake();
		(await api.watch()).reset();
		await clock.wake();
		const third = await api.watch();
		third.event('ADDED', thing('b', '11'));
		await sink.holds('a,b');
		third.reset();
		await clock.wake();
		expect(clock.asked).toEqual([75, 150, 75]);
	});
});

describe('a new list', () => {
	async function relisted({ api, sink, clock }: Setup & { api: FakeApi }): Promise<void> {
		expect(await clock.wake()).toBe(75);
		const list = await api.list();
		expect(list.query.has('resourceVersion')).toBe(false);
		list.page([thing('z', '90')], { resourceVersion: '100' });
		expect((await api.watch()).query.get('resourceVersion')).toBe('100');
		expect(sink.calls.at(-1)).toBe('=z');
	}

	test('follows an ERROR event with 410; what was deleted meanwhile is gone', async () => {
		const setup = await watching();
		setup.watch.error(410, 'Expired');
		await relisted(setup);
		await setup.opened(2);
		expect(setup.sink.keys).toBe('z');
		expect(setup.reflector.counters).toMatchObject({ lists: 2, watches: 2, errors: 1 });
	});

	test('follows an HTTP status 410', async () => {
		const setup = await watching();
		setup.clock.now += 290_000;
		setup.watch.end();
		(await setup.api.watchRequest()).refuse(410, 'Gone');
		await relisted(setup);
	});

	test('follows any other ERROR event, which may ask for a longer wait', async () => {
		const { api, watch, clock, reflector } = await watching();
		watch.error(500, 'InternalError', { details: { retryAfterSeconds: 2 } });
		expect(await clock.wake()).toBe(2000);
		expect(reflector.lastError).toBeInstanceOf(ApiError);
		await api.list();
	});

	test.each([
		['is not JSON', 'nonsense\n'],
		['is not an event', '[]\n'],
		['has no version', '{"type":"ADDED","object":{}}\n'],
		['is of an unknown type', '{"type":"NEW","object":{"metadata":{"resourceVersion":"11"}}}\n'],
	])('follows a line that %s', async (_, line) => {
		const setup = await watching();
		setup.watch.write(line);
		await relisted(setup);
	});

	test('follows a deletion that cannot be projected', async () => {
		const setup = await watching();
		setup.watch.event('DELETED', thing('a', '11', -1));
		await relisted(setup);
	});

	test('follows a sink that throws', async () => {
		const setup = await watching();
		setup.sink.upsert = () => {
			throw new Error('a fault of ours');
		};
		setup.watch.event('ADDED', thing('b', '11'));
		await relisted(setup);
	});

	test('does not follow an addition that cannot be projected: that is skipped', async () => {
		const { watch, sink, log, reflector } = await watching();
		watch.event('MODIFIED', thing('a', '11', -1));
		watch.event('ADDED', thing('b', '12'));
		await sink.holds('a,b');
		expect(sink.calls).toEqual(['=a', '+b']);
		expect(log.warnings).toMatchObject([{ details: { err: new Error('a has no size') } }]);
		expect(reflector.counters).toMatchObject({ skipped: 1, errors: 0 });
	});

	test('waits longer each time when no watch holds', async () => {
		const { api, watch, clock } = await watching();
		watch.error(410, 'Expired');
		for (let i = 0; i < 3; i++) {
			await clock.wake();
			(await api.list()).page([], { resourceVersion: '20' });
			(await api.watch()).error(410, 'Expired');
		}
		await clock.sleeping();
		expect(clock.asked).toEqual([75, 150, 300, 600]);
	});
});

describe('staleSince', () => {
	test('counts from the start until the first watch is open, and from the last watch through all retries', async () => {
		const api = await FakeApi.start();
		const { reflector, clock, opened } = reflect(api);
		const started = clock.now;
		(await api.list()).refuse(503, 'ServiceUnavailable');
		await clock.wake();
		expect(reflector.staleSince).toBe(started);
		(await api.list()).page([], { resourceVersion: '1' });
		const watch = await api.watch();
		await opened(1);
		expect(reflector.staleSince).toBeUndefined();

		clock.now += 50_000;
		const ended = clock.now;
		watch.end();
		const second = await api.watchRequest();
		clock.now += 5;
		expect(reflector.staleSince).toBe(ended);
		second.accept();
		await opened(2);
		expect(reflector.staleSince).toBeUndefined();

		clock.now += 50_000;
		const broken = clock.now;
		second.reset();
		await clock.wake();
		(await api.watchRequest()).refuse(503, 'ServiceUnavailable');
		await clock.wake();
		expect(clock.now).toBeGreaterThan(broken);
		expect(reflector.staleSince).toBe(broken);
		expect(reflector.isSynced).toBe(true);
	});
});

describe('an optional kind', () => {
	test('that is absent counts as synced and empty, and is found when it comes', async () => {
		const api = await FakeApi.start();
		const { reflector, sink, clock } = reflect(api, { optional: true });
		(await api.list()).refuse(404, 'NotFound');
		await reflector.synced;
		expect(reflector).toMatchObject({ state: 'absent', isSynced: true, staleSince: undefined, lastError: undefined });
		expect(await clock.wake()).toBe(10_000);
		(await api.list()).text(404, '404 page not found');
		expect(await clock.wake()).toBe(10_000);
		expect(reflector.state).toBe('absent');
		expect(sink.calls).toEqual(['=']);
		(await api.list()).page([thing('a', '1')], { resourceVersion: '2' });
		const watch = await api.watch();
		watch.event('ADDED', thing('b', '3'));
		await sink.holds('a,b');
		expect(reflector.state).toBe('watching');
		expect(reflector.counters.errors).toBe(0);
	});

	test('is looked for at jittered times', async () => {
		const api = await FakeApi.start();
		const { clock } = reflect(api, { optional: true, timing: { random: () => 0 } });
		(await api.list()).refuse(404, 'NotFound');
		expect(await clock.wake()).toBe(8000);
	});

	test('that is removed while watched is absent and empty again', async () => {
		const { api, watch, sink, clock, reflector } = await watching({ optional: true });
		clock.now += 290_000;
		watch.end();
		(await api.watchRequest()).refuse(404, 'NotFound');
		await clock.wake();
		(await api.list()).refuse(404, 'NotFound');
		await sink.holds('');
		await clock.sleeping();
		expect(reflector).toMatchObject({ state: 'absent', staleSince: undefined });
	});

	test('is stale when the server does not even say 404', async () => {
		const api = await FakeApi.start();
		const { clock, reflector } = reflect(api, { optional: true });
		(await api.list()).refuse(404, 'NotFound');
		await clock.wake();
		(await api.list()).reset();
		await clock.sleeping();
		expect(reflector).toMatchObject({ state: 'backoff', staleSince: clock.now });
	});

	test('a 404 is a failure where the kind is not optional', async () => {
		const api = await FakeApi.start();
		const { clock, reflector, sink } = reflect(api);
		(await api.list()).refuse(404, 'NotFound');
		expect(await clock.sleeping()).toBe(75);
		expect(reflector).toMatchObject({ isSynced: false, state: 'backoff' });
		expect(sink.calls).toEqual([]);
	});
});

describe('the end', () => {
	test('during a list: the request is cut off, the sink never called, synced rejects', async () => {
		const api = await FakeApi.start();
		const { abort, ended, reflector, sink } = reflect(api);
		const list = await api.list();
		abort.abort();
		await ended;
		await list.closed;
		await expect(reflector.synced).rejects.toThrow('stopped before its first list');
		expect(reflector.state).toBe('stopped');
		expect(sink.calls).toEqual([]);
		expect(api.untaken).toEqual([]);
	});

	test('just as a list arrives: the sink is never called', async () => {
		const abort = new AbortController();
		const request = async () => {
			abort.abort();
			return { metadata: { resourceVersion: '1' }, items: [thing('a', '1')] } as never;
		};
		const stream = () => Promise.reject(new Error('not expected'));
		const { ended, sink } = reflect({ client: { request, stream } }, {}, abort.signal);
		await ended;
		expect(sink.calls).toEqual([]);
	});

	test('during a watch: the connection is closed and none follows', async () => {
		const { abort, ended, reflector, watch, api } = await watching();
		abort.abort();
		await ended;
		await watch.closed;
		expect(reflector).toMatchObject({ state: 'stopped', isSynced: true });
		expect(reflector.staleSince).toBeDefined();
		expect(api.untaken).toEqual([]);
		expect(reflector.counters.errors).toBe(0);
	});

	test('during a wait: it ends there', async () => {
		const { ended, reflector, watch, clock, api } = await watching();
		watch.reset();
		await clock.sleeping();
		await reflector.stop();
		await ended;
		expect(api.untaken).toEqual([]);
	});

	test('between two events of one chunk: the second is not taken', async () => {
		const { abort, ended, sink, watch } = await watching();
		const upsert = sink.upsert.bind(sink);
		sink.upsert = (key, value) => {
			upsert(key, value);
			abort.abort();
		};
		const line = (name: string) => `${JSON.stringify({ type: 'ADDED', object: thing(name, '11') })}\n`;
		watch.write(line('b') + line('c'));
		await ended;
		expect(sink.keys).toBe('a,b');
	});

	test('before the start: nothing is sent', async () => {
		const api = await FakeApi.start();
		const { ended, reflector } = reflect(api, {}, AbortSignal.abort());
		await ended;
		expect(reflector.state).toBe('stopped');
		expect(reflector.counters.lists).toBe(0);
	});

	test('is for good', async () => {
		const api = await FakeApi.start();
		const { reflector } = reflect(api);
		await reflector.stop();
		expect(() => reflector.start()).toThrow('started before');
	});
});
