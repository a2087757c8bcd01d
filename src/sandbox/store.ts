/** The sandbox's API server: objects in memory, with just enough of its rules. */

import { randomUUID } from 'node:crypto';
import { keyOf, type RawKind, type RawObject, type RawTypes } from './raw.ts';

/** What changed. `current` is undefined when the object is gone, `previous` when it is new. */
export interface StoreEvent<K extends RawKind = RawKind> {
	readonly kind: K;
	readonly key: string;
	readonly current: RawTypes[K] | undefined;
	readonly previous: RawTypes[K] | undefined;
}

/** An object to create: the store gives it its uid and version. */
export type NewObject<K extends RawKind> = Omit<RawTypes[K], 'metadata'> & {
	readonly metadata: Omit<RawTypes[K]['metadata'], 'uid' | 'resourceVersion'> & { readonly uid?: string };
};

export class StoreError extends Error {
	readonly failure: 'conflict' | 'gone';

	constructor(failure: 'conflict' | 'gone', message: string) {
		super(message);
		this.name = 'StoreError';
		this.failure = failure;
	}
}

/**
 * Objects by kind and key.
 *
 * - Every write gives the object the next resourceVersion; an update must carry the version it was made from.
 * - Watchers hear of each write once, in the order of the writes, and never within the write itself: as over a
 *   watch, who has written has not yet been told.
 */
export class ObjectStore {
	readonly #objects = new Map<RawKind, Map<string, RawObject>>();
	readonly #watchers = new Set<(event: StoreEvent) => void>();
	#queue: StoreEvent[] = [];
	#version = 0;
	#closed = false;

	/** Puts objects that carry their uid already in place, without telling watchers: what stands before anyone looks. */
	load(objects: Iterable<RawObject>): void {
		for (const object of objects) {
			const { metadata } = object;
			this.#kind(object.kind as RawKind).set(keyOf(object), {
				...object,
				metadata: { ...metadata, resourceVersion: this.#nextVersion() },
			});
		}
	}

	get<K extends RawKind>(kind: K, key: string): RawTypes[K] | undefined {
		return this.#kind(kind).get(key);
	}

	list<K extends RawKind>(kind: K): Iterable<RawTypes[K]> {
		return this.#kind(kind).values();
	}

	create<K extends RawKind>(kind: K, object: NewObject<K>): RawTypes[K] {
		const created = {
			...object,
			metadata: {
				...object.metadata,
				uid: object.metadata.uid ?? randomUUID(),
				resourceVersion: this.#nextVersion(),
				creationTimestamp: new Date().toISOString(),
			},
		} as RawObject as RawTypes[K];
		const key = keyOf(created);
		if (this.#kind(kind).has(key)) throw new StoreError('conflict', `${kind} ${key} already exists`);
		this.#write(kind, key, created);
		return created;
	}

	/** Throws a StoreError: `gone` when the object no longer exists, `conflict` when it has changed since `object` was read. */
	update<K extends RawKind>(kind: K, object: RawTypes[K]): RawTypes[K] {
		const key = keyOf(object);
		const previous = this.get(kind, key);
		if (!previous) throw new StoreError('gone', `${kind} ${key} does not exist`);
		const { uid, resourceVersion } = object.metadata;
		if (previous.metadata.uid !== uid || previous.metadata.resourceVersion !== resourceVersion) {
			throw new StoreError('conflict', `${kind} ${key} has been modified since it was read`);
		}
		const updated = { ...object, metadata: { ...object.metadata, resourceVersion: this.#nextVersion() } };
		this.#write(kind, key, updated);
		return updated;
	}

	delete(kind: RawKind, key: string): void {
		if (!this.get(kind, key)) throw new StoreError('gone', `${kind} ${key} does not exist`);
		this.#write(kind, key, undefined);
	}

	/** Gives a function that ends the watch. A watcher must not throw. */
	watch(watcher: (event: StoreEvent) => void): () => void {
		this.#watchers.add(watcher);
		return () => this.#watchers.delete(watcher);
	}

	/** Resolves when every write so far, and all that watchers wrote upon it, has been delivered. */
	async quiet(): Promise<void> {
		while (this.#queue.length > 0 && !this.#closed) await new Promise((resolve) => setImmediate(resolve));
	}

	/** Nothing more is delivered, not even what is under way. */
	close(): void {
		this.#closed = true;
		this.#watchers.clear();
	}

	#write<K extends RawKind>(kind: K, key: string, current: RawTypes[K] | undefined): void {
		const objects = this.#kind(kind);
		const previous = objects.get(key);
		if (current) objects.set(key, current);
		else objects.delete(key);
		if (this.#queue.length === 0) setImmediate(() => this.#deliver());
		this.#queue.push({ kind, key, current, previous });
	}

	#deliver(): void {
		const events = this.#queue;
		// Emptied first: what watchers write now is delivered in a turn of its own, after all of this.
		this.#queue = [];
		for (const event of events) {
			if (this.#closed) return;
			for (const watcher of this.#watchers) watcher(event);
		}
	}

	#kind<K extends RawKind>(kind: K): Map<string, RawTypes[K]> {
		let objects = this.#objects.get(kind);
		if (!objects) {
			objects = new Map();
			this.#objects.set(kind, objects);
		}
		return objects as Map<string, RawTypes[K]>;
	}

	#nextVersion(): string {
		return String(++this.#version);
	}
}
