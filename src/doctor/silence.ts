/**
 * Provisioners that say nothing of a claim. One that is built on sig-storage-lib-external-provisioner, as external-provisioner
 * is, leaves an event at the begin of each attempt, and tries again for as long as it fails: provisionClaimOperation and
 * processNextClaimWorkItem in its controller/controller.go. docs/doctor.md has what may keep it silent for a while.
 */

import type { PinnedClaim, PinTrace } from '../cluster/pin-trace.ts';
import type { PinWriter } from '../cluster/pin-writer.ts';
import type { WaitingClaim } from './diagnose.ts';
import { type PinFinding, pinFinding } from './findings.ts';

export interface Hearing {
	/** Where no provisioner has said anything for long enough. */
	readonly finding?: PinFinding;
	/** When silence can be long enough, in ms; undefined where that is not to be foreseen. */
	readonly silentAt?: number;
}

/** Reads the claim and, where it was pinned and asked for as long as `silenceMs` ago, its events. Rejects where it may not. */
export async function listenTo({ claim, driver }: WaitingClaim, pins: PinWriter, silenceMs: number): Promise<Hearing> {
	const now = Date.now();
	const read = await pins.read(claim);
	const asked = read && askedAt(read, driver);
	if (asked === undefined) return {};
	if (asked + silenceMs > now) return { silentAt: asked + silenceMs };
	const trace = await pins.trace(claim);
	if (trace?.uid !== claim.uid || trace.resourceVersion !== claim.resourceVersion) return {};
	const silence = silenceOf(trace, asked);
	if (!silence) return {};
	const silentAt = silence.at + silenceMs;
	if (silentAt > now) return { silentAt };
	return { silentAt, finding: pinFinding('PIN_PROVISIONER_SILENT', claim, driver, { since: silence.since }) };
}

/**
 * Since when the class's provisioner has had the claim to see to. Undefined where that is not known, or the PV controller has
 * asked nobody yet, or the provisioner of an earlier class of that name, which has nothing to say.
 */
function askedAt({ provisioner, pinnedAt, askedAt }: PinnedClaim, driver: string): number | undefined {
	if (provisioner !== driver || pinnedAt === undefined || askedAt === undefined) return undefined;
	return Math.max(pinnedAt, askedAt);
}

/** Undefined where a CreateVolume may be under way, or nobody can tell. */
function silenceOf({ lastSign }: PinTrace, asked: number): { readonly at: number; readonly since: string } | undefined {
	const text = (at: number) => new Date(at).toISOString();
	if (!lastSign) return { at: asked, since: text(asked) };
	const { reason, at } = lastSign;
	if (at === undefined || reason === 'Provisioning') return undefined;
	return at < asked ? { at: asked, since: text(asked) } : { at, since: `${reason} at ${text(at)}` };
}
