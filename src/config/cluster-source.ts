import { type ClusterSource, ConfigError } from './config.ts';
import { type Environment, variable } from './environment.ts';
import type { ConfigFlags } from './flags.ts';

/**
 * What was asked for by name wins over what is merely there. KUBECONFIG is left alone on purpose: a plain
 * `topobind serve` must not write to whatever cluster someone's shell points at.
 */
export function clusterSource(flags: ConfigFlags, env: Environment): ClusterSource {
	const manifests = variable(env, 'manifests')
		?.split(':')
		.filter((path) => path !== '');
	return (
		chosen(flags.kubeconfig, flags.manifests, '--kubeconfig and --manifests') ??
		chosen(variable(env, 'kubeconfig'), manifests, 'TOPOBIND_KUBECONFIG and TOPOBIND_MANIFESTS') ??
		// Whether its service account can be used or not: a scheduler in a cluster must not be answered by made-up nodes.
		(env.KUBERNETES_SERVICE_HOST ? { from: 'in-cluster' } : { from: 'examples' })
	);
}

function chosen(
	kubeconfig: string | undefined,
	manifests: readonly string[] | undefined,
	names: string,
): ClusterSource | undefined {
	if (kubeconfig !== undefined && manifests !== undefined) {
		throw new ConfigError([`${names} exclude each other: a cluster is served, or manifests in memory`]);
	}
	if (kubeconfig !== undefined) return { from: 'kubeconfig', path: kubeconfig };
	if (manifests !== undefined) return { from: 'manifests', paths: [...manifests] };
	return undefined;
}
