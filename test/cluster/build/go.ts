// Running the go command.

import { type ChildProcess, spawn } from 'node:child_process';
import { buildEnv, moduleDir } from './recipe.ts';

const oldestGo = [1, 26] as const;

/** A failure that a person can mend: shown without a stack trace. */
export class BuildError extends Error {
	override name = 'BuildError';
}

const running = new Set<ChildProcess>();

/** Ends the go commands that are still running; for when we are interrupted. */
export function killGo(): void {
	for (const child of running) {
		try {
			// The whole group: go leaves its compilers behind otherwise.
			if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
		} catch {
			// It has just ended by itself.
		}
	}
}

/** Runs `go ARGS` in a folder and returns its stdout. */
export async function go(args: readonly string[], cwd: string = moduleDir): Promise<string> {
	const child = spawn('go', args, {
		cwd,
		env: { ...process.env, ...buildEnv },
		stdio: ['ignore', 'pipe', 'pipe'],
		detached: true,
	});
	running.add(child);
	let stdout = '';
	let stderr = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		stdout += text;
	});
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		stderr += text;
	});
	try {
		const code = await new Promise<number | null>((resolve, reject) => {
			child.once('error', reject).once('close', resolve);
		});
		if (code !== 0) throw new BuildError(`go ${args.join(' ')} failed:\n${tail(stderr || stdout)}`);
		return stdout;
	} finally {
		running.delete(child);
	}
}

/** Fails with advice when Go is missing or too old. */
export async function checkGo(): Promise<void> {
	const wanted = `Go ${oldestGo.join('.')} or newer is needed to build the test control plane`;
	const install = 'install it from https://go.dev/dl/ and put it on the PATH';
	let version: string;
	try {
		version = (await go(['env', 'GOVERSION'])).trim();
	} catch (error) {
		if (error instanceof BuildError) throw new BuildError(`${wanted}.\n${error.message}`);
		throw new BuildError(`${wanted}, and no "go" was found: ${install}.`);
	}
	const [major, minor] = version.replace(/^go/, '').split('.').map(Number.parseFloat);
	const found = (major ?? 0) * 1000 + (minor ?? 0);
	if (found < oldestGo[0] * 1000 + oldestGo[1]) {
		throw new BuildError(`${wanted}, but "go" is ${version}: ${install}.`);
	}
}

function tail(text: string): string {
	return text.trim().split('\n').slice(-30).join('\n');
}
