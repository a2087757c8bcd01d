// Which lines of kube-scheduler's rules the generated clusters reach, and which they do not:
//
//   node test/agreement/coverage.ts [--seeds N] [--from S]

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { go } from '../cluster/build/go.ts';
import { OUT_OF_REACH, RULES } from './compare/rules.ts';
import { generateCluster } from './generate/cluster.ts';
import { buildOracle, oracleDir } from './harness/build.ts';
import { Oracle } from './harness/oracle.ts';
import { readOptions } from './options.ts';

interface Block {
	readonly file: string;
	readonly first: number;
	readonly statements: number;
	readonly reached: boolean;
}

interface Func {
	readonly file: string;
	readonly name: string;
	readonly line: number;
}

const dir = mkdtempSync(join(tmpdir(), 'agreement-coverage-'));
try {
	await measure();
	const profile = join(dir, 'profile');
	await go(['tool', 'covdata', 'textfmt', `-i=${dir}`, `-o=${profile}`], oracleDir);
	const functions = functionsIn(await go(['tool', 'cover', `-func=${profile}`], oracleDir));
	const complete = report(functions, blocksIn(readFileSync(profile, 'utf8')));
	process.exitCode = complete ? 0 : 1;
} finally {
	rmSync(dir, { recursive: true });
}

async function measure(): Promise<void> {
	const { seeds, from } = readOptions(process.argv.slice(2), 300, '[--seeds N] [--from S]');
	const oracle = new Oracle(await buildOracle((line) => console.error(line), true), { GOCOVERDIR: dir });
	for (let seed = from; seed < from + seeds; seed++) await oracle.judge(generateCluster(seed));
	await oracle.stop();
}

function blocksIn(profile: string): Block[] {
	const lines = profile.matchAll(/^(\S+):(\d+)\.\d+,\d+\.\d+ (\d+) (\d+)$/gm);
	return Array.from(lines, ([, file = '', first, statements, count]) => ({
		file,
		first: Number(first),
		statements: Number(statements),
		reached: count !== '0',
	}));
}

function functionsIn(listing: string): Func[] {
	const lines = listing.matchAll(/^(\S+):(\d+):\s+(\S+)/gm);
	return Array.from(lines, ([, file = '', line, name = '']) => ({ file, name, line: Number(line) }));
}

/** True where nothing is missed that could be reached. */
function report(functions: readonly Func[], blocks: readonly Block[]): boolean {
	const known = new Map(Object.entries(OUT_OF_REACH).flatMap(([why, places]) => places.map((place) => [place, why])));
	const unexplained: string[] = [];
	const stale = new Set(known.keys());
	let reached = 0;
	let all = 0;
	for (const [ending, names] of Object.entries(RULES)) {
		const inFile = functions.filter(({ file }) => file.endsWith(`/${ending}`)).sort((a, b) => a.line - b.line);
		for (const name of names) if (!inFile.some((func) => func.name === name)) unexplained.push(`${ending}: no ${name}`);
		for (const [i, func] of inFile.entries()) {
			if (!names.includes(func.name)) continue;
			const end = inFile[i + 1]?.line ?? Number.POSITIVE_INFINITY;
			for (const block of blocks) {
				if (block.file !== func.file || block.first < func.line || block.first >= end) continue;
				const place = `${ending}:${block.first}`;
				all += block.statements;
				if (block.reached) reached += block.statements;
				else if (known.has(place)) stale.delete(place);
				else unexplained.push(`${place} in ${func.name} was not reached`);
			}
		}
	}
	console.log(`${reached} of ${all} statements reached (${((100 * reached) / all).toFixed(1)} %)`);
	for (const [why, places] of Object.entries(OUT_OF_REACH))
		console.log(`out of reach: ${places.length} places, ${why}`);
	for (const place of stale) unexplained.push(`${place} is listed as out of reach, but was reached or is not there`);
	for (const line of unexplained) console.log(line);
	return unexplained.length === 0;
}
