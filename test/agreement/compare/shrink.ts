/** Makes a cluster on which the two disagree as small as it gets. */

import { keyOf, type Manifest } from '../manifest.ts';

/** Whether a cluster still shows what it is to show. */
export type Test = (manifests: readonly Manifest[]) => Promise<boolean>;

const LONGEST_MS = 60_000;

/** First leaves out objects, then parts of objects, as long as `shows` holds. Never leaves out the pod `kept`. */
export async function shrink(manifests: readonly Manifest[], kept: string, shows: Test): Promise<Manifest[]> {
	const deadline = performance.now() + LONGEST_MS;
	const inTime: Test = async (candidate) => performance.now() < deadline && shows(candidate);
	const isKept = (manifest: Manifest) => manifest.kind === 'Pod' && keyOf(manifest) === kept;
	const pod = manifests.filter(isKept);
	const others = manifests.filter((manifest) => !isKept(manifest));
	const needed = await fewest(others, (some) => inTime([...some, ...pod]));
	return smallest([...needed, ...pod], inTime);
}

/** Leaves out ever smaller runs of the items. */
async function fewest<T>(items: readonly T[], shows: (items: readonly T[]) => Promise<boolean>): Promise<readonly T[]> {
	let left = items;
	for (let run = Math.ceil(left.length / 2); run > 0; run = run === 1 ? 0 : Math.ceil(run / 2)) {
		for (let at = 0; at < left.length; ) {
			const without = [...left.slice(0, at), ...left.slice(at + run)];
			if (await shows(without)) left = without;
			else at += run;
		}
	}
	return left;
}

/** Leaves out fields and list items, until none can go. */
async function smallest(manifests: readonly Manifest[], shows: Test): Promise<Manifest[]> {
	let left = [...manifests];
	for (let i = 0; i < left.length; i++) {
		let path = nextPath(left[i] as Manifest, undefined);
		while (path) {
			const without = left.with(i, withoutPath(left[i] as Manifest, path));
			if (await shows(without)) {
				left = without;
				path = nextPath(left[i] as Manifest, before(path));
			} else {
				path = nextPath(left[i] as Manifest, path);
			}
		}
	}
	return left;
}

type Path = readonly string[];

/** What every object has, or it would be another one. */
const FIXED = ['apiVersion', 'kind', 'metadata', 'metadata.name', 'metadata.namespace', 'metadata.uid'];

/** The paths of an object in order: a whole before its parts. */
function paths(value: unknown, prefix: Path = []): Path[] {
	if (typeof value !== 'object' || value === null) return [];
	return Object.entries(value).flatMap(([key, part]) => [[...prefix, key], ...paths(part, [...prefix, key])]);
}

function nextPath(manifest: Manifest, after: Path | undefined): Path | undefined {
	const all = paths(manifest).filter((path) => !FIXED.includes(path.join('.')));
	const text = (path: Path) => path.join('\0');
	const at = after === undefined ? -1 : all.findIndex((path) => text(path) === text(after));
	return all[at + 1];
}

/** Where to go on after this path is gone; not knowing it, nextPath starts anew. */
function before(_path: Path): undefined {
	return undefined;
}

function withoutPath<T>(value: T, [key, ...rest]: Path): T {
	if (Array.isArray(value)) {
		const at = Number(key);
		return (rest.length === 0 ? value.toSpliced(at, 1) : value.with(at, withoutPath(value[at], rest))) as T;
	}
	const { [key as string]: part, ...others } = value as Record<string, unknown>;
	return (rest.length === 0 ? others : { ...(value as object), [key as string]: withoutPath(part, rest) }) as T;
}
