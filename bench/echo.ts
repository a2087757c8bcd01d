/**
 * The floor: a plain node:http server, in a process of its own. POST /echo parses the body and serializes it back;
 * POST /ready-made parses it and answers with bytes made before, those last sent to PUT /ready-made.
 */

import { createServer, type IncomingMessage } from 'node:http';

let readyMade: Buffer = Buffer.from('{}');

const server = createServer(async (request, response) => {
	const body = await read(request);
	if (request.method === 'PUT') readyMade = body;
	const value = request.method === 'POST' ? JSON.parse(body.toString()) : {};
	const answer = request.url === '/echo' ? JSON.stringify(value) : readyMade;
	response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) });
	response.end(answer);
});

async function read(request: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk);
	return Buffer.concat(chunks);
}

server.listen(0, '127.0.0.1', () => {
	const address = server.address();
	if (address === null || typeof address === 'string') throw new Error('no port');
	process.stdout.write(`${JSON.stringify({ msg: 'listening', extender: `http://127.0.0.1:${address.port}` })}\n`);
});
