// A small client of the API server for tests.

import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher, request } from 'undici';
import { parseAllDocuments } from 'yaml';
import type { Access, User } from './credentials.ts';
import { Resources } from './resources.ts';
import { neverWithin, waitFor, waitForList } from './watch.ts';

/** Any Kubernetes object. Tests look at fields of many kinds, so their types are left open. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type KubeObject = Record<string, any>;

export interface KubeList {
	readonly metadata: { readonly resourceVersion: string };
	readonly items: KubeObject[];
}

/** An answer of the API server that is not a success. */
export class ApiError extends Error {
	override name = 'ApiError';
	readonly status: number;
	constructor(call: string, status: number, body: string) {
		super(`${call}: ${status} ${messageOf(body)}`);
		this.status = status;
	}
}

const patchTypes = {
	merge: 'application/merge-patch+json',
	strategic: 'application/strategic-merge-patch+json',
	json: 'application/json-patch+json',
	apply: 'application/apply-patch+yaml',
} as const;

/** Talks to the API server as one user. Paths are API paths: `/api/v1/nodes/n1`. */
export class Api {
	readonly #server: string;
	readonly #token: string;
	readonly #agent: Agent;
	readonly #resources: Resources;

	constructor(access: Access, user: User = 'admin') {
		this.#server = access.server;
		this.#token = access.tokens[user];
		this.#agent = new Agent({
			connect: { ca: readFileSync(access.caFile, 'utf8') },
			// A watch may be quiet for as long as a test waits.
			bodyTimeout: 0,
		});
		this.#resources = new Resources((path) => this.get(path));
	}

	get(path: string): Promise<KubeObject> {
		return this.#call('GET', path);
	}

	async list(path: string): Promise<KubeList> {
		return (await this.#call('GET', path)) as KubeList;
	}

	/** Creates an object where its kind, namespace (`default` if it has none) and name say. */
	async create(object: KubeObject): Promise<KubeObject> {
		return this.#call('POST', await this.#resources.collectionPath(object), object);
	}

	/** Creates the objects of a YAML text, or of a list, one after the other. */
	async createAll(objects: string | readonly KubeObject[]): Promise<KubeObject[]> {
		const created: KubeObject[] = [];
		for (const object of parse(objects)) created.push(await this.create(object));
		return created;
	}

	/** Server-side apply: creates an object, or changes it to what is given. */
	async apply(object: KubeObject): Promise<KubeObject> {
		const path = `${await this.#resources.collectionPath(object)}/${object.metadata.name}`;
		const query = '?fieldManager=test&force=true';
		return this.#call('PATCH', path + query, object, patchTypes.apply);
	}

	/** What the server would say to an object, strictly read; nothing is changed. */
	async dryRun(object: KubeObject): Promise<{ status: number; warnings: string[]; text: string }> {
		const path = `${await this.#resources.collectionPath(object)}/${object.metadata.name}`;
		const query = 'fieldManager=test&force=true&dryRun=All&fieldValidation=Strict';
		const answer = await this.#send('PATCH', `${path}?${query}`, object, patchTypes.apply);
		const warnings = [answer.headers.warning ?? []].flat();
		return { status: answer.statusCode, warnings, text: messageOf(await answer.body.text()) };
	}

	/** Applies the objects of a YAML text, or of a list, one after the other. */
	async applyAll(objects: string | readonly KubeObject[]): Promise<KubeObject[]> {
		const applied: KubeObject[] = [];
		for (const object of parse(objects)) applied.push(await this.apply(object));
		return applied;
	}

	patch(path: string, body: unknown, type: keyof typeof patchTypes = 'merge'): Promise<KubeObject> {
		return this.#call('PATCH', path, body, patchTypes[type]);
	}

	/** POST to any path, as for a subresource: `pods/p/binding`, `pods/p/eviction`. */
	post(path: string, body: unknown): Promise<KubeObject> {
		return this.#call('POST', path, body);
	}

	put(path: string, body: unknown): Promise<KubeObject> {
		return this.#call('PUT', path, body);
	}

	/** Deletes an object or, for the path of a collection, all in it. One that is gone is fine. */
	async delete(path: string): Promise<void> {
		try {
			await this.#call('DELETE', path);
		} catch (error) {
			if (!(error instanceof ApiError && error.status === 404)) throw error;
		}
	}

	/** Deletes an object and waits until it is gone, finalizers and all. */
	async deleteAndWait(path: string, timeoutMs?: number): Promise<void> {
		await this.delete(path);
		await this.waitFor(path, (object) => object === undefined, timeoutMs);
	}

	/** A namespace with a name of its own, so that tests do not meet. Returns the name. */
	async createNamespace(prefix = 'test'): Promise<string> {
		const created = await this.create({
			apiVersion: 'v1',
			kind: 'Namespace',
			metadata: { generateName: `${prefix}-` },
		});
		return created.metadata.name;
	}

	/**
	 * Watches one object until the predicate holds; it is given `undefined` while
	 * there is no such object. Returns the object.
	 */
	waitFor(
		path: string,
		predicate: (object: KubeObject | undefined) => boolean,
		timeoutMs?: number,
	): Promise<KubeObject | undefined> {
		return waitFor(this, path, predicate, timeoutMs);
	}

	/** Watches a collection until the predicate holds for what is in it. */
	waitForList(path: string, predicate: (objects: KubeObject[]) => boolean, timeoutMs?: number): Promise<KubeObject[]> {
		return waitForList(this, path, predicate, timeoutMs);
	}

	/** Watches one object for a while and fails if the predicate ever holds. */
	neverWithin(path: string, predicate: (object: KubeObject | undefined) => boolean, durationMs: number): Promise<void> {
		return neverWithin(this, path, predicate, durationMs);
	}

	/** The events about a pod, oldest first. */
	podEvents(namespace: string, pod: string): Promise<KubeObject[]> {
		return this.events(namespace, 'Pod', pod);
	}

	/** The events about an object, oldest first. */
	async events(namespace: string, kind: string, name: string): Promise<KubeObject[]> {
		const { items } = await this.list(eventsPath(namespace, kind, name));
		const time = (event: KubeObject) => Date.parse(event.metadata.creationTimestamp);
		return items.sort((a, b) => time(a) - time(b));
	}

	/** Waits until some event about an object has all of the given properties. */
	async waitForEvent(
		about: { readonly namespace: string; readonly kind: string; readonly name: string },
		matches: (event: KubeObject) => boolean,
		timeoutMs?: number,
	): Promise<KubeObject> {
		const path = eventsPath(about.namespace, about.kind, about.name);
		const events = await this.waitForList(path, (items) => items.some(matches), timeoutMs);
		return events.find(matches) as KubeObject;
	}

	/** Opens a watch; for `waitFor` and its like. */
	async stream(path: string, signal: AbortSignal): Promise<Dispatcher.ResponseData['body']> {
		const { statusCode, body } = await this.#send('GET', path, undefined, undefined, signal);
		if (statusCode !== 200) throw new ApiError(`GET ${path}`, statusCode, await body.text());
		return body;
	}

	async close(): Promise<void> {
		await this.#agent.destroy();
	}

	async #call(method: string, path: string, body?: unknown, type?: string): Promise<KubeObject> {
		const answer = await this.#send(method as Dispatcher.HttpMethod, path, body, type);
		const text = await answer.body.text();
		if (answer.statusCode >= 300) throw new ApiError(`${method} ${path}`, answer.statusCode, text);
		return JSON.parse(text);
	}

	#send(method: Dispatcher.HttpMethod, path: string, body?: unknown, type = 'application/json', signal?: AbortSignal) {
		return request(this.#server + path, {
			method,
			dispatcher: this.#agent,
			headers: {
				authorization: `Bearer ${this.#token}`,
				accept: 'application/json',
				...(body === undefined ? {} : { 'content-type': type }),
			},
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
			...(signal === undefined ? {} : { signal }),
		});
	}
}

function parse(objects: string | readonly KubeObject[]): readonly KubeObject[] {
	if (typeof objects !== 'string') return objects;
	return parseAllDocuments(objects).flatMap((document) => document.toJS() ?? []);
}

function eventsPath(namespace: string, kind: string, name: string): string {
	const selector = `involvedObject.kind=${kind},involvedObject.name=${name}`;
	return `/api/v1/namespaces/${namespace}/events?fieldSelector=${encodeURIComponent(selector)}`;
}

function messageOf(body: string): string {
	try {
		return JSON.parse(body).message ?? body;
	} catch {
		return body;
	}
}
