// A way to the API server that passes bytes, encrypted as they are, and can be cut.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Relay {
	readonly url: string;
	readonly #server: Server;
	readonly #open: Set<Socket>;

	private constructor(server: Server, open: Set<Socket>) {
		this.#server = server;
		this.#open = open;
		this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
	}

	static async start(target: string): Promise<Relay> {
		const { hostname, port } = new URL(target);
		const open = new Set<Socket>();
		const server = createServer((near) => {
			const far = connect(Number(port), hostname);
			for (const [end, other] of [
				[near, far],
				[far, near],
			] as const) {
				open.add(end);
				end.pipe(other);
				end.on('error', () => {});
				end.once('close', () => {
					open.delete(end);
					other.destroy();
				});
			}
		});
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		return new Relay(server, open);
	}

	/** No connection of before is left; new ones pass. */
	cut(): void {
		for (const socket of this.#open) socket.resetAndDestroy();
	}

	async stop(): Promise<void> {
		const closed = once(this.#server, 'close');
		this.#server.close();
		this.cut();
		await closed;
	}
}
