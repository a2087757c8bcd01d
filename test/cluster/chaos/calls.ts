// What a client of the API proxy asks, and how that ends.

export interface Call {
	/** From 1. */
	readonly number: number;
	readonly kind: 'list' | 'watch' | 'read' | 'write';
	readonly method: string;
	/** Without the query. */
	readonly path: string;
	readonly query: URLSearchParams;
}

/** How a call ended for its client. */
export interface Ended {
	/** undefined where no whole answer came. */
	readonly status?: number;
	/** Of a list: another page follows. */
	readonly more?: boolean;
}

/** Is told of each call as it comes; what it gives is told of its end. A call without an answer ends when that is decided. */
export type Observer = (call: Call) => ((end: Ended) => void) | undefined;

export function kindOf(method: string, path: string, query: URLSearchParams): Call['kind'] {
	if (method !== 'GET') return 'write';
	if (query.has('watch')) return 'watch';
	return /\/namespaces\/[^/]+\/[^/]+\/[^/]+$/.test(path) ? 'read' : 'list';
}

/** Such a page says so before its first object. */
export function hasMore(page: Buffer): boolean {
	return /"continue":"[^"]/.test(page.toString('utf8', 0, 1_000));
}
