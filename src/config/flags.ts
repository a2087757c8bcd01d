import { parseArgs } from 'node:util';
import { ConfigError } from './config.ts';
import { nearest } from './nearest.ts';

/** One flag of a command. A flag without `argument` is a switch. */
export interface Flag {
	readonly argument?: string;
	readonly short?: string;
	/** Environment variable that a flag wins over. */
	readonly env?: string;
	/** May be given more than once, and takes the plain arguments that follow it too. */
	readonly many?: boolean;
	readonly help: string;
}

/** The flags of `topobind serve`, in the order its help lists them. */
export const serveFlags = {
	config: { argument: 'FILE', env: 'TOPOBIND_CONFIG', help: 'configuration file (YAML)' },
	mode: { argument: 'MODE', env: 'TOPOBIND_MODE', help: 'companion or delegate' },
	kubeconfig: { argument: 'FILE', env: 'TOPOBIND_KUBECONFIG', help: 'serve the cluster of this kubeconfig' },
	manifests: {
		argument: 'PATH…',
		many: true,
		env: 'TOPOBIND_MANIFESTS',
		help: 'serve a sandbox on these files and folders',
	},
	listen: { argument: 'HOST:PORT', env: 'TOPOBIND_LISTEN', help: 'where kube-scheduler calls' },
	'admin-listen': { argument: 'HOST:PORT', env: 'TOPOBIND_ADMIN_LISTEN', help: 'probes, metrics, explanations' },
	'log-level': {
		argument: 'LEVEL',
		env: 'TOPOBIND_LOG_LEVEL',
		help: 'trace, debug, info, warn, error, fatal or silent',
	},
	help: { short: 'h', help: 'show this text' },
	version: { help: 'show the version' },
} as const satisfies Record<string, Flag>;

/** What the command line says of the configuration. Values are not judged yet: loadConfig does that. */
export interface ConfigFlags {
	readonly config?: string;
	readonly mode?: string;
	readonly kubeconfig?: string;
	readonly manifests?: readonly string[];
	readonly listen?: string;
	readonly adminListen?: string;
	readonly logLevel?: string;
}

export interface ServeFlags extends ConfigFlags {
	readonly help: boolean;
	readonly version: boolean;
}

/** Reads the arguments after `topobind serve`. Throws a ConfigError that names each bad one. */
export function parseServeFlags(args: readonly string[]): ServeFlags {
	const { values, positionals } = parseFlags(args, serveFlags);
	const stray = positionals.map(
		(word) => `unexpected argument "${word}": serve takes flags only; see topobind serve --help`,
	);
	if (stray.length > 0) throw new ConfigError(stray);
	return { ...configFlags(values), help: values.has('help'), version: values.has('version') };
}

/** The flags that bear on the configuration, for any command that has some of them. */
export function configFlags(values: ReadonlyMap<string, readonly string[]>): ConfigFlags {
	const last = (name: string): string | undefined => values.get(name)?.at(-1);
	return withoutUndefined({
		config: last('config'),
		mode: last('mode'),
		kubeconfig: last('kubeconfig'),
		manifests: values.get('manifests'),
		listen: last('listen'),
		adminListen: last('admin-listen'),
		logLevel: last('log-level'),
	});
}

export interface ParsedFlags {
	/** Each flag that was given with its values in order; a switch has none. */
	readonly values: ReadonlyMap<string, readonly string[]>;
	readonly positionals: readonly string[];
}

/** Splits a command line into the flags of a table and the rest. Throws a ConfigError that names each bad flag. */
export function parseFlags(args: readonly string[], flags: Readonly<Record<string, Flag>>): ParsedFlags {
	const values = new Map<string, string[]>();
	const positionals: string[] = [];
	const problems: string[] = [];
	/** The `many` flag that plain arguments go to just now. */
	let open: string[] | undefined;

	for (const token of tokensOf(args, flags)) {
		if (token.kind === 'positional') {
			(open ?? positionals).push(token.value);
			continue;
		}
		open = undefined;
		if (token.kind === 'option-terminator') continue;

		const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined;
		const problem = flag === undefined ? unknownFlag(token.rawName, flags) : flagProblem(token, flag);
		if (problem !== undefined) {
			problems.push(problem);
			continue;
		}
		const given = values.get(token.name) ?? [];
		if (token.value !== undefined) given.push(token.value);
		values.set(token.name, given);
		if (flag?.many) open = given;
	}
	if (problems.length > 0) throw new ConfigError(problems);
	return { values, positionals };
}

function tokensOf(args: readonly string[], flags: Readonly<Record<string, Flag>>) {
	const options = Object.fromEntries(
		Object.entries(flags).map(([name, flag]) => [
			name,
			{
				type: flag.argument === undefined ? ('boolean' as const) : ('string' as const),
				multiple: true,
				...(flag.short === undefined ? {} : { short: flag.short }),
			},
		]),
	);
	// Not strict: its messages know nothing of near names, and it stops at the first fault.
	return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

interface OptionToken {
	readonly rawName: string;
	readonly value: string | undefined;
	readonly inlineValue: boolean | undefined;
}

function flagProblem(token: OptionToken, flag: Flag): string | undefined {
	if (flag.argument === undefined) {
		return token.value === undefined ? undefined : `${token.rawName} takes no value`;
	}
	// `--listen --mode x`: the next flag is not the value of this one, unless written with `=`.
	const isFlagLike = token.inlineValue !== true && token.value?.startsWith('-');
	if (token.value === undefined || token.value === '' || isFlagLike) {
		return `${token.rawName} needs a value: ${token.rawName} ${flag.argument}`;
	}
	return undefined;
}

function unknownFlag(given: string, flags: Readonly<Record<string, Flag>>): string {
	const near = nearest(given.replace(/^-+/, ''), Object.keys(flags));
	return `unknown flag ${given}${near === undefined ? '' : `; did you mean --${near}?`}`;
}

function withoutUndefined<T extends object>(values: { [K in keyof T]: T[K] | undefined }): T {
	return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
