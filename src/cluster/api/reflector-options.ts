import type { ApiReader, Query } from './client.ts';
import type { Timing } from './timing.ts';

export interface Projected<T> {
	readonly key: string;
	readonly value: T;
}

/** Receives the state of the collection. Called synchronously; it must not throw. */
export interface Sink<T> {
	/** The whole collection; it takes the place of all before. The map is the sink's to keep. */
	replace(items: Map<string, T>): void;
	/** May come again with what is known already. */
	upsert(key: string, value: T): void;
	/** `value` is the object's last state. May come for a key that is not there. */
	remove(key: string, value?: T): void;
}

export interface ReflectorLogger {
	info(details: object, message: string): void;
	warn(details: object, message: string): void;
}

export interface ReflectorOptions<T> {
	readonly client: ApiReader;
	/** Of the collection, such as `/api/v1/persistentvolumes`. */
	readonly path: string;
	/** Such as a fieldSelector; goes with every list and watch. */
	readonly query?: Query;
	/**
	 * Picks from an API object what is kept, and its key. An object for which it throws is logged and
	 * skipped: what was known of it before stays, until the next list.
	 */
	project(raw: object): Projected<T>;
	readonly sink: Sink<T>;
	/** The kind may not exist in this cluster: a 404 means an empty collection, looked for again later. */
	readonly optional?: boolean;
	readonly logger?: ReflectorLogger;
	readonly timing?: Partial<Timing>;
}

/**
 * What it is doing. `watching` lasts through the moment in which one watch gives way to the next, and
 * `absent` through a look whether the kind has come.
 */
export type ReflectorState = 'listing' | 'watching' | 'backoff' | 'absent' | 'stopped';

export interface ReflectorCounters {
	/** Begun. */
	lists: number;
	/** Accepted by the server. */
	watches: number;
	/** Object events taken. */
	events: number;
	bookmarks: number;
	/** Failures that led to a wait: of a list, of a watch, or inside a watch. */
	errors: number;
	/** Objects that could not be projected. */
	skipped: number;
}
