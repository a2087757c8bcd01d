import type {
	CapacitySegment,
	Claim,
	CsiDriver,
	CsiNode,
	Pod,
	ReferenceGrant,
	Snapshot,
	SnapshotClass,
	SnapshotContent,
	SnapshotReach,
	StorageClass,
	Volume,
} from '../domain/model.ts';
import { objectKey } from '../domain/model.ts';
import { StaticVolumes } from '../domain/storage/static-volumes.ts';
import { NodeIndex } from '../domain/topology/node-index.ts';
import type { ClusterView } from '../domain/view.ts';
import { Assumptions } from './assumptions.ts';
import type { Kind, KindTypes } from './kinds.ts';
import { VolumeHandles } from './volume-handles.ts';

/**
 * One object came, changed or went. Both sides are what the watch said, without what was assumed; they are the same
 * object where only an assumption was taken back.
 */
export interface Change<K extends Kind = Kind> {
	readonly kind: K;
	readonly key: string;
	readonly previous: KindTypes[K] | undefined;
	readonly current: KindTypes[K] | undefined;
}

/** By the name of the CSI driver. */
export type DriverSettings = Readonly<Record<string, { readonly snapshots: SnapshotReach }>>;

type Listener = (change: Change) => void;
type Stores = { [K in Kind]: Map<string, KindTypes[K]> };

/**
 * What the cluster says now, overlaid by what topobind assumed. The one view that is judged by.
 *
 * - `seen*` give what the watches said; the ClusterView methods give that with the assumptions on top.
 * - The indexes (nodes, static volumes, handles, capacity, grants) always hold what the ClusterView methods give.
 * - Listeners are called synchronously, after the state has changed, and must not change it.
 */
