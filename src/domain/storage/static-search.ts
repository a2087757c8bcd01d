/** The search for static volumes on the shelves of one class, node by node. */

import type { Claim, Labels, Volume } from '../model.ts';
import { matchesRequirement, type Requirement } from '../topology/requirement.ts';
import { compareQuantities, type Quantity, ZERO } from './quantity.ts';
import type { Shelf } from './shelf.ts';

type ShelvesAt = (labels: Labels) => readonly Shelf[];

/** Shelves larger than this are searched once a claim, not once a node. */
const SMALL_SHELF = 32;

/** The search for one claim's volume. Valid within one synchronous judgement only. */
export class StaticSearch {
	readonly claim: Claim;
	readonly #request: Quantity;
	readonly #reserved: readonly Volume[];
	readonly #shelvesFor: ShelvesAt;
	/** For large shelves: the volumes that fit, found so far, and where the search goes on. */
	readonly #found = new Map<Shelf, { readonly fitting: Volume[]; next: number }>();

	constructor(claim: Claim, reserved: readonly Volume[], shelvesFor: ShelvesAt) {
		this.claim = claim;
		this.#request = claim.request ?? ZERO;
		this.#reserved = reserved;
		this.#shelvesFor = shelvesFor;
	}

	/** The smallest volume that fits on a node with these labels; undefined where there is none. Equal sizes: the first by name. */
	best(labels: Labels, taken: ReadonlySet<Volume>): Volume | undefined {
		const reserved = this.#reserved.find((volume) => !taken.has(volume));
		if (reserved) return reaches(reserved.affinity, labels) ? reserved : undefined;
		let best: Volume | undefined;
		for (const shelf of this.#shelvesFor(labels)) {
			if (!fitsShelf(this.claim, shelf)) continue;
			const first = this.#first(shelf, taken);
			if (first === undefined || (best !== undefined && bySizeThenName(best, first) <= 0)) continue;
			if (shelf.exact || reaches(shelf.affinity, labels)) best = first;
		}
		return best;
	}

	#first(shelf: Shelf, taken: ReadonlySet<Volume>): Volume | undefined {
		return shelf.volumes.length <= SMALL_SHELF ? this.#firstOfFew(shelf, taken) : this.#firstOfMany(shelf, taken);
	}

	#firstOfFew(shelf: Shelf, taken: ReadonlySet<Volume>): Volume | undefined {
		for (let i = 0; i < shelf.volumes.length; i++) {
			if (!isLargeEnough(shelf, i, this.#request)) continue;
			const volume = shelf.volumes[i] as Volume;
			if (this.#matchesSelector(volume) && !taken.has(volume)) return volume;
		}
		return undefined;
	}

	#firstOfMany(shelf: Shelf, taken: ReadonlySet<Volume>): Volume | undefined {
		let found = this.#found.get(shelf);
		if (!found) {
			found = { fitting: [], next: firstOfSize(shelf.volumes, this.#request) };
			this.#found.set(shelf, found);
		}
		for (const volume of found.fitting) if (!taken.has(volume)) return volume;
		while (found.next < shelf.volumes.length) {
			const volume = shelf.volumes[found.next++] as Volume;
			if (!this.#matchesSelector(volume)) continue;
			found.fitting.push(volume);
			if (!taken.has(volume)) return volume;
		}
		return undefined;
	}

	#matchesSelector(volume: Volume): boolean {
		return this.claim.selector === undefined || matchesRequirement(this.claim.selector, volume.labels);
	}
}

/**
 * The same search for several claims at once that differ in size only. Where a node reaches one shelf, what they get is
 * told by the shelf's sizes alone; the volumes themselves, by far most of the memory, are not touched.
 */
export class AlikeSearch {
	readonly #claim: Claim;
	/** Ascending. */
	readonly #requests: readonly Quantity[];
	readonly #shelvesAt: ShelvesAt;

	constructor(claims: readonly Claim[], shelvesAt: ShelvesAt) {
		this.#claim = claims[0] as Claim;
		this.#requests = claims.map((claim) => claim.request ?? ZERO);
		this.#shelvesAt = shelvesAt;
	}

	/** How many of the claims, the smallest first, get a volume on a node with these labels; undefined where that takes a look at volumes. */
	served(labels: Labels): number | undefined {
		const shelves = this.#shelvesAt(labels);
		if (shelves.length === 0) return 0;
		const shelf = shelves[0] as Shelf;
		if (shelves.length > 1 || !shelf.exact || !fitsShelf(this.#claim, shelf)) return undefined;
		let next = 0;
		for (let served = 0; served < this.#requests.length; served++) {
			const request = this.#requests[served] as Quantity;
			while (next < shelf.sizes.length && !isLargeEnough(shelf, next, request)) next++;
			if (next++ >= shelf.sizes.length) return served;
		}
		return this.#requests.length;
	}
}

/** Claims that the same volumes fit, but for their size. */
export function isAlike(a: Claim, b: Claim): boolean {
	return (
		a.className === b.className &&
		a.volumeMode === b.volumeMode &&
		a.attributesClass === b.attributesClass &&
		a.selector === undefined &&
		b.selector === undefined &&
		a.accessModes.join() === b.accessModes.join()
	);
}

/** The order in which claims of one pod take volumes. */
export function smallestFirst(claims: readonly Claim[]): Claim[] {
	return claims.toSorted((a, b) => compareQuantities(a.request ?? ZERO, b.request ?? ZERO));
}

function fitsShelf({ volumeMode, attributesClass, accessModes }: Claim, shelf: Shelf): boolean {
	if (shelf.volumeMode !== volumeMode || shelf.attributesClass !== attributesClass) return false;
	return accessModes.every((mode) => shelf.accessModes.has(mode));
}

function isLargeEnough({ sizes, volumes }: Shelf, at: number, request: Quantity): boolean {
	const size = sizes[at] as number;
	if (size !== request.approximate) return size > request.approximate;
	return compareQuantities((volumes[at] as Volume).capacity, request) >= 0;
}

function reaches(affinity: Requirement | undefined, labels: Labels): boolean {
	return affinity === undefined || matchesRequirement(affinity, labels);
}

export function bySizeThenName(a: Volume, b: Volume): number {
	return compareQuantities(a.capacity, b.capacity) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

function firstOfSize(volumes: readonly Volume[], request: Quantity): number {
	return lowerBound(volumes, (volume) => compareQuantities(volume.capacity, request) < 0);
}

export function lowerBound(volumes: readonly Volume[], isBefore: (volume: Volume) => boolean): number {
	let low = 0;
	let high = volumes.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (isBefore(volumes[middle] as Volume)) low = middle + 1;
		else high = middle;
	}
	return low;
}
