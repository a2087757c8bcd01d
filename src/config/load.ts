import { Ajv } from 'ajv';
import { addressProblem, parseAddress } from './address.ts';
import { clusterSource } from './cluster-source.ts';
import { type ClusterSource, type Config, ConfigError, type LogLevel, type Mode } from './config.ts';
import { conflictsIn } from './conflicts.ts';
import { type Environment, variable } from './environment.ts';
import { type ConfigFile, readConfigFile } from './file.ts';
import type { ConfigFlags } from './flags.ts';
import { overlay } from './overlay.ts';
import { type Problem, problemsOf } from './problems.ts';
import { configSchema } from './schema.ts';

export interface ConfigInputs {
	readonly flags: ConfigFlags;
	readonly env: Environment;
	/** Reads a whole text file; throws if it cannot. */
	readonly readFile: (path: string) => string;
}

/**
 * The configuration: flags win over the environment, the environment over the file, the file over defaults.
 * Throws a ConfigError with every problem found. Reads nothing but what it is handed.
 */
export function loadConfig({ flags, env, readFile }: ConfigInputs): Config {
	const fileName = flags.config ?? variable(env, 'config');
	const file = fileName === undefined ? undefined : readConfigFile(fileName, readFile);
	const alone = structuredClone(file?.content);
	const { content, origins } = overlay(file?.content, flags, env);

	const say = (problems: readonly Problem[]) => new ConfigError(problems.map((each) => sentence(each, origins, file)));

	// What a flag has overridden is wrong all the same, and would be told only once the flag is gone.
	const hidden = file ? problemsIn(alone).filter(({ path }) => origins.has(path.join('.'))) : [];
	const inFile = hidden.map((each) => sentence(each, new Map(), file));
	if (!validate(content)) throw new ConfigError([...inFile, ...say(problemsOf(validate.errors ?? [])).problems]);
	if (inFile.length > 0) throw new ConfigError(inFile);
	const config = assemble(content, clusterSource(flags, env));
	const conflicts = conflictsIn(config);
	if (conflicts.length > 0) throw say(conflicts);
	return deepFreeze(config);
}

const validate = new Ajv({
	allErrors: true,
	verbose: true,
	useDefaults: true,
	coerceTypes: false,
	removeAdditional: false,
})
	.addVocabulary(['unit'])
	.addFormat('host-port', (text) => addressProblem(text) === undefined)
	.compile<Valid>(configSchema);

/** Fills in defaults, too. */
function problemsIn(content: unknown): readonly Problem[] {
	return validate(content) ? [] : problemsOf(validate.errors ?? []);
}

/** The file's fields after validation, defaults filled in. */
type Valid = Omit<Config, 'mode' | 'cluster' | 'listen' | 'adminListen'> & {
	mode?: Mode;
	listen: string;
	adminListen: string;
	log: { level: LogLevel };
};

/** A flag or variable is named as it was given; a field with its file and line. */
function sentence(problem: Problem, origins: ReadonlyMap<string, string>, file: ConfigFile | undefined): string {
	const origin = origins.get(problem.path.join('.'));
	if (origin !== undefined) return origin + problem.text;
	const place = file === undefined ? '' : `${file.at(problem.path)}: `;
	return place + problem.subject + problem.text;
}

function assemble(fields: Valid, cluster: ClusterSource): Config {
	const isReal = cluster.from === 'kubeconfig' || cluster.from === 'in-cluster';
	return {
		mode: fields.mode ?? (isReal ? 'companion' : 'delegate'),
		cluster,
		listen: parseAddress(fields.listen),
		adminListen: parseAddress(fields.adminListen),
		...(fields.tls === undefined ? {} : { tls: fields.tls }),
		bodyLimitBytes: fields.bodyLimitBytes,
		bind: fields.bind,
		scoring: fields.scoring,
		sources: fields.sources,
		events: fields.events,
		doctor: fields.doctor,
		decisions: fields.decisions,
		log: fields.log,
	};
}

function deepFreeze<T>(value: T): T {
	if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
		Object.freeze(value);
		for (const inner of Object.values(value)) deepFreeze(inner);
	}
	return value;
}
