// Proves that agreement can fail: breaks one rule after the other and looks for a disagreement.
//
//   node test/agreement/faults.ts [--seeds N] [--from S] [WORD…]
//
// With words, only faults whose description has one of them. Exit codes as in main.ts.

import { compare } from './compare/compare.ts';
import { describe } from './compare/fixtures.ts';
import { apply, copyWith } from './faults/copy.ts';
import { FAULTS } from './faults/list.ts';
import { generateCluster } from './generate/cluster.ts';
import { buildOracle } from './harness/build.ts';
import { type Judgements, Oracle } from './harness/oracle.ts';
import { Topobind } from './harness/topobind.ts';
import type { Manifest } from './manifest.ts';
import { readOptions } from './options.ts';

type Fault = (typeof FAULTS)[number];

interface JudgedCluster {
	readonly manifests: readonly Manifest[];
	readonly judgements: Judgements;
}

try {
	const { seeds, from, words } = readOptions(process.argv.slice(2), 400, '[--seeds N] [--from S] [WORD…]');
	const faults = FAULTS.filter(({ what }) => words.length === 0 || words.some((word) => what.includes(word)));
	// Before anything takes time.
	for (const fault of faults) apply(fault);
	const oracle = new Oracle(await buildOracle(console.error));
	process.exitCode = (await tryAll(faults, from, seeds, oracle).finally(() => oracle.stop())) ? 0 : 1;
} catch (error) {
	console.error((error as Error).message);
	process.exitCode = 2;
}

async function tryAll(faults: readonly Fault[], from: number, seeds: number, oracle: Oracle): Promise<boolean> {
	// kube-scheduler's verdict is the same for every fault.
	const judged: JudgedCluster[] = [];
	const clusterAt = async (index: number) => {
		const manifests = judged[index]?.manifests ?? generateCluster(from + index);
		judged[index] ??= { manifests, judgements: await oracle.judge(manifests) };
		return judged[index];
	};
	const missed: string[] = [];
	for (const fault of faults) {
		const found = await find(fault, seeds, clusterAt);
		if (!found) missed.push(fault.what);
		console.log(`${found ?? `NOT FOUND in ${seeds} seeds`}: ${fault.what}`);
	}
	console.log(`${faults.length - missed.length} of ${faults.length} faults found`);
	for (const what of missed) console.log(`not found: ${what}`);
	return missed.length === 0;
}

/** Which cluster shows the fault, and how. */
async function find(
	fault: Fault,
	seeds: number,
	clusterAt: (index: number) => Promise<JudgedCluster>,
): Promise<string | undefined> {
	const { root, remove } = copyWith(fault);
	const topobind = await Topobind.start(root);
	try {
		for (let index = 0; index < seeds; index++) {
			const { manifests, judgements } = await clusterAt(index);
			const { disagreements } = await compare(manifests, { judge: async () => judgements }, topobind);
			const failure = disagreements.find(
				({ kind }) => kind === 'failure' || (kind === 'verdict' && fault.kind === 'reason'),
			);
			if (failure) throw new Error(`"${fault.what}" breaks more than it should: ${describe(failure).join('; ')}`);
			if (!disagreements.some(({ kind }) => kind === fault.kind)) continue;
			return `seed +${index}, a ${fault.kind}`;
		}
		return undefined;
	} finally {
		await topobind.stop();
		remove();
	}
}
