/** The doctor's rounds while topobind serves: what stands for two of them is told and, where that is wanted, repaired. */

import { LRUCache } from 'lru-cache';
import type { ClusterEvent } from '../cluster/event-writer.ts';
import { objectKey } from '../domain/model.ts';
import { countPins } from './count.ts';
import { diagnosePins, waitingPins } from './diagnose.ts';
import type { PinCode, PinFinding } from './findings.ts';
import { type SilenceOptions, SilenceWatch } from './silence-watch.ts';
import { type Patient, type Treatment, treatPin } from './treat.ts';

export interface RoundsOptions {
	/** From the end of one round to the next. */
	readonly intervalMs: number;
	/** Leave an event on the claim of each finding that stands. */
	readonly events: boolean;
	/** Remove the pins of which that is proven safe. */
	readonly repair: boolean;
	/** See SilenceOptions. */
	readonly silenceMs: number;
	readonly onLook: SilenceOptions['onLook'];
	/** Nothing is examined while this is false. */
	readonly isCurrent: () => boolean;
	/** Once for each claim, code and node, when found in two rounds running: a driver that restarts is no finding. */
	readonly onFinding: (finding: PinFinding) => void;
	/** After each attempt to leave an event. */
	readonly onTold: (finding: PinFinding, error?: Error) => void;
	/** After each claim that was examined for a repair, whether its pin was removed or not. */
	readonly onTreatment: (treatment: Treatment) => void;
	/** A round that failed by a fault of ours; the next is made all the same. */
	readonly onFault: (error: Error) => void;
}

/** Events are kept for an hour: told again within that, one that still holds does not vanish. */
const TELL_AGAIN_MS = 30 * 60_000;

/** Until a claim is looked at again whose pin was left, or whose event could not be written. */
const LOOK_AGAIN_ROUNDS = 5;

/** Until the pin of the same claim may be removed again it takes twice as long each time, up to this. */
const LONGEST_PAUSE_ROUNDS = 360;

/** What is forgotten costs an event or a removal too early. */
const REMEMBERED = { max: 20_000, ttl: 24 * 3600_000 };

interface Standing {
	readonly finding: PinFinding;
	/** In how many rounds running. */
	readonly rounds: number;
	/** Nothing has changed the claim since the last round. */
	readonly untouched: boolean;
}

/**
 * - A round works through its findings one after the other, and the next begins an interval after its end.
 * - Told is only what the last round has found as well.
 * - Repaired is only a claim that nothing has touched since the last round and that no bind of this process is about to
 *   write. So a scheduler that has just pinned it, and a provisioner that was just asked, have had a round's time.
 * - Last come the claims that no provisioner says anything of: what it takes to know of them is read, and may not be had.
 * - A claim whose pin was removed and that is pinned in vain again waits ever longer: where another scheduler pins it each
 *   time, the two do not chase each other.
 */
export class Rounds {
	readonly #patient: Patient;
	readonly #options: RoundsOptions;
	/** By claim uid, of the last round. */
	#standing = new Map<string, Standing>();
	/** When to tell again, by claim, code and node: a finding that comes and goes is told no more often than one that stays. */
	readonly #tellAt = new LRUCache<string, number>(REMEMBERED);
	/** By claim uid. */
	readonly #patience = new LRUCache<string, { readonly untilRound: number; readonly pause: number }>(REMEMBERED);
	readonly #silence: SilenceWatch;
	#number = 0;
	#timer: NodeJS.Timeout | undefined;
	#running = Promise.resolve();
	#stopped = false;

	constructor(patient: Patient, options: RoundsOptions) {
		this.#patient = patient;
		this.#options = options;
		const { silenceMs, onLook, intervalMs } = options;
		this.#silence = new SilenceWatch(patient.pins, { silenceMs, onLook, againMs: LOOK_AGAIN_ROUNDS * intervalMs });
	}

