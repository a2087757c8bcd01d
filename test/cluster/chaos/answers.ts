// What the proxy answers in place of the API server.

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** reset: the connection breaks. silence: nothing comes until the client gives up. cut: half of the answer comes. */
type Breakdown = 'reset' | 'silence' | 'cut';
interface Answer {
	readonly status: number;
	readonly reason?: string;
	readonly headers?: Readonly<Record<string, string>>;
}
export type Step = Breakdown | Answer | undefined;

/** What happens to a call. A function is waited for, and may decide then. */
export interface Fault {
	/** Instead of forwarding it. */
	readonly before?: Step | (() => Promise<Step> | Step);
	/** Instead of answering, when the API server has carried it out. */
	readonly after?: Step | (() => Promise<Step> | Step);
}

export async function decide(step: Fault['before']): Promise<Step> {
	return typeof step === 'function' ? step() : step;
}

/** Gives the call this instead of an answer. */
export async function give(step: NonNullable<Step>, outgoing: ServerResponse, answer = Buffer.alloc(0)): Promise<void> {
	if (step === 'reset') breakOff(outgoing);
	else if (step === 'silence') await once(outgoing, 'close');
	else if (step === 'cut') cut(outgoing, answer);
	else refuse(outgoing, step);
}

/** As a network that breaks; on an encrypted connection, without the goodbye that TLS has. */
export function breakOff({ socket }: ServerResponse): void {
	if (!socket) return;
	if ('encrypted' in (socket as Duplex)) socket.destroy();
	else socket.resetAndDestroy();
}

function cut(outgoing: ServerResponse, answer: Buffer): void {
	outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
	outgoing.write(answer.subarray(0, answer.length / 2), () => outgoing.destroy());
}

export function refuse(outgoing: ServerResponse, { status, reason = '', headers = {} }: Answer): void {
	const body = {
		kind: 'Status',
		apiVersion: 'v1',
		status: 'Failure',
		code: status,
		reason,
		message: `scripted ${status}`,
	};
	outgoing.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
