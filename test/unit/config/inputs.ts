import { type Config, ConfigError } from '../../../src/config/config.ts';
import type { Environment } from '../../../src/config/environment.ts';
import type { ConfigFlags } from '../../../src/config/flags.ts';
import { loadConfig } from '../../../src/config/load.ts';

const HEAD = 'apiVersion: topobind.dev/v1alpha1\nkind: TopobindConfiguration\n';

export interface Given {
	flags?: ConfigFlags;
	env?: Environment;
	/** The file's content below apiVersion and kind. */
	fields?: string;
	/** The file's whole content. */
	text?: string;
	/** Other files that exist. */
	files?: Record<string, string>;
}

/** Loads a configuration from what a test gives, and nothing else. */
export function load(given: Given): Config {
	const text = given.text ?? (given.fields === undefined ? undefined : HEAD + given.fields);
	const files: Record<string, string> = { ...given.files, ...(text === undefined ? {} : { 'topobind.yaml': text }) };
	return loadConfig({
		flags: { ...(text === undefined ? {} : { config: 'topobind.yaml' }), ...given.flags },
		env: given.env ?? {},
		readFile: (path) => {
			const content = files[path];
			if (content === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
			return content;
		},
	});
}

/** What is wrong with a configuration; fails if nothing is. */
export function problems(act: () => unknown): readonly string[] {
	try {
		act();
	} catch (error) {
		if (error instanceof ConfigError) return error.problems;
		throw error;
	}
	throw new Error('the configuration was accepted');
}
