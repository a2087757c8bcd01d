import { ConfigError } from '../config/config.ts';
import { type ConfigFlags, configFlags, type Flag, parseFlags } from '../config/flags.ts';
import { flagHelp } from '../config/help.ts';

const flags = {
	kubeconfig: { argument: 'FILE', env: 'TOPOBIND_KUBECONFIG', help: 'examine the cluster of this kubeconfig' },
	manifests: {
		argument: 'PATH…',
		many: true,
		env: 'TOPOBIND_MANIFESTS',
		help: 'examine these files and folders, as they are',
	},
	config: {
		argument: 'FILE',
		env: 'TOPOBIND_CONFIG',
		help: 'configuration file: how far sources reach, how long silence is',
	},
	namespace: { argument: 'NS', short: 'n', help: 'only claims of this namespace' },
	output: { argument: 'FORM', short: 'o', help: 'text or json' },
	repair: { help: 'remove the pins of which that is proven safe; without it, nothing is written' },
	'machine-gone': {
		argument: 'NODE',
		help: 'you vouch that this machine, and each provisioner that ran on it for its claims, will never run again',
	},
	help: { short: 'h', help: 'show this text' },
} as const satisfies Record<string, Flag>;

export interface DoctorFlags {
	readonly config: ConfigFlags;
	readonly namespace: string | undefined;
	readonly json: boolean;
	readonly repair: boolean;
	readonly machinesGone: ReadonlySet<string>;
	readonly help: boolean;
}

/** Reads the arguments after `topobind doctor`. Throws a ConfigError that names each bad one. */
export function parseDoctorFlags(args: readonly string[]): DoctorFlags {
	const { values, positionals } = parseFlags(args, flags);
	const problems = positionals.map(
		(word) => `unexpected argument "${word}": doctor takes flags only; see topobind doctor --help`,
	);
	const output = values.get('output')?.at(-1) ?? 'text';
	if (output !== 'text' && output !== 'json') problems.push(`--output is text or json, not "${output}"`);
	if (problems.length > 0) throw new ConfigError(problems);
	return {
		config: configFlags(values),
		namespace: values.get('namespace')?.at(-1),
		json: output === 'json',
		repair: values.has('repair'),
		machinesGone: new Set(values.get('machine-gone')),
		help: values.has('help'),
	};
}

export function doctorHelp(): string {
	return `Usage: topobind doctor [FLAGS]

Finds claims that can never be provisioned on the node they are pinned to, or that no provisioner says anything of, and
says why and what would mend it.
Without --kubeconfig, outside a cluster and without --manifests it examines the example manifests.

Flags:
${flagHelp(flags)}
Exit codes: 0 nothing is found, or all of it repaired; 1 something is; 2 bad flags or configuration; 3 the cluster
cannot be reached or may not be read. What is proven safe, and why the rest is refused: docs/doctor.md
`;
}
