import type { PinWriter } from '../cluster/pin-writer.ts';
import type { ClusterState } from '../cluster/state.ts';
import { objectKey } from '../domain/model.ts';
import type { WaitingClaim } from './diagnose.ts';
import type { PinFinding } from './findings.ts';
import { listenTo } from './silence.ts';

export interface SilenceOptions {
	/** For how long a provisioner must have said nothing; 0: nobody is listened to. */
	readonly silenceMs: number;
	/** Until a claim is looked at again of which it is not known when looking tells more. */
	readonly againMs: number;
	/** After each claim that was looked at, and each that could not be: the others wait for the next round then. */
	readonly onLook: (waiting: WaitingClaim, error?: Error) => void;
}

/** The most claims that are read in one round: they are read one after the other, and the round is to end. */
const LOOKS_A_ROUND = 50;

interface Look {
	/** As it was seen last. */
	readonly waiting: WaitingClaim;
	/** When to look at it next. */
	readonly at: number;
	/** What the last look has found. */
	readonly finding?: PinFinding;
}

/**
 * Listens to the provisioners of waiting claims over many rounds. A claim is read when its provisioner may have been silent for
 * long enough, and not before: one that is provisioned in time costs nothing.
 */
export class SilenceWatch {
	readonly #pins: PinWriter;
	readonly #options: SilenceOptions;
	/** By claim uid, of the last round. */
	#looks = new Map<string, Look>();
	#isFirst = true;

	constructor(pins: PinWriter, options: SilenceOptions) {
		this.#pins = pins;
		this.#options = options;
	}

	/** What is found of the claims that wait now; ends early once it is not to go on. */
	async round(waiting: readonly WaitingClaim[], goOn: () => boolean): Promise<PinFinding[]> {
		if (this.#options.silenceMs === 0) return [];
		const last = this.#looks;
		this.#looks = new Map(waiting.map((one) => [one.claim.uid, this.#follow(one, last.get(one.claim.uid))]));
		this.#isFirst = false;
		const due = [...this.#looks.values()].filter(({ at }) => at <= Date.now()).sort((a, b) => a.at - b.at);
		for (const look of due.slice(0, LOOKS_A_ROUND)) {
			if (!goOn() || !(await this.#look(look))) break;
		}
		return [...this.#looks.values()].flatMap(({ finding }) => finding ?? []);
	}

	/** Of how many claims it is found, less those that have changed since. */
	count(state: ClusterState): number {
		const found = [...this.#looks.values()].flatMap(({ finding }) => finding ?? []);
		return found.filter(({ claim }) => state.seen('PersistentVolumeClaim', objectKey(claim)) === claim).length;
	}

	#follow(waiting: WaitingClaim, last: Look | undefined): Look {
		const now = Date.now();
		if (!last || last.waiting.claim.selectedNode !== waiting.claim.selectedNode) {
			// When a claim was pinned that waits already at the first round is for a look to tell.
			return { waiting, at: this.#isFirst ? now : now + this.#options.silenceMs };
		}
		if (last.waiting.claim === waiting.claim) return last;
		return { waiting, at: last.finding ? now : last.at };
	}

	async #look({ waiting }: Look): Promise<boolean> {
		const { silenceMs, againMs, onLook } = this.#options;
		const { uid } = waiting.claim;
		try {
			const { finding, silentAt = 0 } = await listenTo(waiting, this.#pins, silenceMs);
			const at = Math.max(silentAt, Date.now() + againMs);
			this.#looks.set(uid, { waiting, at, ...(finding && { finding }) });
			onLook(waiting);
			return true;
		} catch (error) {
			this.#looks.set(uid, { waiting, at: Date.now() + againMs });
			onLook(waiting, error as Error);
			return false;
		}
	}
}
