// A lock file that holds the pid of its owner, so that two builds do not do
// the same work twice, and a build that was killed blocks nobody.

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { BuildError } from './go.ts';

const longestWait = 60 * 60_000;

/** Takes the lock, waiting for a live owner; returns the function that frees it. */
export async function lock(path: string, log: (line: string) => void): Promise<() => void> {
	const deadline = Date.now() + longestWait;
	let told = false;
	while (Date.now() < deadline) {
		if (tryLock(path)) return () => rmSync(path, { force: true });
		const owner = ownerOf(path);
		if (owner === undefined) continue; // freed, or a dead owner's lock moved away, just now
		if (!told) log(`waiting for another build (pid ${owner}), see ${path}`);
		told = true;
		// Looking again is the only way to learn that a process which is not our
		// child has died.
		await setTimeout(500);
	}
	throw new BuildError(`another build has held ${path} for an hour`);
}

function tryLock(path: string): boolean {
	// Linked into place, so that nobody ever reads a lock without a pid in it.
	const own = `${path}.${process.pid}.new`;
	writeFileSync(own, String(process.pid));
	try {
		linkSync(own, path);
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
		throw error;
	} finally {
		rmSync(own);
	}
}

/** The live owner's pid; moves the lock of a dead one out of the way. */
function ownerOf(path: string): number | undefined {
	let text: string;
	try {
		text = readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
	if (isAlive(Number(text))) return Number(text);

	// Renamed, not removed: of two that find the lock stale only one can move it,
	// and it notices if what it moved was a fresh lock, taken in between.
	const aside = `${path}.${process.pid}`;
	try {
		renameSync(path, aside);
		if (readFileSync(aside, 'utf8') === text) rmSync(aside);
		else renameSync(aside, path);
	} catch {
		// The other one was faster.
	}
	return undefined;
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}
