import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/** Above the ports that Kubernetes' own services have by default. */
const LOWEST = 11_000;
const MOST_TRIES = 1_000;

/**
 * Free ports of the loopback interface, all different. None is one that the kernel gives to outgoing connections: between
 * now and the start of whoever listens there, or while it is started again, any client could get that one.
 */
export async function freePorts(count: number): Promise<number[]> {
	// All are held open until the last is known, so that none is given out twice.
	const held = new Map<number, Server>();
	const end = firstOutgoing();
	try {
		for (let tries = 0; held.size < count; tries++) {
			if (tries === MOST_TRIES) throw new Error(`no ${count} free ports from ${LOWEST} to ${end - 1}`);
			const port = randomInt(LOWEST, end);
			const server = await hold(port);
			if (server) held.set(port, server);
		}
		return [...held.keys()];
	} finally {
		await Promise.all([...held.values()].map((server) => new Promise((resolve) => server.close(resolve))));
	}
}

/** Undefined where the port is taken. */
function hold(port: number): Promise<Server | undefined> {
	const server = createServer();
	return new Promise((resolve) => {
		server.once('error', () => resolve(undefined)).listen(port, '127.0.0.1', () => resolve(server));
	});
}

/** Where the range of ports for outgoing connections begins; the end of all ports where it leaves too few below it. */
function firstOutgoing(): number {
	try {
		const first = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/)[0]);
		return first > LOWEST + MOST_TRIES ? first : 65_536;
	} catch {
		// Not Linux; most others begin higher.
		return 32_768;
	}
}
