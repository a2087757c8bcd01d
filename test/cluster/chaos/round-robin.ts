// One address for several replicas, which answer in turn.

import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface RoundRobin {
	readonly url: string;
	close(): Promise<void>;
}

/** A call on its way to one of the replicas. */
export interface FrontCall {
	readonly verb: string;
	/** Which of the replicas. */
	readonly target: number;
	readonly body: Buffer;
}

/** What came of it: an answer, or none. */
export interface FrontEnd {
	readonly status?: number;
	readonly text?: string;
	readonly error?: Error;
}

/** Is told of each call as it comes; what it gives is told of its end. */
export type FrontObserver = (call: FrontCall) => (end: FrontEnd) => void;

/** When who made a call has given up: the call goes on, or breaks for the replica, too. */
type Disconnect = 'kept from the replica' | 'passed on';

/** Is told the verb of each call as it comes. */
export async function startRoundRobin(
	targets: readonly string[],
	onCall: (verb: string) => void = () => {},
	observe: FrontObserver = () => () => {},
	disconnect: Disconnect = 'kept from the replica',
): Promise<RoundRobin> {
	let turn = 0;
	const agent = new Agent({ keepAlive: true });
	const pass = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
		const body = await buffer(incoming);
		const { method, url, headers } = incoming;
		const verb = (url ?? '').slice(1);
		onCall(verb);
		const target = turn++ % targets.length;
		const end = observe({ verb, target, body });
		const forwarded = request(new URL(url ?? '/', targets[target]), { method, headers, agent });
		if (disconnect === 'passed on') {
			outgoing.once('close', () => outgoing.writableFinished || forwarded.destroy(new Error('its client has gone')));
		}
		forwarded.end(body);
		try {
			const [answer] = await once(forwarded, 'response');
			const received = await buffer(answer);
			end({ status: answer.statusCode, text: received.toString() });
			outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(received);
		} catch (error) {
			end({ error: error as Error });
			throw error;
		}
	};
	// Who cannot be answered sees the connection break.
	const server = createServer((incoming, outgoing) => void pass(incoming, outgoing).catch(() => outgoing.destroy()));
	server.keepAliveTimeout = 120_000;
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		async close() {
			server.close();
			server.closeAllConnections();
			agent.destroy();
			await once(server, 'close').catch(() => {});
		},
	};
}
