// npm run soak: random churn with every fault at random; at the end every invariant of docs/reliability.md is checked,
// and that memory has not grown.
//
//   --minutes 10   how long the trouble lasts
//   --seed N       of the choices; timing makes each run different all the same

import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Topobind } from '../cluster/topobind.ts';
import { Churn } from './churn.ts';
import { Ground } from './ground.ts';
import { type Memory, memoryOf } from './memory.ts';
import { Random } from './random.ts';
import { settle } from './settle.ts';
import { Trouble } from './trouble.ts';

const CHURN_EVERY_MS = 100;
const TROUBLE_EVERY_MS = 1_000;
const SETTLE_MS = 150_000;
/** Of the heap, between the first third and the end, in MiB. What is kept on purpose is bounded well below. */
const MOST_GROWTH = 16;

const { values: flags } = parseArgs({
	options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const seed = Number(flags.seed ?? Date.now() % 1_000_000);
const durationMs = Number(flags.minutes) * 60_000;
console.log(`seed ${seed}, ${flags.minutes} minutes`);

const ground = await Ground.start();
const survivor = ground.topobinds[1] as Topobind;
const churn = new Churn(ground, new Random(seed));
const trouble = new Trouble(ground, new Random(seed + 1));
const problems: string[] = [];
try {
	const over = Date.now() + durationMs;
	const memory: Memory[] = [await memoryOf(survivor)];
	trouble.begin();
	const repeat = async (step: () => Promise<void>, everyMs: number) => {
		while (Date.now() < over) {
			await step();
			await pause(everyMs);
		}
	};
	const measure = async () => {
		await pause(durationMs / 3);
		memory.push(await memoryOf(survivor));
	};
	await Promise.all([
		repeat(() => ground.exclusively(() => churn.step()), CHURN_EVERY_MS),
		repeat(() => trouble.step(), TROUBLE_EVERY_MS),
		measure(),
	]);
	trouble.end();
	console.log('trouble is over; settling');
	problems.push(...(await settle(ground, SETTLE_MS)));
	memory.push(await memoryOf(survivor));
	problems.push(...grown(memory));
	console.log('done:', churn.counts);
	console.log('went wrong:', trouble.counts);
	console.log('binds:', await bindsOf(survivor));
	console.table(memory.map((each, i) => ({ when: ['start', 'a third', 'end'][i], ...each })));
	if (!survivor.process.alive()) problems.push('the replica that was never killed has ended');
} finally {
	await ground.stop();
}
for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? 'every invariant holds' : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

function grown([, early, late]: readonly Memory[]): string[] {
	const by = (late?.heap ?? 0) - (early?.heap ?? 0);
	return by > MOST_GROWTH ? [`the heap has grown by ${by} MiB`] : [];
}

/** How the binds of the replica ended, from its metrics. */
async function bindsOf({ admin }: Topobind): Promise<Record<string, number>> {
	const metrics = await (await fetch(`${admin}/metrics`)).text();
	const matches = metrics.matchAll(/^topobind_binds_total\{result="(\w+)"\} (\d+)/gm);
	return Object.fromEntries([...matches].map(([, result, count]) => [result, Number(count)]));
}
