// From an object to the path it lives at, by asking the API server what it serves.

import type { KubeObject } from './api.ts';

interface Resource {
	readonly name: string;
	readonly kind: string;
	readonly namespaced: boolean;
}

/** What the API server serves, asked once for each group and version. */
export class Resources {
	readonly #get: (path: string) => Promise<KubeObject>;
	readonly #known = new Map<string, readonly Resource[]>();

	constructor(get: (path: string) => Promise<KubeObject>) {
		this.#get = get;
	}

	/** The path of the collection that an object belongs to. */
	async collectionPath(object: KubeObject): Promise<string> {
		const { apiVersion, kind, metadata } = object;
		const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
		const resource = find(this.#known.get(root), kind) ?? find(await this.#discover(root), kind);
		if (resource === undefined) throw new Error(`the API server has no ${kind} in ${apiVersion}`);
		const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
		return `${root}${namespace}/${resource.name}`;
	}

	async #discover(root: string): Promise<readonly Resource[]> {
		const { resources } = await this.#get(root);
		this.#known.set(root, resources);
		return resources;
	}
}

function find(resources: readonly Resource[] | undefined, kind: string): Resource | undefined {
	// Names with a slash are subresources, which may share the kind.
	return resources?.find((resource) => resource.kind === kind && !resource.name.includes('/'));
}

/** Splits the path of one object into its collection and its name; a collection has no name. */
export function parsePath(path: string): { readonly collection: string; readonly name?: string } {
	const parts = path.split('/').slice(1);
	const root = parts.splice(0, parts[0] === 'api' ? 2 : 3);
	const scope = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2) : [];
	const [resource, name] = parts;
	const collection = `/${[...root, ...scope, resource].join('/')}`;
	return name === undefined ? { collection } : { collection, name };
}
