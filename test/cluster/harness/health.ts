import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { failure, type Running } from './processes.ts';

const retryMs = 50;

/**
 * Waits until a server answers 200. A server has no way to announce itself, so
 * this asks again and again; a process that ends meanwhile ends the wait.
 */
export async function untilHealthy(
	process: Running,
	url: string,
	options: { readonly caFile?: string; readonly timeoutMs?: number } = {},
): Promise<void> {
	const timeoutMs = options.timeoutMs ?? 60_000;
	const deadline = Date.now() + timeoutMs;
	let answer = 'no answer';
	while (Date.now() < deadline) {
		if (!process.alive()) {
			throw failure(`${process.name} ended at its start (${await process.exited})`, process);
		}
		answer = await ask(url, options.caFile);
		if (answer === 'healthy') return;
		await setTimeout(retryMs);
	}
	throw failure(`${process.name} is not healthy after ${timeoutMs} ms (${answer})`, process);
}

async function ask(url: string, caFile: string | undefined): Promise<string> {
	let agent: Agent | undefined;
	try {
		// Read each time: servers with a self-signed certificate write it when they start.
		const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
		agent = new Agent(ca === undefined ? {} : { connect: { ca } });
		const { statusCode, body } = await request(url, { dispatcher: agent });
		const text = await body.text();
		return statusCode === 200 ? 'healthy' : `status ${statusCode}: ${text}`;
	} catch (error) {
		return String(error);
	} finally {
		await agent?.close();
	}
}
