// When the API server's watch first showed objects to be as they are awaited.

import type { Api, KubeObject } from '../harness/index.ts';

export interface Sighting {
	/** In ms, of this process's clock. */
	readonly at: number;
	/** The object's resourceVersion: of all objects, the greater was written later. */
	readonly version: number;
}

/**
 * Watches a collection, and notes of each of these objects when it was first shown to be so. Resolves as soon as it watches;
 * `all` when it has noted every one.
 */
export async function watchFirst(
	api: Api,
	collection: string,
	names: readonly string[],
	isSo: (object: KubeObject) => boolean,
): Promise<{ readonly all: Promise<ReadonlyMap<string, Sighting>> }> {
	const begun = Promise.withResolvers<void>();
	const noted = new Map<string, Sighting>();
	const watching = api.waitForList(collection, (objects) => {
		begun.resolve();
		for (const object of objects) {
			const { name, resourceVersion } = object.metadata;
			if (!noted.has(name) && isSo(object))
				noted.set(name, { at: performance.now(), version: Number(resourceVersion) });
		}
		return names.every((name) => noted.has(name));
	});
	const all = watching.then(() => noted);
	// Where the test fails before it asks for it.
	all.catch(begun.reject);
	await begun.promise;
	return { all };
}
