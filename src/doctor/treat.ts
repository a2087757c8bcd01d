/** Examines each finding and, where asked to, removes the pin: one claim after the other. */

import type { Cluster } from '../cluster/cluster.ts';
import type { PinTrace } from '../cluster/pin-trace.ts';
import type { Claim } from '../domain/model.ts';
import { byClaim, diagnosePin, diagnosePins, waitingPins } from './diagnose.ts';
import type { PinFinding } from './findings.ts';
import { listenTo } from './silence.ts';
import { type Verdict, verdictOn } from './verdict.ts';

/** As much of a cluster as the doctor needs. */
export type Patient = Pick<Cluster, 'state' | 'pins' | 'events'>;

export interface Treatment {
	readonly finding: PinFinding;
	/** Absent where the claim changed before it could be examined. */
	readonly verdict?: Verdict;
	/** found: nothing was done. changed: somebody was quicker, so nothing was done either. */
	readonly outcome: 'found' | 'removed' | 'changed' | 'failed';
	/** Why it failed, or what went wrong after the removal. */
	readonly problem?: string;
}

export interface TreatOptions {
	/** Remove the pins of which that is proven safe; otherwise nothing is written. */
	readonly repair: boolean;
	/** All namespaces without it. */
	readonly namespace?: string;
	readonly machinesGone?: ReadonlySet<string>;
	/** Also look for provisioners that have been silent for so long. */
	readonly silence?: {
		readonly ms: number;
		/** Whether they are cannot be told; not looked for any further. */
		readonly onFailure: (error: Error) => void;
	};
	readonly onProgress?: (done: number, of: number) => void;
}

export async function treatPins(patient: Patient, options: TreatOptions): Promise<Treatment[]> {
	const { namespace, silence, onProgress } = options;
	const isMeant = ({ claim }: { readonly claim: Claim }) => namespace === undefined || claim.namespace === namespace;
	const findings = diagnosePins(patient.state).filter(isMeant);
	const waiting = silence ? waitingPins(patient.state).filter(isMeant) : [];
	const of = findings.length + waiting.length;
	let done = 0;
	const treatments: Treatment[] = [];
	for (const finding of findings) {
		treatments.push(await treatPin(finding, patient, options));
		onProgress?.(++done, of);
	}
	try {
		for (const one of waiting) {
			const { finding } = await listenTo(one, patient.pins, silence?.ms ?? 0);
			if (finding) treatments.push(await treatPin(finding, patient, options));
			onProgress?.(++done, of);
		}
	} catch (error) {
		silence?.onFailure(error as Error);
	}
	return treatments.sort((a, b) => byClaim(a.finding, b.finding));
}

/** Never rejects: what went wrong is told in the treatment. */
export async function treatPin(
	finding: PinFinding,
	patient: Patient,
	{ repair, machinesGone = new Set() }: Pick<TreatOptions, 'repair' | 'machinesGone'>,
): Promise<Treatment> {
	const { claim } = finding;
	const { state, pins } = patient;
	try {
		const trace = await pins.trace(claim);
		if (!trace || !isStillJudged(finding, trace)) return { finding, outcome: 'changed' };
		const verdict = verdictOn(finding, trace, machinesGone);
		if (!repair || verdict.repair === 'refused') return { finding, verdict, outcome: 'found' };
		// The watches went on while the claim was read: its node may be back, its class another.
		const now = diagnosePin(claim.namespace, claim.name, state);
		if (now?.code !== finding.code || now.claim !== claim) return { finding, verdict, outcome: 'changed' };
		if (!(await pins.removePin(claim))) return { finding, verdict, outcome: 'changed' };
		return { finding, verdict, outcome: 'removed', ...(await tellRemoved(finding, verdict, patient)) };
	} catch (error) {
		return { finding, outcome: 'failed', problem: (error as Error).message };
	}
}

function isStillJudged({ claim }: PinFinding, { uid, resourceVersion }: PinTrace): boolean {
	return uid === claim.uid && resourceVersion === claim.resourceVersion;
}

/** The pin is gone by then: an event that cannot be written is told, and undoes nothing. */
async function tellRemoved(
	{ claim, node, code, message }: PinFinding,
	{ because }: Verdict,
	{ events }: Patient,
): Promise<{ problem?: string }> {
	try {
		const told = `Removed selected-node ${node}. ${code}: ${message}. Safe, as ${because}`;
		await events.tell(
			{ kind: 'PersistentVolumeClaim', ...claim },
			{ type: 'Normal', reason: 'TopobindPinRemoved', message: told },
		);
		return {};
	} catch (error) {
		return { problem: `no event could be written: ${(error as Error).message}` };
	}
}
