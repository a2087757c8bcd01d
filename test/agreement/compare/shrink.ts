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
	let small: readonly Manifest[] = [...needed, ...pod];
	// What a part referred to may have become superfluous with it, be it an object or a part of one.
	for (let before = Number.POSITIVE_INFINITY; sizeOf(small) < before; ) {
		before = sizeOf(small);
		small = await smallest(small, inTime);
		small = await fewest(small, (some) => (some.some(isKept) ? inTime(some) : Promise.resolve(false)));
	}
	return [...small];
}

const sizeOf = (manifests: readonly Manifest[]) => JSON.stringify(manifests).length;

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

/** Leaves out fields and list items, a whole before its parts. */
async function smallest(manifests: readonly Manifest[], shows: Test): Promise<Manifest[]> {
	let left = [...manifests];
	for (let i = 0; i < left.length; i++) {
		// What is left out takes its place from the list of paths, so the next one then has its index.
		for (let at = 0; ; ) {
			const manifest = left[i] as Manifest;
			const path = pathsOf(manifest)[at];
			if (!path) break;
			const without = left.with(i, withoutPath(manifest, path));
			if (await shows(without)) left = without;
			else at++;
		}
	}
	return left;
}

type Path = readonly string[];

/** What makes an object the one it is. */
const FIXED = ['apiVersion', 'kind', 'metadata', 'metadata.name', 'metadata.namespace', 'metadata.uid'];

function pathsOf(value: unknown, prefix: Path = []): Path[] {
	if (typeof value !== 'object' || value === null) return [];
	return Object.entries(value).flatMap(([key, part]) => {
		const path = [...prefix, key];
		return [...(FIXED.includes(path.join('.')) ? [] : [path]), ...pathsOf(part, path)];
	});
}

function withoutPath<T>(value: T, [key = '', ...rest]: Path): T {
	if (Array.isArray(value)) {
		const at = Number(key);
		return (rest.length === 0 ? value.toSpliced(at, 1) : value.with(at, withoutPath(value[at], rest))) as T;
	}
	const { [key]: part, ...others } = value as Record<string, unknown>;
	return (rest.length === 0 ? others : { ...value, [key]: withoutPath(part, rest) }) as T;
}
