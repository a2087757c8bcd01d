import { type AddressInfo, createServer } from 'node:net';

/** Free ports of the loopback interface, all different. */
export async function freePorts(count: number): Promise<number[]> {
	// All are held open until the last is known, so that none is given out twice.
	const servers = await Promise.all(
		Array.from({ length: count }, async () => {
			const server = createServer();
			await new Promise<void>((resolve, reject) => {
				server.once('error', reject).listen(0, '127.0.0.1', resolve);
			});
			return server;
		}),
	);
	const ports = servers.map((server) => (server.address() as AddressInfo).port);
	await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
	return ports;
}
