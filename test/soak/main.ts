// npm run soak: random churn with every fault at random; at the end every invariant of docs/reliability.md is checked,
// and that memory has not grown.
//
//   --minutes 10   how long the trouble lasts
//   --seed N       of the choices; timing makes each run different all the same

import { within } from './bounded.ts';
import { readFlags, UsageError } from './flags.ts';
import { Ground } from './ground.ts';
import { Soak } from './soak.ts';

const START_MS = 180_000;
const STOP_MS = 120_000;

process.exitCode = await main();
// What has stalled would keep the process; what it has started ends with it.
process.exit();

/** 0: every invariant holds; 1: something does not, or the soak could not go on; 2: it was not asked rightly. */
async function main(): Promise<number> {
	try {
		const flags = readFlags(process.argv.slice(2));
		console.log(`seed ${flags.seed}, ${flags.minutes} minutes`);
		const ground = await within(START_MS, () => 'the start', Ground.start());
		try {
			return conclude(await new Soak(ground, flags).run());
		} finally {
			await within(STOP_MS, () => 'the end', ground.stop());
		}
	} catch (error) {
		console.error(error instanceof UsageError ? error.message : error);
		return error instanceof UsageError ? 2 : 1;
	}
}

function conclude(problems: readonly string[]): number {
	for (const problem of problems) console.error(problem);
	console.log(problems.length === 0 ? 'every invariant holds' : `${problems.length} problems`);
	return problems.length === 0 ? 0 : 1;
}
