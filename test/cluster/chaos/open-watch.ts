// One watch on its way through the proxy, line by line.

import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { breakOff } from './answers.ts';

/** How the lines of a watch reach the client. mute: they do not, and nobody is told; for good, as no API server goes on after a gap. */
export type Delivery = 'whole' | 'twice' | 'in pieces' | 'mute';

export class OpenWatch {
	readonly path: string;
	/** Epoch milliseconds. */
	readonly openedAt = Date.now();
	#delivery: Delivery = 'whole';
	readonly #outgoing: ServerResponse;
	readonly #lagMs: number;
	/** What waits for `release`. */
	#held: Buffer[] | undefined;
	#rest = Buffer.alloc(0);
	#pieces: Promise<void> = Promise.resolve();

	constructor(path: string, outgoing: ServerResponse, lagMs: number) {
		this.path = path;
		this.#outgoing = outgoing;
		this.#lagMs = lagMs;
	}

	set delivery(delivery: Delivery) {
		if (this.#delivery !== 'mute') this.#delivery = delivery;
	}

	/** Takes what the API server sent, cut anywhere. */
	pass(chunk: Buffer): void {
		let bytes = Buffer.concat([this.#rest, chunk]);
		for (let end = bytes.indexOf('\n'); end !== -1; end = bytes.indexOf('\n')) {
			const line = bytes.subarray(0, end + 1);
			if (this.#lagMs === 0) this.#deliver(line);
			else setTimeout(() => this.#deliver(line), this.#lagMs);
			bytes = bytes.subarray(end + 1);
		}
		this.#rest = bytes;
	}

	/** From now on lines wait, until `release`. */
	hold(): void {
		this.#held ??= [];
	}

	release(): void {
		const held = this.#held ?? [];
		this.#held = undefined;
		for (const line of held) this.#deliver(line);
	}

	/** An ERROR event, such as an API server sends when a version is too old. */
	error(code: number, reason: string): void {
		const object = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `scripted ${reason}` };
		this.#write(`${JSON.stringify({ type: 'ERROR', object })}\n`);
	}

	/** Half of a line, and then the connection breaks. */
	cutInLine(): void {
		this.#outgoing.write('{"type":"MODIFIED","object":{"metadata":{"na', () => this.reset());
	}

	/** As a network that breaks. */
	reset(): void {
		breakOff(this.#outgoing);
	}

	/** As a server whose time for it is over. */
	end(): void {
		this.#outgoing.end();
	}

	#deliver(line: Buffer): void {
		if (this.#delivery === 'mute') return;
		if (this.#held) {
			this.#held.push(line);
			return;
		}
		if (this.#delivery === 'in pieces') {
			this.#pieces = this.#pieces.then(() => this.#deliverInPieces(line));
			return;
		}
		this.#write(line);
		if (this.#delivery === 'twice') this.#write(line);
	}

	/** Each with a moment of its own: what is written at once arrives at once. */
	async #deliverInPieces(line: Buffer): Promise<void> {
		const size = Math.ceil(line.length / 3);
		for (let at = 0; at < line.length; at += size) {
			this.#write(line.subarray(at, at + size));
			await pause(5);
		}
	}

	/** What is late may come when the watch has ended. */
	#write(bytes: Buffer | string): void {
		if (!this.#outgoing.writableEnded) this.#outgoing.write(bytes);
	}
}
