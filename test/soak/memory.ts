// What a topobind process takes, after its garbage was collected; asked through its inspector.

import { readFile } from 'node:fs/promises';
import type { Topobind } from '../cluster/topobind.ts';

const MIB = 2 ** 20;

export interface Memory {
	/** MiB. */
	readonly heap: number;
	readonly rss: number;
}

/** Of the heap, between the first third and the end, in MiB. What is kept on purpose is bounded well below. */
const MOST_GROWTH = 16;

/** Given what it was at the start, after a third and at the end. */
export function grown([, early, late]: readonly Memory[]): string[] {
	const by = (late?.heap ?? 0) - (early?.heap ?? 0);
	return by > MOST_GROWTH ? [`the heap has grown by ${by} MiB`] : [];
}

export async function memoryOf({ process }: Topobind): Promise<Memory> {
	const log = await readFile(process.logFile, 'utf8');
	const [, url] = /Debugger listening on (ws:\S+)/.exec(log) ?? [];
	if (!url) throw new Error('topobind runs without an inspector');
	const socket = new WebSocket(url);
	await new Promise((resolve, reject) => {
		socket.addEventListener('open', resolve, { once: true });
		socket.addEventListener('error', reject, { once: true });
	});
	try {
		// Twice: what the first frees may free more.
		for (let i = 0; i < 2; i++) await ask(socket, 'HeapProfiler.collectGarbage');
		const { result } = await ask(socket, 'Runtime.evaluate', {
			expression: 'JSON.stringify(process.memoryUsage())',
		});
		const { heapUsed, rss } = JSON.parse((result as { value: string }).value);
		return { heap: Math.round(heapUsed / MIB), rss: Math.round(rss / MIB) };
	} finally {
		socket.close();
	}
}

let id = 0;

function ask(socket: WebSocket, method: string, params: object = {}): Promise<Record<string, unknown>> {
	const own = ++id;
	const answered = Promise.withResolvers<Record<string, unknown>>();
	const listen = ({ data }: MessageEvent) => {
		const answer = JSON.parse(String(data));
		if (answer.id !== own) return;
		socket.removeEventListener('message', listen);
		if (answer.error) answered.reject(new Error(answer.error.message));
		else answered.resolve(answer.result);
	};
	socket.addEventListener('message', listen);
	socket.send(JSON.stringify({ id: own, method, params }));
	return answered.promise;
}
