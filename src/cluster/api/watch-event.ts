import { ApiError, type KubeStatus } from './errors.ts';

/** An object event. The object is what the server sent, not projected. */
export interface ObjectEvent {
	readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
	readonly object: object;
	readonly resourceVersion: string;
}

export interface Bookmark {
	readonly type: 'BOOKMARK';
	readonly resourceVersion: string;
}

/** A watch whose content cannot be followed any further: only a new list tells what holds. */
export class WatchBroken extends Error {
	constructor(message: string, cause?: unknown) {
		super(message, { cause });
		this.name = 'WatchBroken';
	}
}

/** Reads one line of a watch. Throws ApiError for an ERROR event, WatchBroken for what is no event. */
export function readEvent(line: string, path: string): ObjectEvent | Bookmark {
	const { type, object } = parse(line);
	if (type === 'ERROR') {
		const status: KubeStatus = object;
		throw new ApiError({ method: 'WATCH', path }, status.code ?? 500, status);
	}
	const resourceVersion = (object as { metadata?: { resourceVersion?: unknown } }).metadata?.resourceVersion;
	if (typeof resourceVersion !== 'string' || resourceVersion === '') {
		throw new WatchBroken(`a watch event of type ${JSON.stringify(type)} carries no resourceVersion`);
	}
	switch (type) {
		case 'ADDED':
		case 'MODIFIED':
		case 'DELETED':
			return { type, object, resourceVersion };
		case 'BOOKMARK':
			return { type, resourceVersion };
		default:
			throw new WatchBroken(`a watch event has the unknown type ${JSON.stringify(type)}`);
	}
}

function parse(line: string): { type: unknown; object: object } {
	let event: unknown;
	try {
		event = JSON.parse(line);
	} catch (error) {
		throw new WatchBroken('a line of the watch is not JSON', error);
	}
	if (typeof event !== 'object' || event === null || !('object' in event) || !('type' in event)) {
		throw new WatchBroken('a line of the watch is not an event');
	}
	const { type, object } = event;
	if (typeof object !== 'object' || object === null) throw new WatchBroken('a watch event has no object');
	return { type, object };
}
