/** Events of topobind's own, on the objects that they are about: what `kubectl describe` shows. */

import { createHash } from 'node:crypto';
import type { ObjectIdentity } from '../domain/model.ts';
import type { KubeClient } from './api/client.ts';
import { ApiError } from './api/errors.ts';

export interface EventWriter {
	/**
	 * The same event again counts as one more of the first, whoever told that: replicas and restarts do not multiply it.
	 * Rejects where it cannot be written; whoever tells goes on without.
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

export class ApiEventWriter implements EventWriter {
	readonly #client: Pick<KubeClient, 'request'>;

	constructor(client: Pick<KubeClient, 'request'>) {
		this.#client = client;
	}

	async tell({ kind, ...about }: EventSubject, event: ClusterEvent): Promise<void> {
		const { namespace, name, uid, resourceVersion } = about;
		const events = `/api/v1/namespaces/${namespace}/events`;
		const ownName = nameOf(about, event);
		const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
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
			firstTimestamp: now,
			lastTimestamp: now,
			count: 1,
		};
		try {
			await this.#client.request('POST', events, { body });
		} catch (error) {
			if (!(error instanceof ApiError) || error.status !== 409) throw error;
			await this.#tellAgain(`${events}/${ownName}`, now);
		}
	}

	/** Writing it anew is also what keeps it: the API server forgets an event an hour after its last change. */
	async #tellAgain(path: string, now: string): Promise<void> {
		const { count = 1 } = await this.#client.request<{ count?: number }>('GET', path);
		const body = { count: count + 1, lastTimestamp: now };
		await this.#client.request('PATCH', path, { body, contentType: 'application/merge-patch+json' });
	}
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
