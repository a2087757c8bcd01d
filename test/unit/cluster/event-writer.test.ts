import { describe, expect, it } from 'vitest';
import type { RequestOptions } from '../../../src/cluster/api/client.ts';
import { ApiError } from '../../../src/cluster/api/errors.ts';
import { ApiEventWriter, type EventSubject } from '../../../src/cluster/event-writer.ts';

const claim: EventSubject = {
	...{ kind: 'PersistentVolumeClaim', namespace: 'ns', name: 'data', uid: 'uid-data', resourceVersion: '41' },
};

interface Stored {
	readonly metadata: { readonly name: string };
	readonly message: string;
	count: number;
}

/** As much of an API server as events need. */
function apiServer() {
	const events = new Map<string, Stored>();
	const request = async <T>(method: string, path: string, options: RequestOptions = {}): Promise<T> => {
		if (method === 'POST') {
			const event = options.body as Stored;
			const at = `${path}/${event.metadata.name}`;
			if (events.has(at)) throw new ApiError({ method, path }, 409, {});
			events.set(at, event);
			return event as T;
		}
		const stored = events.get(path);
		if (!stored) throw new ApiError({ method, path }, 404, {});
		if (method === 'PATCH') Object.assign(stored, options.body);
		return stored as T;
	};
	return { events, writer: new ApiEventWriter({ request }) };
}

const removed = (message: string) => ({ type: 'Normal', reason: 'TopobindPinRemoved', message }) as const;

describe('an event', () => {
	it('is on its object, from topobind', async () => {
		const { events, writer } = apiServer();
		await writer.tell(claim, removed('why'));
		const [[path, event] = []] = [...events];
		expect(path).toMatch(/^\/api\/v1\/namespaces\/ns\/events\/data\.topobind-[0-9a-f]{16}$/);
		expect(event).toMatchObject({
			kind: 'Event',
			involvedObject: { kind: 'PersistentVolumeClaim', namespace: 'ns', name: 'data', uid: 'uid-data' },
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
		expect([...events.values()].map(({ count }) => count)).toEqual([2, 1, 1]);
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
