import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ApiError, ApiUnreachable, parseRetryAfter } from '../../../src/cluster/api/errors.ts';
import { clientFor, FakeApi, failure, fixedCredentials } from './fake-api.ts';

test('sends method, query, body, content type and credentials, and gives back the parsed answer', async () => {
	const api = await FakeApi.start();
	const credentials = fixedCredentials(api.url, { Authorization: 'Bearer secret' });
	const answer = clientFor(api.url, { credentials }).request('PATCH', '/api/v1/pods', {
		query: { fieldSelector: 'a=b,c!=d', dryRun: undefined, limit: 5 },
		body: { spec: 'ö' },
		contentType: 'application/merge-patch+json',
	});
	const request = await api.next();
	request.json(200, { kind: 'Pod' });
	expect(await answer).toEqual({ kind: 'Pod' });
	expect(request).toMatchObject({ method: 'PATCH', body: '{"spec":"ö"}' });
	expect(request.url.pathname).toBe('/api/v1/pods');
	expect([...request.query]).toEqual([
		['fieldSelector', 'a=b,c!=d'],
		['limit', '5'],
	]);
	expect(request.headers).toMatchObject({
		authorization: 'Bearer secret',
		accept: 'application/json',
		'content-type': 'application/merge-patch+json',
	});
});

test("the path of the server's URL goes before the path of the request", async () => {
	const api = await FakeApi.start();
	const answer = clientFor(`${api.url}/clusters/one/`).request('GET', '/version');
	const request = await api.next();
	request.json(200, {});
	await answer;
	expect(request.url.pathname).toBe('/clusters/one/version');
});

test('requests one after the other share connections', async () => {
	const api = await FakeApi.start();
	const client = clientFor(api.url);
	for (let i = 0; i < 20; i++) {
		const answer = client.request('GET', '/version');
		(await api.next()).json(200, {});
		await answer;
	}
	// A request sent in the very moment an answer ends may open a second one.
	expect(api.connections).toBeLessThanOrEqual(2);
});

test('a Status becomes an ApiError with its message, reason and Retry-After', async () => {
	const api = await FakeApi.start();
	const answer = failure(clientFor(api.url).request('POST', '/api/v1/bindings', { body: {} }));
	(await api.next()).refuse(429, 'TooManyRequests', 'slow down', { 'retry-after': '7' });
	const error = await answer;
	expect(error).toBeInstanceOf(ApiError);
	expect(error).toMatchObject({
		status: 429,
		reason: 'TooManyRequests',
		message: 'slow down',
		retryAfterMs: 7000,
		method: 'POST',
		path: '/api/v1/bindings',
	});
});

test('the wait that a Status asks for in its details counts where there is no header', async () => {
	const api = await FakeApi.start();
	const answer = failure(clientFor(api.url).request('GET', '/x'));
	(await api.next()).json(500, { code: 500, reason: 'ServerTimeout', details: { retryAfterSeconds: 2 } });
	expect(await answer).toMatchObject({ retryAfterMs: 2000, message: 'the API server answered 500 to GET /x' });
});

test('Retry-After may be a date', () => {
	expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:09 GMT', 4000)).toBe(5000);
	expect(parseRetryAfter('soon')).toBeUndefined();
});

test('an answer that is no Status is an ApiError with the start of its text', async () => {
	const api = await FakeApi.start();
	const answer = failure(clientFor(api.url).request('GET', '/x'));
	(await api.next()).text(502, 'bad gateway');
	expect(await answer).toMatchObject({ name: 'ApiError', status: 502, reason: '', message: 'bad gateway' });
});

test('a good answer that is not JSON is no API server', async () => {
	const api = await FakeApi.start();
	const answer = failure(clientFor(api.url).request('GET', '/x'));
	(await api.next()).text(200, '<html>');
	expect(await answer).toBeInstanceOf(ApiUnreachable);
	expect((await answer).message).toContain('not JSON');
});

test('a refused connection is ApiUnreachable: it names the server and the cause, and no token', async () => {
	const listener = createServer().listen(0, '127.0.0.1');
	await once(listener, 'listening');
	const { port } = listener.address() as { port: number };
	listener.close();
	const url = `http://127.0.0.1:${port}`;
	const credentials = fixedCredentials(url, { Authorization: 'Bearer secret' });
	const error = await failure(clientFor(url, { credentials }).request('GET', '/api/v1/nodes'));
	expect(error).toBeInstanceOf(ApiUnreachable);
	expect(error.message).toContain(`${url} (GET /api/v1/nodes)`);
	expect(error.message).toContain('ECONNREFUSED');
	expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret');
});

test('time is up: ApiUnreachable, and the connection is closed', async () => {
	const api = await FakeApi.start();
	const answer = failure(clientFor(api.url).request('GET', '/x', { timeoutMs: 300 }));
	const request = await api.next();
	expect(await answer).toBeInstanceOf(ApiUnreachable);
	expect((await answer).message).toContain('no answer within 0.3 s');
	await request.closed;
});

test('time also counts for credentials that do not come', async () => {
	const credentials = { ...fixedCredentials('http://nowhere'), read: () => new Promise<never>(() => {}) };
	const answer = clientFor('', { credentials, timeoutMs: 20 }).request('GET', '/x');
	await expect(answer).rejects.toThrow('no answer within 0.02 s');
});

