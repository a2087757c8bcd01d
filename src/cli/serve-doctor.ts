/** The pin doctor as a part of `topobind serve`. */

import type { Cluster } from '../cluster/cluster.ts';
import type { Config } from '../config/config.ts';
import { Rounds } from '../doctor/rounds.ts';
import type { Treatment } from '../doctor/treat.ts';
import type { Claim } from '../domain/model.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

const RIGHTS = {
	events: 'manifests/base/rbac/topobind-events.yaml grants it, doctor.events: false does without',
	repair: 'manifests/base/rbac/topobind-pins.yaml grants what it needs, doctor.repair: false does without',
	silence: 'manifests/base/rbac/topobind-pins.yaml grants what it needs, doctor.silenceSeconds: 0 does without',
};

export function doctorRounds({ doctor }: Config, cluster: Cluster, logger: Logger, metrics: Metrics): Rounds {
	/** What has failed and was told: a right that is missing is missing for each claim, in each round. */
	const failing = new Set<keyof typeof RIGHTS>();
	const note = (what: keyof typeof RIGHTS, claim: Claim, problem: string | undefined) => {
		if (problem === undefined) {
			failing.delete(what);
			return;
		}
		const level = failing.has(what) ? 'debug' : 'warn';
		failing.add(what);
		logger[level]({ claim: keyOf(claim), error: problem, hint: RIGHTS[what] }, FAILED[what]);
	};
	return new Rounds(cluster, {
		...{ events: doctor.events, repair: doctor.repair, intervalMs: doctor.intervalSeconds * 1000 },
		silenceMs: doctor.silenceSeconds * 1000,
		onLook: ({ claim }, error) => note('silence', claim, error?.message),
		// Not on what watches said that are down by now.
		isCurrent: () => cluster.readiness().ready,
		onFinding: ({ code, claim, message }) => logger.warn({ code, claim: keyOf(claim) }, message),
		onTold: ({ claim }, error) => note('events', claim, error?.message),
		onTreatment(treatment) {
			const { finding, outcome, problem } = treatment;
			metrics.pinRepairs.inc({ result: resultOf(treatment) });
			if (outcome === 'failed') note('repair', finding.claim, problem);
			else note('repair', finding.claim, undefined);
			if (outcome !== 'removed') return;
			logger.info(
				{ code: finding.code, claim: keyOf(finding.claim), node: finding.node },
				'the pin of a claim was removed',
			);
			note('events', finding.claim, problem);
		},
		onFault: (error) => logger.error({ err: error }, 'a round of the pin doctor failed'),
	});
}

const FAILED = {
	events: 'no event could be written on a pinned claim',
	repair: 'a pinned claim could not be examined or repaired',
	silence: 'whether a provisioner sees to a pinned claim could not be told',
};

function resultOf({ outcome }: Treatment): 'removed' | 'refused' | 'changed' | 'failed' {
	return outcome === 'found' ? 'refused' : outcome;
}

function keyOf({ namespace, name }: Claim): string {
	return `${namespace}/${name}`;
}
