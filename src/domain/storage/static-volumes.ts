/**
 * Which pre-provisioned volume a claim gets on a node: FindMatchingVolume in
 * k8s.io/component-helpers/storage/volume/pv_helpers.go, without looking at every volume for every node.
 */

import type { Claim, Labels, Volume } from '../model.ts';
import type { Expression } from '../topology/expression.ts';
import type { Requirement, Term } from '../topology/requirement.ts';
import { compareQuantities, ZERO } from './quantity.ts';
import type { Shelf } from './shelf.ts';
import { AlikeSearch, bySizeThenName, isAlike, lowerBound, StaticSearch } from './static-search.ts';

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
	/** By the labels of a node; forgotten whenever a shelf comes or goes. */
	#byLabels = new WeakMap<Labels, readonly Shelf[]>();

	get isEmpty(): boolean {
		return this.#shelves.size === 0 && this.#reserved.size === 0;
	}

	/** Whether a CSI volume of the driver is among them that is not another claim's. Looks at all of them, at no other property. */
	hasOfDriver(driver: string, claim: Claim): boolean {
		const isOf = ({ csi }: Volume) => csi?.driver === driver;
		return this.#reservedFor(claim).some(isOf) || [...this.#shelves.values()].some(({ volumes }) => volumes.some(isOf));
	}

	add(volume: Volume): void {
		if (volume.deleting) return;
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
		return new StaticSearch(claim, this.#reservedFor(claim), (labels) => this.#shelvesAt(labels));
	}

	/** A search for claims that differ in size only; undefined where they differ otherwise, or a volume is reserved for one. */
	searchAlike(claims: readonly Claim[]): AlikeSearch | undefined {
		const [first] = claims;
		if (!first || !claims.every((claim) => isAlike(claim, first) && this.#reservedFor(claim).length === 0))
			return undefined;
		return new AlikeSearch(claims, (labels) => this.#shelvesAt(labels));
	}

	#reservedFor(claim: Claim): Volume[] {
		return [...(this.#reserved.get(`${claim.namespace}/${claim.name}`)?.values() ?? [])]
			.filter((volume) => isReservedFor(volume, claim) && fitsReserved(claim, volume))
			.sort(bySizeThenName);
	}

	/** The shelves that a node with these labels may reach. */
	#shelvesAt(labels: Labels): readonly Shelf[] {
		const known = this.#byLabels.get(labels);
		if (known) return known;
		const found: (readonly Shelf[])[] = this.#loose.length > 0 ? [this.#loose] : [];
		for (const [key, byValue] of this.#anchored) {
			const anchored = Object.hasOwn(labels, key) ? byValue.get(labels[key] as string) : undefined;
			if (anchored) found.push(anchored);
		}
		const shelves = found.length === 1 ? (found[0] as readonly Shelf[]) : found.flat();
		this.#byLabels.set(labels, shelves);
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
		this.#byLabels = new WeakMap();
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
		this.#byLabels = new WeakMap();
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

/** One In expression of each term: a node that matches the affinity has one of these labels. Undefined where a term has none. */
function anchorsOf(affinity: Requirement | undefined): Expression[] | undefined {
	if (!affinity) return undefined;
	const anchors = affinity.terms.map(anchorOf);
	return anchors.includes(undefined) ? undefined : (anchors as Expression[]);
}

/** The one that tells the most nodes apart: a volume of one host often names its zone as well. */
function anchorOf(term: Term): Expression | undefined {
	const candidates = term.filter(({ operator }) => operator === 'In');
	return candidates.find(({ key }) => /(hostname|node)$/.test(key)) ?? candidates[0];
}

function shelfKey({ affinity, volumeMode, attributesClass, accessModes }: Volume): string {
	return `${volumeMode}|${attributesClass}|${[...accessModes].sort().join()}|${affinity?.key ?? ''}`;
}

function placeOf(shelf: Shelf, volume: Volume): number {
	return lowerBound(shelf.volumes, (other) => bySizeThenName(other, volume) < 0);
}
