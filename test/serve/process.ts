// topobind as a process, as a user starts it.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface Outcome {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

const running: ChildProcess[] = [];
afterEach(() => {
	for (const child of running.splice(0)) child.kill('SIGKILL');
});

export interface Topobind {
	readonly extender: string;
	readonly admin: string;
	readonly stdout: () => string;
	readonly ended: Promise<Outcome>;
	signal(name: NodeJS.Signals): void;
}

/** Runs a command to its end. */
export function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
	return start(args, env).ended;
}

/** Starts `serve` on free ports and waits until it listens. */
export async function serve(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Topobind> {
	const ports = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
	const { child, ended, stdout } = start(['serve', ...ports, ...args], env);
	const listening = Promise.withResolvers<{ extender: string; admin: string }>();
	child.stdout?.on('data', () => {
		const line = stdout()
			.split('\n')
			.find((text) => text.includes('"msg":"listening"'));
		if (line?.endsWith('}')) listening.resolve(JSON.parse(line));
	});
	ended.then(({ code, stderr }) => listening.reject(new Error(`ended with ${code} before it listened: ${stderr}`)));
	const { extender, admin } = await listening.promise;
	return { extender, admin, stdout, ended, signal: (name) => child.kill(name) };
}

function start(args: readonly string[], env: NodeJS.ProcessEnv) {
	// Nothing of the caller's environment that topobind reads.
	const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TOPOBIND_|KUBE)/.test(name)));
	const child = spawn(process.execPath, [main, ...args], {
		env: { ...clean, ...env },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	running.push(child);
	let stdout = '';
	let stderr = '';
	child.stdout.on('data', (chunk) => {
		stdout += chunk;
	});
	child.stderr.on('data', (chunk) => {
		stderr += chunk;
	});
	const ended = new Promise<Outcome>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
	return { child, ended, stdout: () => stdout };
}
