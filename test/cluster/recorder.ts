// Stands between kube-scheduler and topobind, and keeps what they say to each other.

import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll } from 'vitest';
import type { KubeObject } from './harness/index.ts';

export interface Exchange {
	readonly verb: string;
	readonly headers: IncomingHttpHeaders;
	readonly request: KubeObject;
	readonly status: number;
	readonly response: KubeObject;
}

export interface Recorder {
	readonly url: string;
	readonly exchanges: readonly Exchange[];
	/** The exchanges of one verb about one pod. */
	of(verb: string, pod: string): Exchange[];
	/** Sends what comes from now on elsewhere. */
	forwardTo(url: string): void;
	close(): Promise<void>;
}

/** Closes with the test file at the latest. */
export async function startRecorder(first: string): Promise<Recorder> {
	let target = first;
	const exchanges: Exchange[] = [];
	const server = createServer(async (incoming, outgoing) => {
		const sent = await buffer(incoming);
		const { method, url, headers } = incoming;
		const forwarded = request(new URL(url ?? '/', target), { method, headers });
		// As when nobody is there: the scheduler sees its connection end.
		forwarded.on('error', () => outgoing.destroy());
		forwarded.on('response', async (answer) => {
			const received = await buffer(answer);
			exchanges.push({
				verb: (url ?? '').slice(1),
				headers,
				request: JSON.parse(sent.toString()),
				status: answer.statusCode ?? 0,
				response: JSON.parse(received.toString()),
			});
			outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(received);
		});
		forwarded.end(sent);
	});
	server.keepAliveTimeout = 120_000;
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const close = () =>
		new Promise<void>((resolve) => {
			server.close(() => resolve());
			server.closeAllConnections();
		});
	afterAll(close);
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		exchanges,
		of: (verb, pod) =>
			exchanges.filter(
				(each) => each.verb === verb && (each.request.Pod?.metadata.name ?? each.request.PodName) === pod,
			),
		forwardTo(url) {
			target = url;
		},
		close,
	};
}
