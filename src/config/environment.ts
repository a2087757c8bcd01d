import { serveFlags } from './flags.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export function variableName(flag: keyof typeof serveFlags): string {
	const entry = serveFlags[flag];
	return 'env' in entry ? entry.env : '';
}

/** What the environment says for a flag. An empty variable counts as unset, so that a manifest can leave one blank. */
export function variable(env: Environment, flag: keyof typeof serveFlags): string | undefined {
	return env[variableName(flag)] || undefined;
}
