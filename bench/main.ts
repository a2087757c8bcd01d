/**
 * npm run bench [-- --quick] [--write docs/performance.md]
 *
 * Times topobind's filter and prioritize beside a plain node:http server on the same bytes, in the same run. Absolute
 * times depend on the machine; the ratios are what counts.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from './client.ts';
import type { Manifest } from './cluster.ts';
import { type Effort, measure, QUICK, THOROUGH } from './measure.ts';
import { bytes, ms, ratio, table, writeBetweenMarkers } from './report.ts';
import { byNodes, byVolumes, extenderArgs, type Scenario, type Stage } from './scenarios.ts';
import { type Server, startEcho, startTopobind } from './server.ts';
import { benchSnapshots } from './snapshots.ts';

const flags = readFlags();
const effort: Effort = flags.quick ? QUICK : THOROUGH;
const client = new Client();
const folder = mkdtempSync(join(tmpdir(), 'topobind-bench-'));
const echo = await startEcho();
try {
	const snapshots = await benchSnapshots(client, effort, startOn);
	const text = [setting(), await benchByNodes(), await benchByVolumes(), snapshots].join('\n\n');
	process.stdout.write(`${text}\n`);
	if (flags.write) writeBetweenMarkers(flags.write, text);
} finally {
	await echo.stop();
	client.close();
	rmSync(folder, { recursive: true });
}

function readFlags(): { readonly quick?: boolean; readonly write?: string } {
	const usage = 'npm run bench [-- --quick] [--write FILE]';
	const options = { quick: { type: 'boolean' }, write: { type: 'string' }, help: { type: 'boolean' } } as const;
	try {
		const { values } = parseArgs({ options });
		if (!values.help) return values;
		console.log(usage);
		process.exit(0);
	} catch (error) {
		console.error(`${(error as Error).message}\n${usage}`);
		process.exit(2);
	}
}

function setting(): string {
	const date = new Date().toISOString().slice(0, 10);
	return `${date}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}${flags.quick ? ', --quick' : ''}.`;
}

/** Against an echo of the same bytes, and against a server whose answer, the same as topobind's, is made before. */
async function benchByNodes(): Promise<string> {
	const rows = await onStage(byNodes, async (scenario, server) => {
		const body = extenderArgs(scenario);
		const answer = await client.send('POST', `${server.url}/${scenario.verb}`, body);
		await client.send('PUT', `${echo.url}/ready-made`, answer);
		const timings = await measure(
			client,
			[
				{ name: 'topobind', url: `${server.url}/${scenario.verb}`, body },
				{ name: 'echo', url: `${echo.url}/echo`, body },
				{ name: 'ready-made', url: `${echo.url}/ready-made`, body },
			],
			effort,
		);
		const [own, echoed, made] = ['topobind', 'echo', 'ready-made'].map((name) => timings.get(name));
		if (!own || !echoed || !made) throw new Error('a target was not measured');
		return [
			`${scenario.verb}, ${scenario.title}`,
			`${bytes(body.length)} / ${bytes(answer.length)}`,
			`${ms(own.p50)} / ${ms(own.p99)}`,
			`${ms(echoed.p50)} / ${ms(echoed.p99)}`,
			ratio(own.p50, echoed.p50),
			ratio(own.p99, echoed.p99),
			`${ms(made.p50)} / ${ms(made.p99)}`,
			ratio(own.p50, made.p50),
			String(own.calls),
		];
	});
	return table(
		[
			'call',
			'in / out',
			'topobind ms p50 / p99',
			'echo',
			'ratio p50',
			'ratio p99',
			'ready-made answer',
			'ratio p50',
			'calls',
		],
		rows,
	);
}

/** The same calls while the number of volumes grows; the ratio is to the fewest. */
async function benchByVolumes(): Promise<string> {
	const fewest = new Map<string, number>();
	const rows: string[][] = [];
	for (const stage of byVolumes) {
		const measured = await onStage(stage, async (scenario, server) => {
			const url = `${server.url}/${scenario.verb}`;
			const body = extenderArgs(scenario);
			const answer = JSON.parse((await client.send('POST', url, body)).toString());
			const timing = (await measure(client, [{ name: 'topobind', url, body }], effort)).get('topobind');
			if (!timing) throw new Error('topobind was not measured');
			const call = `${scenario.verb}, ${scenario.title}`;
			const floor = fewest.get(call) ?? timing.p50;
			fewest.set(call, floor);
			const passed = answer.NodeNames === undefined ? '' : String(answer.NodeNames.length);
			return [call, stage.title, `${ms(timing.p50)} / ${ms(timing.p99)}`, ratio(timing.p50, floor), passed];
		});
		rows.push(...measured);
	}
	rows.sort(([a = ''], [b = '']) => a.localeCompare(b));
	return table(['call, 5000 names', 'cluster', 'ms p50 / p99', 'to the fewest', 'nodes that pass'], rows);
}

/** Starts topobind on the stage's cluster, runs its scenarios, and stops it. */
async function onStage(
	stage: Stage,
	run: (scenario: Scenario, server: Server) => Promise<string[]>,
): Promise<string[][]> {
	const server = await startOn(stage.title, stage.manifests());
	try {
		const rows: string[][] = [];
		for (const scenario of stage.scenarios) {
			note(`  ${scenario.verb}, ${scenario.title}`);
			rows.push(await run(scenario, server));
		}
		return rows;
	} finally {
		await server.stop();
	}
}

/** topobind on these manifests. */
async function startOn(title: string, manifests: readonly Manifest[]): Promise<Server> {
	const file = join(folder, 'cluster.json');
	writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }));
	const server = await startTopobind(file);
	note(`${title}: topobind listened after ${server.startSeconds.toFixed(1)} s`);
	return server;
}

function note(line: string): void {
	process.stderr.write(`${line}\n`);
}
