/** Having kube-scheduler try pods again, as a part of `topobind serve`. */

import { LRUCache } from 'lru-cache';
import { retryTransient } from '../binder/retry.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Config } from '../config/config.ts';
import type { Pod } from '../domain/model.ts';
import { Nudger } from '../nudge/nudger.ts';
import { wasRefusedForSource } from '../nudge/own-words.ts';
import { isOfSource, SecondLook } from '../nudge/second-look.ts';
import type { Judgement } from '../server/judgement.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Later kube-scheduler has tried the pod again by itself. */
const MARK_WITHIN_MS = 300_000;

/** What has kube-scheduler try waiting pods again where it would not by itself. */
export interface Nudging {
	/** Once every watch has synced: a list that is still to come would look like a source that came right. */
	start(): void;
	/** Told of every filter call for a pod with claims. */
	judged(pod: Pod, judgement: Judgement): void;
}

/** Undefined where no scheduler would notice, or nobody wants it. */
export function nudgingFor(
	{ sources }: Config,
	cluster: Cluster,
	logger: Logger,
	metrics: Metrics,
): Nudging | undefined {
	const { state, marker } = cluster;
	if (!marker || !sources.nudge) return undefined;
	const mark = (pod: Pod, text: string) =>
		retryTransient(() => marker.markPod(pod, text), AbortSignal.timeout(MARK_WITHIN_MS));
	const report =
		(why: string) =>
		({ namespace, name }: Pod, error?: Error) => {
			metrics.nudges.inc({ result: error ? 'failed' : 'done' });
			const told = { pod: `${namespace}/${name}` };
			if (error) logger.warn({ ...told, error: error.message }, `${why}, but its pod could not be marked`);
			else logger.info(told, `${why}: kube-scheduler is made to try its pod again`);
		};
	/** Schedulers that ask topobind: there may be others, and their pods are theirs. */
	const asking = new LRUCache<string, true>({ max: 100 });
	const secondLook = new SecondLook(state, {
		mark,
		isCurrent: () => cluster.readiness().watches.every(({ staleSince }) => staleSince === undefined),
		onNudge: report('storage was there sooner than it was seen'),
	});
	const nudger = new Nudger(state, {
		// After a start no scheduler has asked yet.
		isAsked: ({ schedulerName, unschedulable }) => asking.has(schedulerName) || wasRefusedForSource(unschedulable),
		mark(pod, text) {
			// One mark is enough; but one that is there already changes nothing, and the pod may have been refused since.
			if (pod.mark !== text) secondLook.passed(pod);
			return mark(pod, text);
		},
		onNudge: report('a source changed'),
	});
	return {
		start: () => void nudger.start(),
		judged(pod, { passed, refused }) {
			asking.set(pod.schedulerName, true);
			if (refused.some(({ code }) => isOfSource(code))) nudger.refused(pod);
			// Also beside a source: a volume that is seen late may spare it.
			if (passed.length > 0) secondLook.passed(pod);
			else secondLook.refused(pod, refused);
		},
	};
}
