/**
 * Which pre-provisioned volume a claim gets on a node: FindMatchingVolume in
 * k8s.io/component-helpers/storage/volume/pv_helpers.go, without looking at every volume for every node.
 */

import type { Claim, Labels, Volume } from '../model.ts';
import type { Expression } from '../topology/expression.ts';
import { matchesRequirement, type Requirement } from '../topology/requirement.ts';
import { compareQuantities, type Quantity, ZERO } from './quantity.ts';

/** Available volumes that differ in size, name and labels only. */
interface Shelf {
	readonly affinity: Requirement | undefined;
	readonly volumeMode: string;
	readonly attributesClass: string;
	readonly accessModes: ReadonlySet<string>;
	/** By size, then name. */
	readonly volumes: Volume[];
	/** The volumes' sizes as doubles, in the same order: most volumes are passed over by a look at these alone. */
	readonly sizes: number[];
	/** Whoever finds the shelf by its one label meets its affinity. */
	readonly exact: boolean;
}

/**
 * The volumes of one class that a claim may still be bound to.
 *
 * - A shelf holds volumes without a claimRef that are Available and not being deleted; a volume with a
 *   claimRef is kept by the claim it is reserved for.
 * - A shelf whose affinity names values for a key is found by a node's label (`#anchored`), any other is in `#loose`;
 *   so nothing here depends on which nodes there are.
 */
export class StaticVolumes {
	readonly #shelves = new Map<string, Shelf>();
	/** Label key → value → shelves that a node with this label may reach. */
	readonly #anchored = new Map<string, Map<string, Shelf[]>>();
	readonly #loose: Shelf[] = [];
	readonly #reserved = new Map<string, Map<string, Volume>>();
	#lastLabels: Labels | undefined;
	#lastShelves: readonly Shelf[] = [];

	get isEmpty(): boolean {
		return this.#shelves.size === 0 && this.#reserved.size === 0;
	}

	add(volume: Volume): void {
		if (volume.deleting) return;
		this.#lastLabels = undefined;
		if (volume.claimRef) {
			const key = `${volume.claimRef.namespace}/${volume.claimRef.name}`;
			const volumes = this.#reserved.get(key) ?? new Map<string, Volume>();
			this.#reserved.set(key, volumes.set(volume.name, volume));
		} else if (volume.phase === 'Available') {
			const shelf = this.#shelfFor(volume);
			const place = placeOf(shelf, volume);
			shelf.volumes.splice(place, 0, volume);
			shelf.sizes.splice(place, 0, volume.capacity.approximate);
		}
	}

	/** Takes out exactly what `add` put in; `volume` must be that same version. */
	remove(volume: Volume): void {
		if (volume.deleting) return;
		this.#lastLabels = undefined;
		if (volume.claimRef) {
			const key = `${volume.claimRef.namespace}/${volume.claimRef.name}`;
			const volumes = this.#reserved.get(key);
			volumes?.delete(volume.name);
			if (volumes?.size === 0) this.#reserved.delete(key);
		} else if (volume.phase === 'Available') {
			const shelf = this.#shelves.get(shelfKey(volume));
			if (!shelf) return;
			const place = placeOf(shelf, volume);
			if (shelf.volumes[place]?.name === volume.name) {
				shelf.volumes.splice(place, 1);
				shelf.sizes.splice(place, 1);
			}
			if (shelf.volumes.length === 0) this.#discard(shelfKey(volume), shelf);
		}
	}

