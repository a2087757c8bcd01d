/** Events of topobind's own, on the objects that they are about: what `kubectl describe` shows. */

import { createHash, randomUUID } from 'node:crypto';
import type { ObjectIdentity } from '../domain/model.ts';
import { ApiError } from './api/errors.ts';
import { insist, type Requester } from './insist.ts';

export interface EventWriter {
	/**
	 * The same event again counts as one more of the first, whoever told that: replicas and restarts do not multiply it.
	 * A failure that passes is tried again for some seconds, and counts once. Rejects where it cannot be written; whoever
	 * tells goes on without.
	 */
	tell(about: EventSubject, event: ClusterEvent): Promise<void>;
}

export interface EventSubject extends Omit<ObjectIdentity, 'deleting'> {
	readonly kind: 'Pod' | 'PersistentVolumeClaim';
}

export interface ClusterEvent {
	readonly type: 'Normal' | 'Warning';
	readonly reason: string;
	/** Cut where it is longer than events may be. */
	readonly message: string;
}

/** In bytes: events with longer messages are refused. */
const MESSAGE_LIMIT = 1024;

/** Enough for a handful of replicas that tell the same in the same moment. */
const MOST_TRIES = 10;

export class ApiEventWriter implements EventWriter {
	readonly #client: Requester;

	constructor(client: Requester) {
		this.#client = client;
	}

	async tell({ kind, ...about }: EventSubject, event: ClusterEvent): Promise<void> {
		const { namespace, name, uid, resourceVersion } = about;
		const events = `/api/v1/namespaces/${namespace}/events`;
		const ownName = nameOf(about, event);
		const now = new Date().toISOString();
		const body = {
			apiVersion: 'v1',
			kind: 'Event',
			metadata: { namespace, name: ownName },
			involvedObject: { apiVersion: 'v1', kind, namespace, name, uid, resourceVersion },
			type: event.type,
			reason: event.reason,
			message: shortened(event.message),
			source: { component: 'topobind' },
			reportingComponent: 'topobind',
			// Of this telling: by it one is known that was written although its answer was lost.
			reportingInstance: randomUUID(),
			firstTimestamp: now,
			lastTimestamp: now,
			count: 1,
		};
		const create = () => insist(() => this.#client.request('POST', events, { body }));
		const count = () => this.#tellAgain(`${events}/${ownName}`, body);
		// It is there already; or somebody else has counted it meanwhile, or it has expired: from the start.
		for (let tries = 1; ; tries++) {
			try {
				await (tries % 2 === 1 ? create() : count());
				return;
			} catch (error) {
				if (tries === MOST_TRIES || !(error instanceof ApiError) || ![404, 409].includes(error.status)) throw error;
			}
		}
	}

	/** Writing it anew is also what keeps it: the API server forgets an event an hour after its last change. */
	async #tellAgain(path: string, { lastTimestamp, reportingInstance }: Telling): Promise<void> {
		const { count = 1, ...told } = await insist(() => this.#client.request<StoredEvent>('GET', path));
		if (told.reportingInstance === reportingInstance) return;
		// Who else counts meanwhile makes it a conflict.
		const metadata = { resourceVersion: told.metadata?.resourceVersion };
		const body = { metadata, count: count + 1, lastTimestamp, reportingInstance };
		const contentType = 'application/merge-patch+json';
		await insist(() => this.#client.request('PATCH', path, { body, contentType }));
	}
}

interface Telling {
	readonly lastTimestamp: string;
	readonly reportingInstance: string;
}

interface StoredEvent extends Partial<Telling> {
	readonly metadata?: { readonly resourceVersion?: string };
	readonly count?: number;
}

function nameOf({ name, uid }: Omit<EventSubject, 'kind'>, { reason, message }: ClusterEvent): string {
	const mark = createHash('sha256')
		.update(JSON.stringify([uid, reason, message]))
		.digest('hex')
		.slice(0, 16);
	// A name must not have a dot after a dash, or another dot.
	return `${name.slice(0, 200).replace(/[-.]+$/, '')}.topobind-${mark}`;
}

function shortened(message: string): string {
	const bytes = Buffer.from(message);
	if (bytes.length <= MESSAGE_LIMIT) return message;
	// A character that is cut in two decodes to U+FFFD.
	return `${bytes.toString('utf8', 0, MESSAGE_LIMIT - 3).replace(/\uFFFD$/, '')}…`;
}
