/** A child process that answers each line with a line, in order. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

interface Waiting {
	readonly resolve: (line: string) => void;
	readonly reject: (error: Error) => void;
}

export class LineProcess {
	readonly #child: ChildProcessByStdio<Writable, Readable, null>;
	readonly #waiting: Waiting[] = [];
	readonly #exited: Promise<unknown>;

	constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
		this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
		createInterface({ input: this.#child.stdout }).on('line', (line) => this.#waiting.shift()?.resolve(line));
		this.#exited = once(this.#child, 'close');
		const fail = (error: Error) => {
			for (const { reject } of this.#waiting.splice(0)) reject(error);
		};
		this.#child.once('error', fail);
		this.#child.once('close', (code, signal) => fail(new Error(`${command} ended with ${code ?? signal}`)));
		// What is written to a process that has ended shows as its end.
		this.#child.stdin.on('error', () => {});
	}

	/** The next line; with `input`, the one that answers it. */
	async line(input?: string): Promise<string> {
		const answer = new Promise<string>((resolve, reject) => this.#waiting.push({ resolve, reject }));
		if (input !== undefined) this.#child.stdin.write(`${input}\n`);
		return answer;
	}

	/** Ends its input, upon which it ends by itself. */
	async stop(): Promise<void> {
		this.#child.stdin.end();
		await this.#exited;
	}
}
