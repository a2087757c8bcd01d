/** Events on waiting pods, as a part of `topobind serve`. */

import type { Cluster } from '../cluster/cluster.ts';
import type { Config } from '../config/config.ts';
import { PodNotices } from '../notices/pod-notices.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

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
