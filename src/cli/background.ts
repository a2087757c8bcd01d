/** What topobind does beside answering calls, each as it is configured. */

import { retryTransient } from '../binder/retry.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Config } from '../config/config.ts';
import { PodNotices } from '../notices/pod-notices.ts';
import { Nudger } from '../nudge/nudger.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Later kube-scheduler has tried the pod again by itself. */
const MARK_WITHIN_MS = 300_000;

/** Undefined where no scheduler would notice, or nobody wants it. */
export function nudgerFor(
	{ sources }: Config,
	{ state, marker }: Cluster,
	logger: Logger,
	metrics: Metrics,
): Nudger | undefined {
	if (!marker || !sources.nudge) return undefined;
	return new Nudger(state, {
		mark: (pod, mark) => retryTransient(() => marker.markPod(pod, mark), AbortSignal.timeout(MARK_WITHIN_MS)),
		onNudge({ namespace, name }, error) {
			metrics.nudges.inc({ result: error ? 'failed' : 'done' });
			const told = { pod: `${namespace}/${name}` };
			if (error) logger.warn({ ...told, error: error.message }, 'a source changed, but its pod could not be marked');
			else logger.info(told, 'a source changed: kube-scheduler is made to try its pod again');
		},
	});
}

/** Undefined where nobody wants it. */
export function noticesFor(
	{ events }: Config,
	{ state, events: writer }: Cluster,
	logger: Logger,
	metrics: Metrics,
): PodNotices | undefined {
	if (!events.pods) return undefined;
	let lastProblem = '';
	return new PodNotices(state, writer, {
		onNotice({ namespace, name }, error) {
			metrics.podEvents.inc({ result: error ? 'failed' : 'done' });
			const problem = error?.message ?? '';
			// A right that is lacking is the same for thousands of pods.
			const isNews = problem !== '' && problem !== lastProblem;
			lastProblem = problem;
			if (isNews)
				logger.warn({ pod: `${namespace}/${name}`, error: problem }, 'an event on a pod could not be written');
		},
	});
}
