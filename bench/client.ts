/** One keep-alive connection, one call at a time: as kube-scheduler's serial loop does. */

import { once } from 'node:events';
import { Agent, request } from 'node:http';

export class Client {
	readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

	/** From the first byte sent to the last byte received, in milliseconds. Rejects unless the answer is 200. */
	async time(url: string, body: Buffer): Promise<number> {
		const begun = performance.now();
		await this.send('POST', url, body);
		return performance.now() - begun;
	}

	async send(method: string, url: string, body: Buffer): Promise<Buffer> {
		const headers = { 'content-type': 'application/json', 'content-length': body.length };
		const sent = request(url, { method, agent: this.#agent, headers });
		sent.end(body);
		const [answer] = await once(sent, 'response');
		const chunks: Buffer[] = [];
		for await (const chunk of answer) chunks.push(chunk);
		const received = Buffer.concat(chunks);
		if (answer.statusCode !== 200)
			throw new Error(`${url} → ${answer.statusCode} ${received.toString().slice(0, 300)}`);
		return received;
	}

	close(): void {
		this.#agent.destroy();
	}
}
