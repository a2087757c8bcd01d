// One address for several replicas, which answer in turn.

import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface RoundRobin {
	readonly url: string;
	close(): Promise<void>;
}

/** Is told the verb of each call as it comes. */
export async function startRoundRobin(
	targets: readonly string[],
	onCall: (verb: string) => void = () => {},
): Promise<RoundRobin> {
	let turn = 0;
	const agent = new Agent({ keepAlive: true });
	const server = createServer(async (incoming, outgoing) => {
		const body = await buffer(incoming);
		const { method, url, headers } = incoming;
		onCall((url ?? '').slice(1));
		const forwarded = request(new URL(url ?? '/', targets[turn++ % targets.length]), { method, headers, agent });
		forwarded.on('error', () => outgoing.destroy());
		forwarded.on('response', (answer) => answer.pipe(outgoing.writeHead(answer.statusCode ?? 502, answer.headers)));
		forwarded.end(body);
	});
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
