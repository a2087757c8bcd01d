// What a soak says of itself.

import type { Topobind } from '../cluster/topobind.ts';
import type { Soak } from './soak.ts';

/** A line about how far it is. */
export function told({ churn, trouble, ground }: Pick<Soak, 'churn' | 'trouble' | 'ground'>): string {
	const { state } = ground.cache;
	const { counts, running, longest } = ground.checks.binds;
	return [
		`${sum(churn.counts)} changes, ${sum(trouble.counts)} troubles`,
		`${state.all('Pod').size} pods wait, ${state.all('PersistentVolumeClaim').size} claims, ${state.all('PersistentVolume').size} volumes`,
		`${sum(counts)} bind calls (${counts.bound ?? 0} bound, ${running} run, the longest took ${longest} ms)`,
		`${ground.checks.problems.length} problems`,
	].join('; ');
}

/** How the binds of a replica ended, from its metrics. */
export async function bindsOf({ admin }: Topobind): Promise<Record<string, number>> {
	const metrics = await (await fetch(`${admin}/metrics`)).text();
	const matches = metrics.matchAll(/^topobind_binds_total\{result="(\w+)"\} (\d+)/gm);
	return Object.fromEntries([...matches].map(([, result, count]) => [result, Number(count)]));
}

function sum(counts: Readonly<Record<string, number>>): number {
	return Object.values(counts).reduce((total, count) => total + count, 0);
}
