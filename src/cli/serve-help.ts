import { type Flag, serveFlags } from '../config/flags.ts';

const ABOUT = `Usage: topobind serve [FLAGS]

Answers kube-scheduler's filter, prioritize, preempt and bind calls. Without --kubeconfig, outside a cluster and
without --manifests it serves a sandbox: the example manifests, in memory.

Flags:
`;

const EXITS = `
Exit codes: 0 ended by a signal, 1 it could not listen, 2 bad flags or configuration, 3 the cluster cannot be reached.
Every flag and field: docs/configuration.md
`;

export function serveHelp(): string {
	const rows = Object.entries<Flag>(serveFlags).map(([name, flag]) => [usageOf(name, flag), about(flag)] as const);
	const width = Math.max(...rows.map(([usage]) => usage.length));
	return ABOUT + rows.map(([usage, text]) => `  ${usage.padEnd(width)}  ${text}\n`).join('') + EXITS;
}

function usageOf(name: string, { argument, short }: Flag): string {
	return `${short ? `-${short}, ` : ''}--${name}${argument ? ` ${argument}` : ''}`;
}

function about({ help, env }: Flag): string {
	return env ? `${help} [${env}]` : help;
}
