// What a topobind process takes, after its garbage was collected; asked through its inspector.

import { readFile } from 'node:fs/promises';
import type { Topobind } from '../cluster/topobind.ts';

const MIB = 2 ** 20;

export interface Memory {
	/** MiB. */
	readonly heap: number;
	readonly rss: number;
}

/**
 * Between the first third and the end, in MiB. Of the heap, what is kept on purpose is bounded well below. The whole process goes up
 * and down by what Node has not given back yet: its bound is for what no heap shows, as buffers.
 */
const MOST_GROWTH: Memory = { heap: 16, rss: 64 };

/** Given what it was at the start, after a third and at the end. */
export function grown([, early, late]: readonly Memory[]): string[] {
	return (['heap', 'rss'] as const).flatMap((what) => {
		const by = (late?.[what] ?? 0) - (early?.[what] ?? 0);
		return by > MOST_GROWTH[what] ? [`the ${what} has grown by ${by} MiB`] : [];
	});
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
