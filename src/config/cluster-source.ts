import { type ClusterSource, ConfigError } from './config.ts';
import { type Environment, variable } from './environment.ts';
import type { ConfigFlags } from './flags.ts';

/** In a pod, the token of its service account. */
export const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * What was asked for by name wins over what is merely there. KUBECONFIG is left alone on purpose: a plain
 * `topobind serve` must not write to whatever cluster someone's shell points at.
 */
export function clusterSource(flags: ConfigFlags, env: Environment, readFile: (path: string) => string): ClusterSource {
	const manifests = variable(env, 'manifests')
		?.split(':')
		.filter((path) => path !== '');
	return (
		chosen(flags.kubeconfig, flags.manifests, '--kubeconfig and --manifests') ??
		chosen(variable(env, 'kubeconfig'), manifests, 'TOPOBIND_KUBECONFIG and TOPOBIND_MANIFESTS') ??
		(isInCluster(env, readFile) ? { from: 'in-cluster' } : { from: 'examples' })
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

/** A pod without a token, such as a build job's, cannot ask the API server: it gets the sandbox. */
function isInCluster(env: Environment, readFile: (path: string) => string): boolean {
	if (!env.KUBERNETES_SERVICE_HOST || !env.KUBERNETES_SERVICE_PORT) return false;
	try {
		return readFile(SERVICE_ACCOUNT_TOKEN) !== '';
	} catch {
		return false;
	}
}