test("an aborted request rejects with the signal's reason and is cut off", async () => {
	const api = await FakeApi.start();
	const abort = new AbortController();
	const answer = failure(clientFor(api.url).request('GET', '/x', { signal: abort.signal }));
	const request = await api.next();
	const reason = new Error('enough');
	abort.abort(reason);
	expect(await answer).toBe(reason);
	await request.closed;
});

test('a 401 makes the credentials forget', async () => {
	const api = await FakeApi.start();
	const credentials = fixedCredentials(api.url);
	const answer = clientFor(api.url, { credentials }).request('GET', '/x');
	(await api.next()).refuse(401, 'Unauthorized');
	await expect(answer).rejects.toMatchObject({ status: 401 });
	expect(credentials.forgotten).toBe(1);
});

test('a closed client sends nothing', async () => {
	const api = await FakeApi.start();
	const client = clientFor(api.url);
	await client.close();
	await expect(client.request('GET', '/x')).rejects.toThrow('the client is closed');
	expect(api.connections).toBe(0);
});

test('a stream gives the bytes as they come, and ends when the server ends it', async () => {
	const api = await FakeApi.start();
	const opening = clientFor(api.url).stream('/x', { watch: true });
	const request = await api.watch();
	const chunks = (await opening)[Symbol.asyncIterator]();
	request.write('one');
	expect(String((await chunks.next()).value)).toBe('one');
	request.write('two');
	expect(String((await chunks.next()).value)).toBe('two');
	request.end();
	expect(await chunks.next()).toMatchObject({ done: true });
});

test('the time limit of a stream is over when it is open', async () => {
	const api = await FakeApi.start();
	const opening = clientFor(api.url, { timeoutMs: 300 }).stream('/x', { watch: true });
	const request = await api.watch();
	const chunks = (await opening)[Symbol.asyncIterator]();
	const first = chunks.next();
	// A second client with the same limit tells when it has passed.
	await expect(clientFor(api.url, { timeoutMs: 400 }).request('GET', '/other')).rejects.toThrow('no answer');
	request.write('late');
	expect(String((await first).value)).toBe('late');
});

test('a stream that is refused rejects with ApiError', async () => {
	const api = await FakeApi.start();
	const opening = clientFor(api.url).stream('/x', { watch: true });
	(await api.watchRequest()).refuse(410, 'Expired');
	await expect(opening).rejects.toMatchObject({ name: 'ApiError', status: 410, reason: 'Expired' });
});

test('a stream that breaks throws ApiUnreachable', async () => {
	const api = await FakeApi.start();
	const opening = clientFor(api.url).stream('/x', { watch: true });
	const request = await api.watch();
	const next = (await opening)[Symbol.asyncIterator]().next();
	request.reset();
	await expect(next).rejects.toBeInstanceOf(ApiUnreachable);
});

test('an aborted stream throws the reason and closes the connection', async () => {
	const api = await FakeApi.start();
	const abort = new AbortController();
	const opening = clientFor(api.url).stream('/x', { watch: true }, abort.signal);
	const request = await api.watch();
	const next = failure((await opening)[Symbol.asyncIterator]().next());
	abort.abort('enough');
	expect(await next).toBe('enough');
	await request.closed;
});

test('to leave the loop of a stream closes the connection', async () => {
	const api = await FakeApi.start();
	const opening = clientFor(api.url).stream('/x', { watch: true });
	const request = await api.watch();
	request.write('one');
	for await (const chunk of await opening) {
		expect(String(chunk)).toBe('one');
		break;
	}
	await request.closed;
});

test('a request that never gets a connection ends with its own time', async () => {
	// Takes connections and never says a word, so no TLS session comes about.
	const mute = createServer();
	mute.listen(0, '127.0.0.1');
	await once(mute, 'listening');
	const { port } = mute.address() as AddressInfo;
	const client = clientFor(`https://127.0.0.1:${port}`, { timeoutMs: 50 });
	const failures = [client.request('GET', '/version'), client.stream('/api/v1/pods')].map(failure);
	for (const error of await Promise.all(failures)) expect(error.message).toContain('no answer within 0.05 s');
	await client.close();
	mute.close();
});

test('a signal that outlives many requests gathers nothing of them, nor does a timer run on', async () => {
	const api = await FakeApi.start();
	const client = clientFor(api.url);
	const { signal } = new AbortController();
	const set = vi.spyOn(globalThis, 'setTimeout');
	const cleared = vi.spyOn(globalThis, 'clearTimeout');
	onTestFinished(() => {
		set.mockRestore();
		cleared.mockRestore();
	});
	const options = { signal, timeoutMs: 54_321 };
	for (let i = 0; i < 5; i++) {
		const answer = client.request('GET', '/version', options);
		(await api.next()).json(200, {});
		await answer;
	}
	const refused = failure(client.request('GET', '/version', options));
	(await api.next()).refuse(403, 'Forbidden', 'no');
	await refused;
	expect(getEventListeners(signal, 'abort')).toEqual([]);
	const own = set.mock.results.filter((_, i) => set.mock.calls[i]?.[1] === 54_321);
	expect(own).toHaveLength(6);
	for (const { value } of own) expect(cleared).toHaveBeenCalledWith(value);
});
