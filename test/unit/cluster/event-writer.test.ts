import { describe, expect, it } from 'vitest';
import type { RequestOptions } from '../../../src/cluster/api/client.ts';
import { ApiError, ApiUnreachable } from '../../../src/cluster/api/errors.ts';
import { ApiEventWriter, type EventSubject } from '../../../src/cluster/event-writer.ts';

const claim: EventSubject = {
	...{ kind: 'PersistentVolumeClaim', namespace: 'ns', name: 'data', uid: 'uid-data', resourceVersion: '41' },
};

interface Stored {
	readonly metadata: { readonly name: string; resourceVersion?: string };
	readonly message: string;
	count: number;
	lastTimestamp: string;
}

type Method = 'POST' | 'GET' | 'PATCH';
type Moment = 'before' | 'after';

/** As much of an API server as events need. */
function apiServer() {
	const events = new Map<string, Stored>();
	const calls: string[] = [];
	const scripts = new Map<string, (() => void)[]>();
	let version = 0;
	const carryOut = (method: string, path: string, { body }: RequestOptions): Stored => {
		const refused = (status: number) => new ApiError({ method, path }, status, {});
		if (method === 'POST') {
			const event = body as Stored;
			const at = `${path}/${event.metadata.name}`;
			if (events.has(at)) throw refused(409);
			const stored = { ...event, metadata: { ...event.metadata, resourceVersion: String(++version) } };
			events.set(at, stored);
			return stored;
		}
		const stored = events.get(path);
		if (!stored) throw refused(404);
		if (method === 'GET') return structuredClone(stored);
		const { metadata, ...fields } = body as Stored;
		if (metadata.resourceVersion !== stored.metadata.resourceVersion) throw refused(409);
		stored.metadata.resourceVersion = String(++version);
		return Object.assign(stored, fields);
	};
	const request = async <T>(method: string, path: string, options: RequestOptions = {}): Promise<T> => {
		calls.push(method);
		scripts.get(`before ${method}`)?.shift()?.();
		const answer = carryOut(method, path, options);
		scripts.get(`after ${method}`)?.shift()?.();
		return answer as T;
	};
	/** Runs at that moment of the next such call; what it throws is the answer. */
	const on = (moment: Moment, method: Method, script: () => void) => {
		const key = `${moment} ${method}`;
		scripts.set(key, [...(scripts.get(key) ?? []), script]);
	};
	return { events, calls, on, writer: new ApiEventWriter({ request }) };
}

const lost = () => {
	throw new ApiUnreachable('https://api.test', { method: 'X', path: '/x' }, new Error('reset'));
};

const removed = (message: string) => ({ type: 'Normal', reason: 'TopobindPinRemoved', message }) as const;

describe('an event', () => {
	it('is on its object, from topobind', async () => {
		const { events, writer } = apiServer();
		await writer.tell(claim, removed('why'));
		const [[path, event] = []] = [...events];
		expect(path).toMatch(/^\/api\/v1\/namespaces\/ns\/events\/data\.topobind-[0-9a-f]{16}$/);
		expect(event).toMatchObject({
			kind: 'Event',
			involvedObject: {
				...{ kind: 'PersistentVolumeClaim', namespace: 'ns', name: 'data', uid: 'uid-data', resourceVersion: '41' },
			},
			type: 'Normal',
			reason: 'TopobindPinRemoved',
			message: 'why',
			source: { component: 'topobind' },
			count: 1,
		});
	});

	it('is counted when it is told again, whoever told it first; another one stands beside it', async () => {
		const { events, writer } = apiServer();
		await writer.tell(claim, removed('why'));
		await writer.tell({ ...claim, resourceVersion: '42' }, removed('why'));
		await writer.tell(claim, removed('why not'));
		await writer.tell({ ...claim, uid: 'another of that name' }, removed('why'));
		await writer.tell(claim, { ...removed('why'), reason: 'Another' });
		expect([...events.values()].map(({ count }) => count)).toEqual([2, 1, 1, 1]);
	});

	it.each([
		['long', 'a'.repeat(253)],
		['cut at a dash', `${'a'.repeat(198)}-.${'b'.repeat(53)}`],
		['cut after one', `${'a'.repeat(199)}-${'b'.repeat(53)}`],
		['cut at a dot', `${'a'.repeat(199)}.${'b'.repeat(53)}`],
	])('has a name that may be one, for an object whose name is %s', async (_, name) => {
		const { events, writer } = apiServer();
		await writer.tell({ ...claim, name }, removed('why'));
		const own = [...events.values()][0]?.metadata.name ?? '';
		expect(own.length).toBeLessThanOrEqual(253);
		for (const label of own.split('.')) expect(label).toMatch(/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/);
	});

	it.each([
		['of one byte', 'x'.repeat(2000)],
		['of several bytes', '…'.repeat(2000)],
	])('is no longer than is allowed: characters %s', async (_, message) => {
		const { events, writer } = apiServer();
		await writer.tell(claim, removed(message));
		const [event] = events.values();
		const bytes = Buffer.byteLength(event?.message ?? '');
		expect(bytes).toBeGreaterThan(1018);
		expect(bytes).toBeLessThanOrEqual(1024);
		expect(event?.message).not.toContain('\uFFFD');
	});
});

