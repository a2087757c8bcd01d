// The built control plane, in a folder outside the checkout.

import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { BuildError, checkGo, go, killGo } from './go.ts';
import { lock } from './lock.ts';
import {
	assets,
	buildFlags,
	commands,
	controlPlaneKey,
	type Program,
	programKey,
	programs,
	provisioner,
} from './recipe.ts';

export type Binary = keyof typeof commands | typeof provisioner.binary | Program;

/** Where everything is once it is built. */
export interface Built {
	readonly dir: string;
	readonly bin: Readonly<Record<Binary, string>>;
	readonly kwokStages: readonly string[];
	readonly snapshotCrds: readonly string[];
}

const unfinished = '.unfinished';

interface Step {
	readonly name: string;
	readonly target: string;
	/** Writes a file or folder, which is then moved to its target. */
	readonly make: (path: string) => Promise<void>;
}

/** Builds what is missing. With nothing missing it only looks, and needs no Go. */
export async function ensureBuilt(log: (line: string) => void = () => {}): Promise<Built> {
	const root = join(cacheHome(), 'topobind');
	const built = layout(root);
	const missing = () => steps(built).filter((step) => !existsSync(step.target));
	if (missing().length === 0) return built;

	mkdirSync(root, { recursive: true });
	const unlock = await lock(join(root, 'build.lock'), log);
	const stopWatching = onInterrupt(() => {
		killGo();
		unlock();
	});
	try {
		const todo = missing(); // after waiting for another build it may all be there
		if (todo.length > 0) await build(todo, log);
	} finally {
		stopWatching();
		unlock();
	}
	return built;
}

async function build(todo: readonly Step[], log: (line: string) => void): Promise<void> {
	await checkGo();
	log(`building ${todo.length} parts of the test control plane, first ${todo[0]?.name}`);
	log('(from nothing this takes about twenty minutes; what is finished survives an interruption)');
	for (const [index, step] of todo.entries()) {
		const start = performance.now();
		await makeWhole(step);
		const seconds = ((performance.now() - start) / 1000).toFixed(1);
		const next = todo[index + 1];
		log(`  ${index + 1}/${todo.length} ${step.name}: ${seconds} s${next ? `, next ${next.name}` : ''}`);
	}
}

/** Takes a step under another name first, so that nobody ever sees half of its result. */
async function makeWhole({ target, make }: Step): Promise<void> {
	const dir = dirname(target);
	mkdirSync(dir, { recursive: true });
	for (const name of readdirSync(dir)) {
		if (name.endsWith(unfinished)) rmSync(join(dir, name), { recursive: true });
	}
	// With our pid, as a go command may outlive a build that was killed.
	const aside = `${target}.${process.pid}${unfinished}`;
	await make(aside);
	renameSync(aside, target);
}

function steps(built: Built): Step[] {
	return [
		...Object.entries(commands).map(([name, pkg]) => ({
			name,
			target: built.bin[name as Binary],
			make: (file: string) => compile(file, [pkg]),
		})),
		...programs.map((name) => ({
			name,
			target: built.bin[name],
			make: (file: string) => compile(file, [`./${name}`]),
		})),
		{
			name: provisioner.binary,
			target: built.bin[provisioner.binary],
			make: (file: string) => compileProvisioner(file, built.dir),
		},
		...Object.entries(assets).map(([name, { module, files }]) => ({
			name,
			target: join(built.dir, name),
			make: (folder: string) => copyAssets(folder, module, files),
		})),
	];
}

async function compile(file: string, args: readonly string[], cwd?: string): Promise<void> {
	await go(['build', ...buildFlags, '-o', file, ...args], cwd);
}

async function compileProvisioner(file: string, dir: string): Promise<void> {
	// Downloaded outside our module, or go would note its checksum in our go.sum.
	const found = JSON.parse(await go(['mod', 'download', '-json', provisioner.module], dir));
	if (found.Sum !== provisioner.sum) {
		throw new BuildError(`${provisioner.module} has checksum ${found.Sum}, not ${provisioner.sum}`);
	}
	await compile(file, [provisioner.package], found.Dir);
}

async function copyAssets(folder: string, module: string, files: readonly string[]): Promise<void> {
	const { Dir } = JSON.parse(await go(['mod', 'download', '-json', module]));
	mkdirSync(folder);
	for (const file of files) copyFileSync(join(Dir, file), join(folder, basename(file)));
}

function layout(root: string): Built {
	const dir = join(root, `control-plane-${controlPlaneKey()}`);
	const names = [...Object.keys(commands), provisioner.binary];
	const bin = Object.fromEntries(names.map((name) => [name, join(dir, 'bin', name)]));
	for (const name of programs) bin[name] = join(root, `${name}-${programKey(name)}`, name);
	const paths = (kind: keyof typeof assets) => assets[kind].files.map((file) => join(dir, kind, basename(file)));
	return {
		dir,
		bin: bin as Record<Binary, string>,
		kwokStages: paths('kwok-stages'),
		snapshotCrds: paths('snapshot-crds'),
	};
}

function cacheHome(): string {
	return process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
}

/** Calls back before the process ends by a signal; returns how to stop that. */
function onInterrupt(callback: () => void): () => void {
	const handlers = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => {
		const handler = () => {
			callback();
			stop();
			process.kill(process.pid, signal); // now with the default effect
		};
		process.on(signal, handler);
		return [signal, handler] as const;
	});
	const stop = () => {
		for (const [signal, handler] of handlers) process.off(signal, handler);
	};
	return stop;
}
