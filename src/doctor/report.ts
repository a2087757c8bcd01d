/** What the doctor found and did, for a person and for a program. */

import type { Treatment } from './treat.ts';

export interface PinReport {
	readonly code: string;
	readonly namespace: string;
	readonly claim: string;
	readonly node: string;
	readonly class: string;
	readonly message: string;
	readonly mend: string;
	readonly repair?: 'safe' | 'refused';
	readonly because?: string;
	readonly instead?: string;
	readonly outcome: Treatment['outcome'];
	readonly problem?: string;
}

export function pinReports(treatments: readonly Treatment[]): PinReport[] {
	return treatments.map(({ finding, verdict, outcome, problem }) => {
		const { code, claim, node, message, mend } = finding;
		const { namespace, name, className } = claim;
		return {
			...{ code, namespace, claim: name, node, class: className, message, mend },
			...verdict,
			outcome,
			...(problem !== undefined && { problem }),
		};
	});
}

export function pinText(treatments: readonly Treatment[]): string {
	if (treatments.length === 0)
		return 'Every pinned claim can be provisioned where it is pinned, as far as can be told.\n';
	return `${pinReports(treatments).map(textOf).join('\n')}\n${summaryOf(treatments)}\n`;
}

function textOf(report: PinReport): string {
	const { namespace, claim, node, code, message, mend, repair, because, instead, problem } = report;
	const lines: [string, string | undefined][] = [
		['why', message],
		['mend', mend],
		[repair ?? '', because],
		['instead', instead],
		['done', DONE[report.outcome]],
		['problem', problem],
	];
	const told = lines.flatMap(([label, text]) => (text === undefined ? [] : [`  ${label.padEnd(8)} ${text}\n`]));
	return `${namespace}/${claim} on ${node === '' ? '""' : node}: ${code}\n${told.join('')}`;
}

const DONE: Readonly<Record<Treatment['outcome'], string | undefined>> = {
	found: undefined,
	removed: 'selected-node was removed',
	changed: 'nothing: the claim, or what it waits for, has just changed; run this again',
	failed: 'nothing',
};

function summaryOf(treatments: readonly Treatment[]): string {
	const count = (test: (treatment: Treatment) => boolean) => treatments.filter(test).length;
	const removed = count(({ outcome }) => outcome === 'removed');
	const safe = count(({ outcome, verdict }) => outcome === 'found' && verdict?.repair === 'safe');
	const silent = count(({ finding }) => finding.code === 'PIN_PROVISIONER_SILENT');
	const vain = treatments.length - silent;
	// Of the others it is known; silence may end.
	const parts = [
		...(vain > 0 ? [`${vain} ${vain === 1 ? 'claim' : 'claims'} pinned in vain`] : []),
		...(silent > 0 ? [`${silent} ${silent === 1 ? 'claim' : 'claims'} that no provisioner says anything of`] : []),
	];
	const claims = parts.join(', ');
	if (removed > 0) return `${claims}; ${removed} repaired.`;
	return safe > 0
		? `${claims}; --repair would remove ${safe === 1 ? 'the pin' : 'the pins'} of ${safe}.`
		: `${claims}.`;
}