export class ClusterState implements ClusterView {
	readonly nodes = new NodeIndex();
	readonly #stores: Stores = {
		Node: new Map(),
		Pod: new Map(),
		PersistentVolumeClaim: new Map(),
		PersistentVolume: new Map(),
		StorageClass: new Map(),
		CSINode: new Map(),
		CSIDriver: new Map(),
		CSIStorageCapacity: new Map(),
		VolumeSnapshot: new Map(),
		VolumeSnapshotContent: new Map(),
		VolumeSnapshotClass: new Map(),
		ReferenceGrant: new Map(),
	};
	readonly #claims = new Assumptions<Claim>();
	readonly #volumes = new Assumptions<Volume>();
	readonly #static = new Map<string, StaticVolumes>();
	/** By class, ordered by key. */
	readonly #segments = new Map<string, CapacitySegment[]>();
	readonly #handles = new VolumeHandles();
	/** By namespace, then name. */
	readonly #grants = new Map<string, Map<string, ReferenceGrant>>();
	readonly #listeners = new Set<Listener>();
	readonly #drivers: DriverSettings;

	readonly choosesVolumes: boolean;

	/** `drivers` is what is configured for each CSI driver. */
	constructor(drivers: DriverSettings = {}, choosesVolumes = true) {
		this.#drivers = drivers;
		this.choosesVolumes = choosesVolumes;
	}

	// What is judged by.

	claim(namespace: string, name: string): Claim | undefined {
		const key = `${namespace}/${name}`;
		return this.#claims.get(key) ?? this.#stores.PersistentVolumeClaim.get(key);
	}

	volume(name: string): Volume | undefined {
		return this.#volumes.get(name) ?? this.#stores.PersistentVolume.get(name);
	}

	storageClass(name: string): StorageClass | undefined {
		return this.#stores.StorageClass.get(name);
	}

	staticVolumes(className: string): StaticVolumes | undefined {
		return this.#static.get(className);
	}

	csiDriver(name: string): CsiDriver | undefined {
		return this.#stores.CSIDriver.get(name);
	}

	csiNode(name: string): CsiNode | undefined {
		return this.#stores.CSINode.get(name);
	}

	capacitySegments(className: string): readonly CapacitySegment[] {
		return this.#segments.get(className) ?? [];
	}

	snapshot(namespace: string, name: string): Snapshot | undefined {
		return this.#stores.VolumeSnapshot.get(`${namespace}/${name}`);
	}

	snapshotContent(name: string): SnapshotContent | undefined {
		return this.#stores.VolumeSnapshotContent.get(name);
	}

	snapshotClass(name: string): SnapshotClass | undefined {
		return this.#stores.VolumeSnapshotClass.get(name);
	}

	referenceGrants(namespace: string): Iterable<ReferenceGrant> {
		return this.#grants.get(namespace)?.values() ?? [];
	}

	volumeOfHandle(driver: string, handle: string): Volume | undefined {
		const name = this.#handles.nameOf(driver, handle);
		return name === undefined ? undefined : this.volume(name);
	}

	snapshotReach(driver: string): SnapshotReach | undefined {
		return Object.hasOwn(this.#drivers, driver) ? this.#drivers[driver]?.snapshots : undefined;
	}

	/** A pod that no node is assigned to yet; undefined for any other. */
	pod(namespace: string, name: string): Pod | undefined {
		return this.#stores.Pod.get(`${namespace}/${name}`);
	}

	// What the watches said.

	seen<K extends Kind>(kind: K, key: string): KindTypes[K] | undefined {
		return (this.#stores[kind] as Map<string, KindTypes[K]>).get(key);
	}

	all<K extends Kind>(kind: K): ReadonlyMap<string, KindTypes[K]> {
		return this.#stores[kind] as Map<string, KindTypes[K]>;
	}

	subscribe(listener: Listener): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	// What was assumed. See assumptions.ts for when an assumption ends.

	get assumed(): number {
		return this.#claims.size + this.#volumes.size;
	}

	/** Judges by `assumed` instead of `base` from now on; false where the base is not what is judged by any more. */
	assumeVolume(assumed: Volume, base: Volume): boolean {
		const seen = this.seen('PersistentVolume', base.name);
		return this.#changeVolume(base.name, () => this.#volumes.assume(base.name, assumed, base, seen));
	}

	assumeClaim(assumed: Claim, base: Claim): boolean {
		const key = objectKey(base);
		return this.#claims.assume(key, assumed, base, this.seen('PersistentVolumeClaim', key));
	}

	/** The API server has taken the assumption: `written` stands until the watch shows it. */
	confirmVolume(written: Volume, assumed: Volume): void {
		this.#changeVolume(written.name, () => this.#volumes.confirm(written.name, written, assumed));
	}

	confirmClaim(written: Claim, assumed: Claim): void {
		this.#claims.confirm(objectKey(written), written, assumed);
	}

	/** Takes back an assumption that was not written. Whoever waits for it to be written is told. */
	revertVolume(assumed: Volume): void {
		const { name } = assumed;
		const reverted = this.#changeVolume(name, () => this.#volumes.revert(name, assumed));
		if (reverted) this.#tellReverted('PersistentVolume', name);
	}

	revertClaim(assumed: Claim): void {
		const key = objectKey(assumed);
		if (this.#claims.revert(key, assumed)) this.#tellReverted('PersistentVolumeClaim', key);
	}

	/** The watch has not yet shown what was assumed or written. */
	isAssumed(kind: 'PersistentVolume' | 'PersistentVolumeClaim', key: string): boolean {
		return (kind === 'PersistentVolume' ? this.#volumes : this.#claims).has(key);
	}

	// What the watches feed.

	upsert<K extends Kind>(kind: K, object: KindTypes[K]): void {
		this.#set(kind, objectKey(object), object);
	}

	remove(kind: Kind, key: string): void {
		if (this.#stores[kind].has(key)) this.#set(kind, key, undefined);
	}

	/** Takes a complete list: what is not in it is gone. */
	replace<K extends Kind>(kind: K, objects: ReadonlyMap<string, KindTypes[K]>): void {
		for (const key of [...this.#stores[kind].keys()]) if (!objects.has(key)) this.#set(kind, key, undefined);
		for (const [key, object] of objects) {
			if (this.seen(kind, key)?.resourceVersion !== object.resourceVersion) this.#set(kind, key, object);
		}
	}

	#set<K extends Kind>(kind: K, key: string, current: KindTypes[K] | undefined): void {
		const previous = this.seen(kind, key);
		const store = () => {
			const objects = this.#stores[kind] as Map<string, KindTypes[K]>;
			if (current) objects.set(key, current);
			else objects.delete(key);
		};
		if (kind === 'PersistentVolume') {
			this.#changeVolume(key, () => {
				store();
				this.#volumes.observe(key, current as Volume | undefined);
			});
			// No assumption changes a handle.
			this.#handles.replace(previous as Volume | undefined, current as Volume | undefined);
		} else {
			store();
			this.#index(kind, key, previous, current);
		}
		this.#tell({ kind, key, previous, current });
	}

	#tellReverted(kind: Kind, key: string): void {
		const seen = this.seen(kind, key);
		this.#tell({ kind, key, previous: seen, current: seen });
	}

	#tell(change: Change): void {
		for (const listener of this.#listeners) listener(change);
	}

	#index(kind: Kind, key: string, previous: KindTypes[Kind] | undefined, current: KindTypes[Kind] | undefined): void {
		if (kind === 'PersistentVolumeClaim') this.#claims.observe(key, current as Claim | undefined);
		if (kind === 'CSIStorageCapacity') this.#indexSegment(key, previous as CapacitySegment, current as CapacitySegment);
		if (kind === 'ReferenceGrant') this.#indexGrant(previous as ReferenceGrant, current as ReferenceGrant);
		if (kind === 'Node') {
			if (current) this.nodes.upsert(key, (current as KindTypes['Node']).labels);
			else this.nodes.remove(key);
		}
	}

	#indexSegment(key: string, previous: CapacitySegment | undefined, current: CapacitySegment | undefined): void {
		if (previous) {
			const segments = this.#segments.get(previous.className);
			segments?.splice(placeOf(segments, key), 1);
			if (segments?.length === 0) this.#segments.delete(previous.className);
		}
		if (current) {
			const segments = this.#segments.get(current.className) ?? [];
			this.#segments.set(current.className, segments);
			segments.splice(placeOf(segments, key), 0, current);
		}
	}

	#indexGrant(previous: ReferenceGrant | undefined, current: ReferenceGrant | undefined): void {
		const { namespace, name } = (current ?? previous) as ReferenceGrant;
		const grants = this.#grants.get(namespace) ?? new Map<string, ReferenceGrant>();
		if (current) grants.set(name, current);
		else grants.delete(name);
		if (grants.size === 0) this.#grants.delete(namespace);
		else this.#grants.set(namespace, grants);
	}

	/** Keeps the index of static volumes at what `volume()` gives, whatever the change does. */
	#changeVolume<T>(name: string, change: () => T): T {
		const before = this.volume(name);
		const result = change();
		const after = this.volume(name);
		if (before !== after) {
			if (before) this.#unshelve(before);
			if (after) this.#shelve(after);
		}
		return result;
	}

	#shelve(volume: Volume): void {
		const volumes = this.#static.get(volume.className) ?? new StaticVolumes();
		volumes.add(volume);
		if (!volumes.isEmpty) this.#static.set(volume.className, volumes);
	}

	#unshelve(volume: Volume): void {
		const volumes = this.#static.get(volume.className);
		volumes?.remove(volume);
		if (volumes?.isEmpty) this.#static.delete(volume.className);
	}
}

/** Where a segment of this key stands, or would stand, in a list that is ordered by key. */
function placeOf(segments: readonly CapacitySegment[], key: string): number {
	let low = 0;
	let high = segments.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (objectKey(segments[middle] as CapacitySegment) < key) low = middle + 1;
		else high = middle;
	}
	return low;
}
