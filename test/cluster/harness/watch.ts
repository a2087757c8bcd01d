// Waiting for the cluster by watching it.

import type { Api, KubeObject } from './api.ts';
import { parsePath } from './resources.ts';

const defaultTimeoutMs = 60_000;

/** See `Api.waitFor`. */
export async function waitFor(
	api: Api,
	path: string,
	predicate: (object: KubeObject | undefined) => boolean,
	timeoutMs = defaultTimeoutMs,
): Promise<KubeObject | undefined> {
	const { met, objects } = await watchUntil(api, pathOfOne(path), ([object]) => predicate(object), timeoutMs);
	if (!met) throw notMet(predicate, path, objects[0], timeoutMs);
	return objects[0];
}

/** See `Api.waitForList`. */
export async function waitForList(
	api: Api,
	path: string,
	predicate: (objects: KubeObject[]) => boolean,
	timeoutMs = defaultTimeoutMs,
): Promise<KubeObject[]> {
	const { met, objects } = await watchUntil(api, path, predicate, timeoutMs);
	if (!met) throw notMet(predicate, path, objects, timeoutMs);
	return objects;
}

/** See `Api.neverWithin`. */
export async function neverWithin(
	api: Api,
	path: string,
	predicate: (object: KubeObject | undefined) => boolean,
	durationMs: number,
): Promise<void> {
	const { met, objects } = await watchUntil(api, pathOfOne(path), ([object]) => predicate(object), durationMs);
	if (met) throw new Error(`became true: ${predicate}\n${path} is ${show(objects[0])}`);
}

function notMet(predicate: unknown, path: string, last: unknown, timeoutMs: number): Error {
	return new Error(`nothing in ${timeoutMs} ms made true: ${predicate}\n${path} is ${show(last)}`);
}

/** Watches a collection until the predicate holds or the time is over. */
async function watchUntil(
	api: Api,
	path: string,
	predicate: (objects: KubeObject[]) => boolean,
	timeoutMs: number,
): Promise<{ readonly met: boolean; readonly objects: KubeObject[] }> {
	const signal = AbortSignal.timeout(timeoutMs);
	let objects: KubeObject[] = [];
	try {
		while (!signal.aborted) {
			for await (objects of states(api, path, signal)) {
				if (predicate(objects)) return { met: true, objects };
			}
			// The server ended the watch: list again.
		}
	} catch (error) {
		if (!signal.aborted) throw error;
	}
	return { met: false, objects };
}

/** The path of a collection with nothing in it but one object: what can be watched. */
function pathOfOne(path: string): string {
	const { collection, name } = parsePath(path);
	if (name === undefined) throw new Error(`${path} is a collection: use waitForList`);
	return `${collection}?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
}

/** Each state that a collection has, from now on, until the server ends the watch. */
async function* states(api: Api, path: string, signal: AbortSignal): AsyncGenerator<KubeObject[]> {
	const { metadata, items } = await api.list(path);
	const objects = new Map(items.map((object) => [keyOf(object), object]));
	yield [...objects.values()];

	const separator = path.includes('?') ? '&' : '?';
	const query = `watch=true&resourceVersion=${metadata.resourceVersion}`;
	for await (const event of events(api, path + separator + query, signal)) {
		if (event.type === 'ERROR') return; // as a rule, that our version is too old
		if (event.type === 'DELETED') objects.delete(keyOf(event.object));
		else objects.set(keyOf(event.object), event.object);
		yield [...objects.values()];
	}
}

async function* events(
	api: Api,
	path: string,
	signal: AbortSignal,
): AsyncGenerator<{ type: string; object: KubeObject }> {
	const body = await api.stream(path, signal);
	body.setEncoding('utf8');
	let text = '';
	for await (const chunk of body) {
		text += chunk;
		const lines = text.split('\n');
		text = lines.pop() as string;
		for (const line of lines) yield JSON.parse(line);
	}
}

function keyOf(object: KubeObject): string {
	return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

function show(value: unknown): string {
	const withoutNoise = (key: string, part: unknown) => (key === 'managedFields' ? undefined : part);
	const text = JSON.stringify(value, withoutNoise, 1) ?? 'not there';
	return text.length > 4000 ? `${text.slice(0, 4000)}…` : text;
}
