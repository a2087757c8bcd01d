import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Kind } from '../cluster/kinds.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { Claim, Pod } from '../domain/model.ts';
import { isProblem } from '../domain/storage/sources/problem.ts';
import { judgeSource } from '../domain/storage/sources.ts';
import { mayBeOutdated, type SourceVerdict } from './own-words.ts';

/** Kinds of whose events kube-scheduler requeues no pod. A clone's source claim and volume are not among them. */
const UNWATCHED: ReadonlySet<Kind> = new Set<Kind>([
	'VolumeSnapshot',
	'VolumeSnapshotContent',
	'VolumeSnapshotClass',
	'ReferenceGrant',
]);

export interface NudgerOptions {
	/** Changes the pod so that kube-scheduler tries it again. The same mark again must change nothing. */
	mark(pod: Pod, mark: string): Promise<void>;
	/** Whether the pod's scheduler asks topobind at all; other pods are left alone. */
	isAsked(pod: Pod): boolean;
	onNudge?(pod: Pod, error?: Error): void;
}

/**
 * Has kube-scheduler try a waiting pod again when a source of one of its claims has come right or reaches other nodes.
 *
 * - What a pod's sources say is remembered from the moment the pod is seen, or from when filter refused it for them; only a
 *   change of it nudges, and only for the better: while any of them still has a problem there is nothing to try.
 * - What is remembered changes in a look only, never because something else of the pod has changed: no change is lost.
 * - The mark is made of what the sources say now and of the mark before they had a problem, so that replicas of topobind write
 *   the same and only the first counts, but a source that comes right a second time is a change again.
 * - All changes of one turn count as one.
 */
export class Nudger {
	readonly #cluster: ClusterState;
	readonly #options: NudgerOptions;
	/** By pod UID; of pods that are seen. */
	readonly #told = new Map<string, Told>();
	/** UIDs of pods that filter has refused before they were seen, or after they were gone. */
	readonly #unseen = new LRUCache<string, true>({ max: UNSEEN });
	#scheduled = false;

	constructor(cluster: ClusterState, options: NudgerOptions) {
		this.#cluster = cluster;
		this.#options = options;
	}

	/** Begins; gives what ends it. */
	start(): () => void {
		for (const pod of this.#cluster.all('Pod').values()) this.#remember(pod);
		return this.#cluster.subscribe(({ kind, key, previous, current }) => {
			if (kind === 'Pod') {
				if (previous && previous.uid !== current?.uid) this.#told.delete(previous.uid);
				if (current) this.#remember(current as Pod);
			} else if (kind === 'PersistentVolumeClaim') {
				// kube-scheduler sees claims itself; a pod that came before its claim is remembered from here on.
				for (const pod of this.#podsMounting(key)) this.#remember(pod);
			}
			if (UNWATCHED.has(kind)) this.#schedule();
		});
	}

	/**
	 * Filter has refused the pod because a source was not ready or invalid. What filter saw may be older than what is seen
	 * by now, as may be the first that is known of the pod here: the next look starts from the refusal.
	 */
	refused({ namespace, name, uid }: Pod): void {
		if (this.#cluster.pod(namespace, name)?.uid !== uid) {
			this.#unseen.set(uid, true);
			return;
		}
		this.#told.set(uid, { ...this.#told.get(uid), ...REFUSED });
		this.#schedule();
	}

	#schedule(): void {
		if (this.#scheduled) return;
		this.#scheduled = true;
		setImmediate(() => {
			this.#scheduled = false;
			for (const pod of this.#cluster.all('Pod').values()) this.#look(pod);
		});
	}

	#look(pod: Pod): void {
		const before = this.#told.get(pod.uid);
		if (!before) return;
		const verdicts = verdictsOf(pod, this.#cluster);
		const now = outlookOf(verdicts);
		if (verdicts.length === 0 || now.text === before.text) return;
		const { marked = pod.mark, base = marked } = before;
		if (now.hopeful) {
			const mark = markOf(base, now);
			this.#told.set(pod.uid, { ...now, base, marked: mark });
			if (this.#options.isAsked(pod)) this.#nudge(pod, mark);
		} else this.#told.set(pod.uid, { ...now, base: marked, marked });
	}

	/** The first that is known of a pod. What comes later is for a look to find. */
	#remember(pod: Pod): void {
		if (this.#told.has(pod.uid)) {
			this.#schedule();
			return;
		}
		const verdicts = verdictsOf(pod, this.#cluster);
		if (this.#unseen.delete(pod.uid) || mayBeOutdated(pod.unschedulable, verdicts)) this.refused(pod);
		else if (verdicts.length > 0) this.#told.set(pod.uid, { ...outlookOf(verdicts), base: pod.mark, marked: pod.mark });
	}

	#podsMounting(claimKey: string): Pod[] {
		return [...this.#cluster.all('Pod').values()].filter(({ namespace, claimVolumes }) =>
			claimVolumes.some(({ claimName }) => `${namespace}/${claimName}` === claimKey),
		);
	}

	#nudge(pod: Pod, mark: string): void {
		this.#options.mark(pod, mark).then(
			() => this.#options.onNudge?.(pod),
			(error: Error) => this.#options.onNudge?.(pod, error),
		);
	}
}

/** What the sources of a pod's claims say together. */
interface Outlook {
	/** The same text for the same verdicts. */
	readonly text: string;
	/** None of them has a problem. */
	readonly hopeful: boolean;
}

interface Told extends Outlook {
	/** The mark from before the sources last had a problem; undefined while nothing is known but that filter has refused the pod. */
	readonly base?: string;
	/** The last mark of all. */
	readonly marked?: string;
}

/** In place of a look's: the next look finds something else, whatever it finds. */
const REFUSED: Outlook = { text: 'refused', hopeful: false };
/** They are seen within moments, or never; who is forgotten is looked at when seen, like any other. */
const UNSEEN = 1_000;

function markOf(base: string, { text }: Outlook): string {
	return createHash('sha256').update(`${base}\n${text}`).digest('hex').slice(0, 16);
}

function outlookOf(verdicts: readonly SourceVerdict[]): Outlook {
	return { text: verdicts.map(({ text }) => text).join('\n'), hopeful: verdicts.every(({ fit }) => fit) };
}

/** On the sources of the pod's delayed claims. */
function verdictsOf(pod: Pod, cluster: ClusterState): SourceVerdict[] {
	const delayed = pod.claimVolumes.flatMap(({ claimName }) => {
		const claim = cluster.claim(pod.namespace, claimName);
		return claim?.volumeName === '' ? [claim] : [];
	});
	return delayed.flatMap((claim) => verdictOf(claim, delayed, cluster));
}

function verdictOf(claim: Claim, beside: readonly Claim[], cluster: ClusterState): SourceVerdict[] {
	const storageClass = cluster.storageClass(claim.className);
	// The PV controller sees to any other by itself, and filter does not ask for its source.
	if (!claim.source || storageClass?.bindingMode !== 'WaitForFirstConsumer') return [];
	const found = judgeSource(claim, claim.source, storageClass, cluster, beside);
	if (!found) return [];
	const fit = !isProblem(found);
	return [{ claim: claim.name, text: fit ? (found.limit?.text ?? 'every node') : found.problem, fit }];
}
