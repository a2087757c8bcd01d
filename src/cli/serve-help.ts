import { serveFlags } from '../config/flags.ts';
import { flagHelp } from '../config/help.ts';

export function serveHelp(): string {
	return `Usage: topobind serve [FLAGS]

Answers kube-scheduler's filter, prioritize, preempt and bind calls. Without --kubeconfig, outside a cluster and
without --manifests it serves a sandbox: the example manifests, in memory.

Flags:
${flagHelp(serveFlags)}
Exit codes: 0 ended by a signal, 1 it could not listen, 2 bad flags or configuration, 3 the cluster cannot be reached.
Every flag and field: docs/configuration.md
`;
}
