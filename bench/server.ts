/** A server under test, as a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const START_TIMEOUT_MS = 120_000;

export interface Server {
	readonly url: string;
	/** From its start until it listened. */
	readonly startSeconds: number;
	stop(): Promise<void>;
}

/** The echo server of echo.ts. */
export function startEcho(): Promise<Server> {
	return start([file('./echo.ts')]);
}

/** topobind on manifests, as a person would start it, with the log level it has by default. */
export function startTopobind(manifests: string): Promise<Server> {
	const listen = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
	return start([file('../src/main.ts'), 'serve', '--manifests', manifests, ...listen]);
}

function file(path: string): string {
	return fileURLToPath(new URL(path, import.meta.url));
}

async function start(args: readonly string[]): Promise<Server> {
	const begun = performance.now();
	const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
	const stop = async () => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		child.kill();
		await once(child, 'exit');
	};
	try {
		const url = await listening(child);
		return { url, startSeconds: (performance.now() - begun) / 1000, stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

/** The URL from the log line that says `"msg":"listening"`. Rejects if the process ends, or is silent for too long. */
function listening(child: ChildProcess): Promise<string> {
	const { promise, resolve, reject } = Promise.withResolvers<string>();
	const timer = setTimeout(() => reject(new Error('the server did not listen in time')), START_TIMEOUT_MS);
	child.once('exit', (code) => reject(new Error(`the server ended with code ${code} before it listened`)));
	if (child.stdout) {
		// Read to the end, also after the line is found: a full pipe would stop the server.
		createInterface({ input: child.stdout }).on('line', (line) => {
			const url = extenderUrl(line);
			if (url) resolve(url);
		});
	}
	return promise.finally(() => clearTimeout(timer));
}

function extenderUrl(line: string): string | undefined {
	if (!line.startsWith('{')) return undefined;
	const { msg, extender } = JSON.parse(line);
	return msg === 'listening' ? extender : undefined;
}
