import type { ApiReader, Query } from './client.ts';

export interface ListRequest {
	readonly client: Pick<ApiReader, 'request'>;
	readonly path: string;
	readonly query: Query;
	readonly pageSize: number;
	readonly signal: AbortSignal;
}

interface ListPage {
	readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
	readonly items?: readonly object[] | null;
}

/**
 * Reads a whole collection page by page, gives each object to `take` as its page arrives, and resolves
 * with the collection's resourceVersion. No page is kept. When it rejects (with what the client
 * rejects with; 410 when a later page came too late) the objects given so far are not a list.
 */
export async function readList(request: ListRequest, take: (object: object) => void): Promise<string> {
	let next: string | undefined;
	for (;;) {
		// Without a resourceVersion the answer is current: one from before the last event is never seen.
		const page = await request.client.request<ListPage>('GET', request.path, {
			query: { ...request.query, limit: request.pageSize, continue: next },
			signal: request.signal,
		});
		request.signal.throwIfAborted();
		for (const item of page.items ?? []) take(item);
		next = page.metadata?.continue || undefined;
		if (next !== undefined) continue;
		const version = page.metadata?.resourceVersion;
		if (!version) throw new Error(`the list ${request.path} carries no resourceVersion`);
		return version;
	}
}