	/** A search for one claim, to be asked node by node; what does not depend on the node is found out once. */
	search(claim: Claim): StaticSearch {
		const reserved = [...(this.#reserved.get(`${claim.namespace}/${claim.name}`)?.values() ?? [])]
			.filter((volume) => isReservedFor(volume, claim) && fitsReserved(claim, volume))
			.sort(bySizeThenName);
		return new StaticSearch(claim, reserved, (labels) => this.#shelvesAt(labels));
	}

	/** The shelves that a node with these labels may reach. Kept for the next claim, which asks about the same node. */
	#shelvesAt(labels: Labels): readonly Shelf[] {
		if (this.#lastLabels === labels) return this.#lastShelves;
		const found: (readonly Shelf[])[] = this.#loose.length > 0 ? [this.#loose] : [];
		for (const [key, byValue] of this.#anchored) {
			const anchored = Object.hasOwn(labels, key) ? byValue.get(labels[key] as string) : undefined;
			if (anchored) found.push(anchored);
		}
		const shelves = found.length === 1 ? (found[0] as readonly Shelf[]) : found.flat();
		this.#lastLabels = labels;
		this.#lastShelves = shelves;
		return shelves;
	}

	#shelfFor(volume: Volume): Shelf {
		const key = shelfKey(volume);
		const known = this.#shelves.get(key);
		if (known) return known;
		const { affinity, volumeMode, attributesClass } = volume;
		const anchors = anchorsOf(affinity);
		const shelf: Shelf = {
			affinity,
			volumeMode,
			attributesClass,
			accessModes: new Set(volume.accessModes),
			volumes: [],
			sizes: [],
			exact: anchors !== undefined && affinity?.terms.length === 1 && affinity.terms[0]?.length === 1,
		};
		this.#shelves.set(key, shelf);
		if (!anchors) this.#loose.push(shelf);
		for (const { key: label, values } of anchors ?? []) {
			const byValue = this.#anchored.get(label) ?? new Map<string, Shelf[]>();
			this.#anchored.set(label, byValue);
			for (const value of values) {
				const shelves = byValue.get(value);
				if (!shelves) byValue.set(value, [shelf]);
				else if (!shelves.includes(shelf)) shelves.push(shelf);
			}
		}
		return shelf;
	}

	#discard(key: string, shelf: Shelf): void {
		this.#shelves.delete(key);
		drop(this.#loose, shelf);
		for (const { key: label, values } of anchorsOf(shelf.affinity) ?? []) {
			const byValue = this.#anchored.get(label);
			for (const value of values) {
				const shelves = byValue?.get(value);
				if (shelves) drop(shelves, shelf);
				if (shelves?.length === 0) byValue?.delete(value);
			}
			if (byValue?.size === 0) this.#anchored.delete(label);
		}
	}
}

/** Shelves larger than this are searched once a claim, not once a node. */
const SMALL_SHELF = 32;

/** The search for one claim's volume. Valid within one synchronous judgement only. */
export class StaticSearch {
	readonly claim: Claim;
	readonly #request: Quantity;
	readonly #reserved: readonly Volume[];
	readonly #shelvesFor: (labels: Labels) => readonly Shelf[];
	/** For large shelves: the volumes that fit, found so far, and where the search goes on. */
	readonly #found = new Map<Shelf, { readonly fitting: Volume[]; next: number }>();

	constructor(claim: Claim, reserved: readonly Volume[], shelvesFor: (labels: Labels) => readonly Shelf[]) {
		this.claim = claim;
		this.#request = claim.request ?? ZERO;
		this.#reserved = reserved;
		this.#shelvesFor = shelvesFor;
	}

	/** The smallest volume that fits on a node with these labels; undefined where there is none. Equal sizes: the first by name. */
	best(labels: Labels, taken: readonly (Volume | undefined)[]): Volume | undefined {
		const reserved = this.#reserved.find((volume) => !taken.includes(volume));
		if (reserved) return reaches(reserved.affinity, labels) ? reserved : undefined;
		let best: Volume | undefined;
		for (const shelf of this.#shelvesFor(labels)) {
			if (!this.#fitsShelf(shelf)) continue;
			const first = this.#first(shelf, taken);
			if (first === undefined || (best !== undefined && bySizeThenName(best, first) <= 0)) continue;
			if (shelf.exact || reaches(shelf.affinity, labels)) best = first;
		}
		return best;
	}

	#fitsShelf(shelf: Shelf): boolean {
		const { volumeMode, attributesClass, accessModes } = this.claim;
		if (shelf.volumeMode !== volumeMode || shelf.attributesClass !== attributesClass) return false;
		return accessModes.every((mode) => shelf.accessModes.has(mode));
	}

	#first(shelf: Shelf, taken: readonly (Volume | undefined)[]): Volume | undefined {
		return shelf.volumes.length <= SMALL_SHELF ? this.#firstOfFew(shelf, taken) : this.#firstOfMany(shelf, taken);
	}

	#firstOfFew({ volumes, sizes }: Shelf, taken: readonly (Volume | undefined)[]): Volume | undefined {
		for (let i = 0; i < volumes.length; i++) {
			const size = sizes[i] as number;
			if (size < this.#request.approximate) continue;
			const volume = volumes[i] as Volume;
			if (size === this.#request.approximate && compareQuantities(volume.capacity, this.#request) < 0) continue;
			if (this.#matchesSelector(volume) && !taken.includes(volume)) return volume;
		}
		return undefined;
	}

	#firstOfMany(shelf: Shelf, taken: readonly (Volume | undefined)[]): Volume | undefined {
		let found = this.#found.get(shelf);
		if (!found) {
			found = { fitting: [], next: firstOfSize(shelf.volumes, this.#request) };
			this.#found.set(shelf, found);
		}
		for (const volume of found.fitting) if (!taken.includes(volume)) return volume;
		while (found.next < shelf.volumes.length) {
			const volume = shelf.volumes[found.next++] as Volume;
			if (!this.#matchesSelector(volume)) continue;
			found.fitting.push(volume);
			if (!taken.includes(volume)) return volume;
		}
		return undefined;
	}

	#matchesSelector(volume: Volume): boolean {
		return this.claim.selector === undefined || matchesRequirement(this.claim.selector, volume.labels);
	}
}

/** IsVolumeBoundToClaim: the claimRef names the claim, and its UID where it carries one. */
export function isReservedFor({ claimRef }: Volume, claim: Claim): boolean {
	if (claimRef?.name !== claim.name || claimRef.namespace !== claim.namespace) return false;
	return claimRef.uid === '' || claimRef.uid === claim.uid;
}

/** What even a volume reserved for the claim must fit; phase, selector and access modes are not looked at. */
function fitsReserved(claim: Claim, volume: Volume): boolean {
	return (
		compareQuantities(volume.capacity, claim.request ?? ZERO) >= 0 &&
		volume.volumeMode === claim.volumeMode &&
		volume.attributesClass === claim.attributesClass
	);
}

function drop(shelves: Shelf[], shelf: Shelf): void {
	const at = shelves.indexOf(shelf);
	if (at >= 0) shelves.splice(at, 1);
}

function reaches(affinity: Requirement | undefined, labels: Labels): boolean {
	return affinity === undefined || matchesRequirement(affinity, labels);
}

/** One In expression of each term: a node that matches the affinity has one of these labels. Undefined where a term has none. */
function anchorsOf(affinity: Requirement | undefined): Expression[] | undefined {
	if (!affinity) return undefined;
	const anchors = affinity.terms.map((term) => term.find((expression) => expression.operator === 'In'));
	return anchors.includes(undefined) ? undefined : (anchors as Expression[]);
}

function shelfKey({ affinity, volumeMode, attributesClass, accessModes }: Volume): string {
	return `${volumeMode}|${attributesClass}|${[...accessModes].sort().join()}|${affinity?.key ?? ''}`;
}

function bySizeThenName(a: Volume, b: Volume): number {
	return compareQuantities(a.capacity, b.capacity) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

function placeOf(shelf: Shelf, volume: Volume): number {
	return lowerBound(shelf.volumes, (other) => bySizeThenName(other, volume) < 0);
}

function firstOfSize(volumes: readonly Volume[], request: Quantity): number {
	return lowerBound(volumes, (volume) => compareQuantities(volume.capacity, request) < 0);
}

function lowerBound(volumes: readonly Volume[], isBefore: (volume: Volume) => boolean): number {
	let low = 0;
	let high = volumes.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (isBefore(volumes[middle] as Volume)) low = middle + 1;
		else high = middle;
	}
	return low;
}