describe('a call that fails and may be made again', () => {
	const told = [{ count: 1 }, { count: 2 }];

	it.each(
		(['POST', 'GET', 'PATCH'] as const).flatMap((method) => [[method, 'before'] as const, [method, 'after'] as const]),
	)('%s, %s it is carried out: told once, counted once', async (method, moment) => {
		const { events, on, writer } = apiServer();
		if (method === 'POST') on(moment, method, lost);
		await writer.tell(claim, removed('why'));
		expect([...events.values()]).toMatchObject([told[0]]);
		if (method !== 'POST') on(moment, method, lost);
		await writer.tell(claim, removed('why'));
		expect([...events.values()]).toMatchObject([told[1]]);
	});
});

describe('others tell the same in the same moment', () => {
	it('each telling is counted', async () => {
		const { events, on, writer } = apiServer();
		await writer.tell(claim, removed('why'));
		const [event] = events.values();
		const byAnother = () => {
			Object.assign(event as Stored, { count: (event?.count ?? 0) + 1, reportingInstance: 'another' });
			(event as Stored).metadata.resourceVersion = `other-${event?.count}`;
		};
		on('before', 'PATCH', byAnother);
		on('before', 'PATCH', byAnother);
		await writer.tell(claim, removed('why'));
		expect([...events.values()].map(({ count }) => count)).toEqual([4]);
	});

	it('it is given up where that never ends', async () => {
		const { calls, events, on, writer } = apiServer();
		await writer.tell(claim, removed('why'));
		const [event] = events.values();
		let others = 0;
		const byAnother = () => {
			(event as Stored).metadata.resourceVersion = `other-${others++}`;
		};
		for (let i = 0; i < 100; i++) on('before', 'PATCH', byAnother);
		await expect(writer.tell(claim, removed('why'))).rejects.toMatchObject({ status: 409 });
		expect(calls.length).toBeLessThan(20);
	});
});

it.each(['GET', 'PATCH'] as const)(
	'an event that has expired by the time of the %s is written anew',
	async (method) => {
		const { events, on, writer } = apiServer();
		await writer.tell(claim, removed('why'));
		on('before', method, () => events.clear());
		await writer.tell(claim, removed('why'));
		expect([...events.values()].map(({ count }) => count)).toEqual([1]);
	},
);

it('telling again moves the time of the last', async () => {
	const { events, writer } = apiServer();
	await writer.tell(claim, removed('why'));
	const [event] = events.values();
	(event as Stored).lastTimestamp = '2000-01-01T00:00:00Z';
	await writer.tell(claim, removed('why'));
	expect(Date.parse(event?.lastTimestamp ?? '')).toBeGreaterThan(Date.now() - 60_000);
});

it('what is refused is told at once', async () => {
	const { calls, on, writer } = apiServer();
	on('before', 'POST', () => {
		throw new ApiError({ method: 'POST', path: '/x' }, 403, { message: 'events is forbidden' });
	});
	await expect(writer.tell(claim, removed('why'))).rejects.toThrow('events is forbidden');
	expect(calls).toEqual(['POST']);
});
