import { collides } from './address.ts';
import type { Config } from './config.ts';
import { type Problem, problem } from './problems.ts';

/** What is wrong only in the light of another field. */
export function conflictsIn(config: Config): Problem[] {
	return [bindTimeout(config), scores(config), listeners(config)].filter((found) => found !== undefined);
}

function bindTimeout({ bind }: Config): Problem | undefined {
	if (bind.timeoutSeconds < bind.schedulerHttpTimeoutSeconds) return undefined;
	return problem(
		['bind', 'timeoutSeconds'],
		` (${bind.timeoutSeconds}) must be below bind.schedulerHttpTimeoutSeconds (${bind.schedulerHttpTimeoutSeconds}): ` +
			'kube-scheduler would give up before topobind answers. Lower the first, or raise both the second and ' +
			'httpTimeout of the extenders entry that has the bindVerb',
	);
}

function scores({ scoring: { staticBonus, fit } }: Config): Problem | undefined {
	if (staticBonus + fit <= 10) return undefined;
	return problem(
		['scoring'],
		`: staticBonus (${staticBonus}) and fit (${fit}) add up to more than 10, the highest score that kube-scheduler takes`,
	);
}

function listeners({ listen, adminListen }: Config): Problem | undefined {
	if (!collides(listen, adminListen)) return undefined;
	return problem(['adminListen'], ` takes port ${listen.port}, which listen has already`);
}
