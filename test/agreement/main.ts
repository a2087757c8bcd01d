// Compares topobind with kube-scheduler's own plugins:
//
//   node test/agreement/main.ts [--seeds N] [--from S] [--save] [MANIFEST…]
//
// Exit codes: 0 they agree, 1 they do not, 2 it could not be found out.

import { addCounts, type Comparison, type Counts, compare, type Disagreement, NO_COUNTS } from './compare/compare.ts';
import { DIFFERENCES } from './compare/differences.ts';
import { describe, fixtures, manifestText, readManifests, saveFixture } from './compare/fixtures.ts';
import { shrink } from './compare/shrink.ts';
import { generateCluster } from './generate/cluster.ts';
import { BuildError, buildOracle } from './harness/build.ts';
import { Oracle } from './harness/oracle.ts';
import { Topobind } from './harness/topobind.ts';
import type { Manifest } from './manifest.ts';
import { type Options, readOptions, UsageError } from './options.ts';

/** More than these tell nothing new, and each takes a while to shrink. */
const MOST_SHOWN = 3;
const PROGRESS_MS = 5_000;

interface Sides {
	readonly oracle: Oracle;
	readonly topobind: Topobind;
}

try {
	const options = readOptions(process.argv.slice(2), 200, '[--seeds N] [--from S] [--save] [MANIFEST…]');
	const oracle = new Oracle(await buildOracle(log));
	const sides = { oracle, topobind: await Topobind.start() };
	const agreed = await run(options, sides).finally(() => Promise.all([oracle.stop(), sides.topobind.stop()]));
	process.exitCode = agreed ? 0 : 1;
} catch (error) {
	const expected = error instanceof UsageError || error instanceof BuildError;
	log(expected ? error.message : (error as Error).stack);
	process.exitCode = 2;
}

async function run(options: Options, sides: Sides): Promise<boolean> {
	const clusters = options.words.length > 0 ? fromFiles(options.words) : fromSeeds(options);
	const start = performance.now();
	let told = start;
	let counts = NO_COUNTS;
	let number = 0;
	let disagreeing = 0;
	for (const { name, manifests } of clusters) {
		const result = await compare(manifests, sides.oracle, sides.topobind);
		counts = addCounts(counts, result.counts);
		number++;
		if (result.disagreements.length > 0 && disagreeing++ < MOST_SHOWN) {
			await show(name, manifests, result, sides, options.save);
		}
		if (performance.now() - told > PROGRESS_MS) {
			told = performance.now();
			log(`${number} clusters, ${counts.verdicts} verdicts, ${disagreeing} with disagreements`);
		}
	}
	const seconds = ((performance.now() - start) / 1000).toFixed(1);
	log(summary(number, disagreeing, counts, seconds));
	return disagreeing === 0;
}

interface NamedCluster {
	readonly name: string;
	readonly manifests: readonly Manifest[];
}

/** What they once disagreed on comes first. */
function* fromSeeds({ seeds, from }: Options): Iterable<NamedCluster> {
	yield* fixtures();
	for (let seed = from; seed < from + seeds; seed++) yield { name: `seed-${seed}`, manifests: generateCluster(seed) };
}

function fromFiles(files: readonly string[]): NamedCluster[] {
	return files.map((file) => ({ name: file, manifests: readManifests(file) }));
}

async function show(
	name: string,
	manifests: readonly Manifest[],
	{ disagreements }: Comparison,
	{ oracle, topobind }: Sides,
	save: boolean,
): Promise<void> {
	const { pod, kind } = disagreements[0] as Disagreement;
	log(`${name}: they disagree on ${disagreements.length} verdicts; shrinking the first…`);
	const find = async (candidate: readonly Manifest[]) => {
		// What either of them cannot read shows nothing.
		const result = await compare(candidate, oracle, topobind).catch(() => undefined);
		return result?.disagreements.find((found) => found.pod === pod && found.kind === kind);
	};
	const small = await shrink(manifests, pod, async (candidate) => (await find(candidate)) !== undefined);
	const left = (await find(small)) ?? (disagreements[0] as Disagreement);
	for (const line of describe(left)) log(`  ${line}`);
	if (save) log(`  saved as ${saveFixture(name, small, left)}`);
	else console.log(manifestText(small));
}

function summary(clusters: number, disagreeing: number, counts: Counts, seconds: string): string {
	const { pods, verdicts, refused, ambiguous, errors, nodeErrors, sourced, bySource, goodSources, differences } =
		counts;
	const forSources = Object.entries(bySource).map(([code, times]) => `${times} ${code}`);
	const other = differences.reduce((sum, times) => sum + times, 0);
	return [
		`${clusters} clusters, ${pods} pods, ${verdicts} verdicts in ${seconds} s; ${refused} of them refusals`,
		`${ambiguous} verdicts depend on which of several equal volumes is seen first (topobind: the first by name)`,
		`${errors} pods end in an error of kube-scheduler, ${nodeErrors} of them because of some nodes only`,
		`${sourced} clusters have claims with sources, which kube-scheduler does not look at; the others have none`,
		`refused for their sources: ${forSources.join(', ')}; passed with a good one: ${goodSources}`,
		`${refused - other} refusals have the reason that kube-scheduler tells first, ${other} another one:`,
		...DIFFERENCES.map(({ what }, i) => `  ${differences[i]} times ${what}`),
		disagreeing === 0 ? 'no disagreement' : `${disagreeing} clusters with disagreements`,
	].join('\n');
}

function log(line: string | undefined): void {
	console.error(line);
}