	/** How many claims each code is found of, those of none included: by what is seen now and, of silence, by the last round. */
	count(): ReadonlyMap<PinCode, number> {
		const { state } = this.#patient;
		return new Map([...countPins(state), ['PIN_PROVISIONER_SILENT', this.#silence.count(state)]]);
	}

	start(): void {
		this.#timer = setTimeout(() => {
			this.#running = this.#make()
				.catch(this.#options.onFault)
				.then(() => {
					if (!this.#stopped) this.start();
				});
		}, this.#options.intervalMs);
		this.#timer.unref();
	}

	/** Resolves when nothing of it runs any more; the claim that is being examined is examined to the end. */
	async stop(): Promise<void> {
		this.#stopped = true;
		clearTimeout(this.#timer);
		await this.#running;
	}

	async #make(): Promise<void> {
		if (!this.#options.isCurrent()) return;
		this.#number++;
		const last = this.#standing;
		this.#standing = new Map();
		const { state } = this.#patient;
		const stand = (finding: PinFinding) => {
			const standing = follow(finding, last.get(finding.claim.uid));
			this.#standing.set(finding.claim.uid, standing);
			return standing;
		};
		for (const standing of diagnosePins(state).map(stand)) {
			await this.#tell(standing);
			if (standing.untouched && !this.#stopped) await this.#repair(standing.finding);
		}
		const silent = await this.#silence.round(waitingPins(state), () => !this.#stopped);
		for (const standing of silent.map(stand)) await this.#tell(standing);
	}

	async #tell({ finding, rounds }: Standing): Promise<void> {
		if (rounds === 2) this.#options.onFinding(finding);
		if (rounds >= 2 && !this.#stopped) await this.#leaveEvent(finding);
	}

	async #leaveEvent(finding: PinFinding): Promise<void> {
		const { claim, code, node, message, mend } = finding;
		const key = JSON.stringify([claim.uid, code, node]);
		if (!this.#options.events || (this.#tellAt.get(key) ?? 0) > Date.now()) return;
		const text = `${code}: ${message}. To mend it: ${mend}`;
		const event: ClusterEvent = { type: 'Warning', reason: 'TopobindPinFound', message: text };
		try {
			await this.#patient.events.tell({ kind: 'PersistentVolumeClaim', ...claim }, event);
			this.#tellAt.set(key, Date.now() + TELL_AGAIN_MS);
			this.#options.onTold(finding);
		} catch (error) {
			this.#tellAt.set(key, Date.now() + LOOK_AGAIN_ROUNDS * this.#options.intervalMs);
			this.#options.onTold(finding, error as Error);
		}
	}

	async #repair(finding: PinFinding): Promise<void> {
		const { uid } = finding.claim;
		const { untilRound, pause } = this.#patience.get(uid) ?? { untilRound: 0, pause: LOOK_AGAIN_ROUNDS };
		if (!this.#options.repair || this.#number < untilRound) return;
		if (this.#patient.state.isAssumed('PersistentVolumeClaim', objectKey(finding.claim))) return;
		const treatment = await treatPin(finding, this.#patient, { repair: true });
		if (treatment.outcome === 'removed') {
			this.#patience.set(uid, { untilRound: this.#number + pause, pause: Math.min(2 * pause, LONGEST_PAUSE_ROUNDS) });
		} else if (treatment.outcome !== 'changed') {
			this.#patience.set(uid, { untilRound: this.#number + LOOK_AGAIN_ROUNDS, pause });
		}
		this.#options.onTreatment(treatment);
	}
}

function follow(finding: PinFinding, last: Standing | undefined): Standing {
	const isSame = last?.finding.code === finding.code && last.finding.node === finding.node;
	if (!isSame) return { finding, rounds: 1, untouched: false };
	const untouched = last.finding.claim.resourceVersion === finding.claim.resourceVersion;
	return { finding, rounds: last.rounds + 1, untouched };
}
