import { enableCompileCache } from 'node:module';
import { CommandError, EXIT } from './cli/exit.ts';
import { VERSION } from './cli/version.ts';

// Reads and strips the sources once: later starts take half the time. Where nothing can be written it does nothing.
enableCompileCache();

const COMMANDS: Readonly<Record<string, () => Promise<{ run(args: readonly string[]): Promise<number> }>>> = {
	serve: () => import('./cli/serve.ts'),
	doctor: () => import('./cli/doctor.ts'),
};

const HELP = `topobind puts pods where their volumes can be reached.

Usage: topobind COMMAND [FLAGS]

Commands:
  serve    answer kube-scheduler's filter, prioritize, preempt and bind calls
  doctor   find claims that can never be provisioned where they are pinned

topobind COMMAND --help shows the flags of a command.
`;

async function main([name, ...args]: readonly string[]): Promise<number> {
	if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
		process.stdout.write(HELP);
		return name === undefined ? EXIT.usage : EXIT.ok;
	}
	if (name === '--version' || name === 'version') {
		process.stdout.write(`${VERSION}\n`);
		return EXIT.ok;
	}
	const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
	if (!load) throw new CommandError(EXIT.usage, `unknown command "${name}"; see topobind --help`);
	return (await load()).run(args);
}

try {
	process.exitCode = await main(process.argv.slice(2));
} catch (error) {
	if (!(error instanceof CommandError)) throw error;
	for (const line of error.message.split('\n')) process.stderr.write(`topobind: ${line}\n`);
	process.exitCode = error.code;
}
