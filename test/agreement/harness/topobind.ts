/** topobind's extender in a process of its own, asked over HTTP as kube-scheduler does. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'undici';
import type { Manifest } from '../manifest.ts';
import { LineProcess } from './child.ts';

/** The checkout that this file is in. */
export const checkout: string = fileURLToPath(new URL('../../..', import.meta.url));

/** The nodes that a filter call refused, each with its message; or what else the call came to. */
export interface FilterAnswer {
	readonly refused: ReadonlyMap<string, string>;
	readonly failure?: string;
}

interface FilterResult {
	readonly NodeNames: readonly string[] | null;
	readonly FailedNodes: Readonly<Record<string, string>>;
	readonly FailedAndUnresolvableNodes: Readonly<Record<string, string>>;
	readonly Error: string;
}

export class Topobind {
	readonly #process: LineProcess;
	readonly #client: Client;

	private constructor(process: LineProcess, origin: string) {
		this.#process = process;
		this.#client = new Client(origin);
	}

	/** Runs the sources of this checkout, or of a copy of it. */
	static async start(root: string = checkout): Promise<Topobind> {
		const process_ = new LineProcess(process.execPath, [join(root, 'test/agreement/harness/server.ts')]);
		return new Topobind(process_, await process_.line());
	}

	async load(manifests: readonly Manifest[]): Promise<void> {
		const { status, text } = await this.#post('/cluster', { kind: 'List', items: manifests });
		if (status !== 200) throw new Error(`topobind cannot read the cluster: ${text}`);
	}

	async filter(pod: Manifest, nodes: readonly string[]): Promise<FilterAnswer> {
		const { status, text } = await this.#post('/filter', { Pod: pod, Nodes: null, NodeNames: nodes });
		if (status !== 200) return { refused: new Map(), failure: `status ${status}: ${text}` };
		const result = JSON.parse(text) as FilterResult;
		const refused = new Map(Object.entries(result.FailedAndUnresolvableNodes));
		const failure = malformed(result, refused, nodes);
		return failure === undefined ? { refused } : { refused, failure };
	}

	async stop(): Promise<void> {
		await this.#client.destroy();
		await this.#process.stop();
	}

	async #post(path: string, body: unknown): Promise<{ status: number; text: string }> {
		const headers = { 'content-type': 'application/json' };
		const answer = await this.#client.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
		return { status: answer.statusCode, text: await answer.body.text() };
	}
}

/** Each node must either pass or be refused for good. */
function malformed(result: FilterResult, refused: ReadonlyMap<string, string>, nodes: readonly string[]) {
	if (result.Error !== '') return `Error: ${result.Error}`;
	if (Object.keys(result.FailedNodes).length > 0) return 'FailedNodes is not empty';
	const passed = new Set(result.NodeNames ?? []);
	const lost = nodes.find((node) => passed.has(node) === refused.has(node));
	if (lost !== undefined) return `${lost} is both passed and refused, or neither`;
	if (passed.size + refused.size !== nodes.length) return 'nodes that were not asked about';
	return undefined;
}
