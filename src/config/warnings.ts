import { formatAddress, isLoopback } from './address.ts';
import { type Config, isSandbox } from './config.ts';
import { type Environment, variable } from './environment.ts';
import { serveFlags } from './flags.ts';
import { nearest } from './nearest.ts';

/** What is allowed but likely not meant; one sentence each, for the log at start. */
export function configWarnings(config: Config, env: Environment): string[] {
	const warnings: string[] = [];
	if (!isLoopback(config.listen.host) && config.tls?.clientCAFile === undefined && !isSandbox(config)) {
		warnings.push(
			`the extender listens on ${formatAddress(config.listen)} and asks no one for a certificate: ` +
				'whoever reaches it can have pods bound; set tls.clientCAFile or listen on 127.0.0.1',
		);
	}
	// The mode is told where a scheduler is to be served, in a static pod, say, which has no service account.
	if (config.cluster.from === 'examples' && (config.mode === 'companion' || variable(env, 'mode') !== undefined)) {
		warnings.push(
			'no cluster was named, so the sandbox is served, and pods of a real kube-scheduler would be refused: ' +
				'name one by --kubeconfig',
		);
	}
	return [...warnings, ...unknownVariables(env)];
}

/** Kubernetes itself sets such variables in the pods of a namespace that has a Service called topobind. */
const SERVICE_LINK = /^TOPOBIND_(\w+_)?(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)/;

function unknownVariables(env: Environment): string[] {
	const known = Object.values(serveFlags).flatMap((flag) => ('env' in flag ? [flag.env] : []));
	return Object.keys(env)
		.filter((name) => name.startsWith('TOPOBIND_') && !known.some((each) => each === name) && !SERVICE_LINK.test(name))
		.map((name) => {
			const near = nearest(name, known);
			return `the environment variable ${name} is not known${near === undefined ? '' : `; did you mean ${near}?`}`;
		});
}
