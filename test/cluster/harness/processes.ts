// Child processes that cannot be left behind, each with a log file.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** For a look at the logs afterwards. */
const keep = (process.env.TOPOBIND_TEST_KEEP ?? '') !== '';

export interface ProcessOptions {
	readonly name: string;
	readonly bin: string;
	readonly args: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
	/** Folder of the log file `<name>.log`; also the process's home and working folder. */
	readonly dir: string;
}

/** A process that was started, and how to end it. */
export interface Running {
	readonly name: string;
	readonly pid: number;
	readonly logFile: string;
	/** Settles when the process has ended, whoever ended it. */
	readonly exited: Promise<string>;
	/** True until the process has ended. */
	alive(): boolean;
	/** The last lines of the log, for messages. */
	lastLines(count?: number): string;
	/** SIGTERM, then SIGKILL once the grace is over; resolves when it has ended. */
	stop(graceMs?: number): Promise<void>;
	/** SIGKILL, as when a machine dies. */
	kill(): Promise<void>;
	/** Stands still from now on, until `resume`. */
	suspend(): void;
	resume(): void;
}

/** Starts a process. Fails if it cannot be started at all. */
export async function startProcess(options: ProcessOptions): Promise<Running> {
	const { name, bin, args, dir } = options;
	const logFile = join(dir, `${name}.log`);
	const log = openSync(logFile, 'a');
	const child = spawn(bin, args, {
		cwd: dir,
		// Nothing of the caller's environment: a KUBECONFIG there would win over --kubeconfig.
		env: { PATH: process.env.PATH, HOME: dir, TMPDIR: dir, ...options.env },
		stdio: ['ignore', log, log],
	});
	closeSync(log);
	const exited = new Promise<string>((resolve) => {
		child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
	});
	await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
	const pid = child.pid as number;
	tellReaper(`+${pid}`);
	exited.then(() => tellReaper(`-${pid}`));

	const alive = () => child.exitCode === null && child.signalCode === null;
	const kill = async () => {
		child.kill('SIGKILL');
		await exited;
	};
	return {
		name,
		pid,
		logFile,
		exited,
		alive,
		kill,
		suspend: () => void child.kill('SIGSTOP'),
		resume: () => void child.kill('SIGCONT'),
		lastLines: (count = 20) => readFileSync(logFile, 'utf8').trim().split('\n').slice(-count).join('\n'),
		stop: async (graceMs = 3000) => {
			child.kill('SIGTERM');
			const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
			await exited;
			clearTimeout(timer);
		},
	};
}

/** A new temporary folder, removed at the end, however this process ends. */
export function temporaryDir(): string {
	const dir = mkdtempSync(join(tmpdir(), 'topobind-'));
	if (keep) console.error(`logs stay in ${dir}`);
	else tellReaper(`dir ${dir}`);
	return dir;
}

/** Removes a temporary folder before the end. */
export function removeDir(dir: string): void {
	if (!keep) rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
}

/** What went wrong, with the last lines of the log that tells why. */
export function failure(what: string, process: Running): Error {
	const hint = keep ? '' : ' (TOPOBIND_TEST_KEEP=1 keeps it whole)';
	return new Error(`${what}; the end of ${process.logFile}${hint}:\n${process.lastLines()}`);
}

let reaper: ChildProcess | undefined;

function tellReaper(line: string): void {
	reaper ??= startReaper();
	reaper.stdin?.write(`${line}\n`);
}

function startReaper(): ChildProcess {
	const script = fileURLToPath(new URL('./reaper.ts', import.meta.url));
	const child = spawn(process.execPath, [script], {
		stdio: ['pipe', 'ignore', 'inherit'],
		detached: true, // not in our process group, so that it is not killed along with us
	});
	child.unref();
	// The pipe must not keep us running; that it closes when we end is the point.
	(child.stdin as unknown as { unref(): void }).unref();
	return child;
}
