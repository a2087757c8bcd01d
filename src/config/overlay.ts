import { API_VERSION, KIND } from './config.ts';
import { type Environment, variable, variableName } from './environment.ts';
import type { Path } from './file.ts';
import type { ConfigFlags, serveFlags } from './flags.ts';

/** Flags that stand for a field of the file. */
const overlaid: readonly {
	flag: keyof typeof serveFlags;
	value: 'mode' | 'listen' | 'adminListen' | 'logLevel';
	path: Path;
}[] = [
	{ flag: 'mode', value: 'mode', path: ['mode'] },
	{ flag: 'listen', value: 'listen', path: ['listen'] },
	{ flag: 'admin-listen', value: 'adminListen', path: ['adminListen'] },
	{ flag: 'log-level', value: 'logLevel', path: ['log', 'level'] },
];

/** The file's content with what flags and environment say written over it, and who said it. */
export function overlay(
	content: unknown,
	flags: ConfigFlags,
	env: Environment,
): { content: unknown; origins: Map<string, string> } {
	const result = content === undefined ? { apiVersion: API_VERSION, kind: KIND } : content;
	const origins = new Map<string, string>();
	for (const { flag, value: key, path } of overlaid) {
		const value = flags[key] ?? variable(env, flag);
		if (value === undefined || !write(result, path, value)) continue;
		origins.set(path.join('.'), flags[key] === undefined ? variableName(flag) : `--${flag}`);
	}
	return { content: result, origins };
}

/** False where the way to the field is not made of mappings: validation will tell. */
function write(content: unknown, path: Path, value: string): boolean {
	const [step, ...rest] = path;
	if (step === undefined || typeof content !== 'object' || content === null || Array.isArray(content)) return false;
	const mapping = content as Record<string, unknown>;
	if (rest.length === 0) {
		mapping[step] = value;
		return true;
	}
	mapping[step] ??= {};
	return write(mapping[step], rest, value);
}
