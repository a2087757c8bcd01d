/** Which part of the cluster a new volume can be reached from. */

import { matchesRequirement, type Requirement, requirementOfTopologyTerms } from '../../domain/topology/requirement.ts';
import { keyOf, type RawObject, type RawStorageClass, type RawVolume } from '../raw.ts';
import type { ObjectStore } from '../store.ts';
import { Hold } from './reconciler.ts';

/** A node that a volume could be made for, and the labels that the volume is then reached by; none: it is reached from everywhere. */
export interface Place {
	readonly nodeLabels: Readonly<Record<string, string>>;
	readonly segment: ReadonlyMap<string, string>;
}

/** The place of the node that was selected. */
export function placeOfNode(
	store: ObjectStore,
	storageClass: RawStorageClass,
	node: RawObject,
	reach: Requirement | undefined,
): Place {
	const name = keyOf(node);
	const { provisioner, allowedTopologies } = storageClass;
	const retry = [`Node ${name}`, `CSINode ${name}`, `StorageClass ${keyOf(storageClass)}`];
	const labels = node.metadata.labels ?? {};
	const allowed = requirementOfTopologyTerms(allowedTopologies);
	if (allowed && !matchesRequirement(allowed, labels)) {
		throw new Hold(`selected node ${name} is not in the allowed topologies of class ${keyOf(storageClass)}`, retry);
	}
	if (reach && !matchesRequirement(reach, labels)) {
		throw new Hold(`the source cannot be reached from selected node ${name}: it needs ${reach.text}`, retry);
	}
	const segment = new Map<string, string>();
	for (const key of topologyKeys(store, storageClass, name)) {
		const value = labels[key];
		if (value === undefined) throw new Hold(`selected node ${name} lacks label ${key} of driver ${provisioner}`, retry);
		segment.set(key, value);
	}
	return { nodeLabels: labels, segment };
}

/** For a claim that waits for no pod: the places there are, one a segment, in the order of the nodes' names. */
export function* placesForAnyNode(
	store: ObjectStore,
	storageClass: RawStorageClass,
	reach: Requirement | undefined,
): Iterable<Place> {
	const seen = new Set<string>();
	const nodes = [...store.list('Node')].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
	for (const node of nodes) {
		const place = tryPlace(store, storageClass, node, reach);
		const key = place && JSON.stringify([...place.segment]);
		if (!place || seen.has(key as string)) continue;
		seen.add(key as string);
		yield place;
	}
}

function tryPlace(
	store: ObjectStore,
	storageClass: RawStorageClass,
	node: RawObject,
	reach: Requirement | undefined,
): Place | undefined {
	try {
		return placeOfNode(store, storageClass, node, reach);
	} catch (error) {
		if (error instanceof Hold) return undefined;
		throw error;
	}
}

/**
 * What the driver registered on the node. Where it has not, a real provisioner gives up; here a class with
 * allowedTopologies is enough, so that a scene needs no CSINode.
 */
function topologyKeys(store: ObjectStore, { provisioner, allowedTopologies }: RawStorageClass, node: string): string[] {
	const driver = store.get('CSINode', node)?.spec.drivers?.find(({ name }) => name === provisioner);
	if (driver) return [...(driver.topologyKeys ?? [])];
	const keys = (allowedTopologies ?? []).flatMap(({ matchLabelExpressions }) =>
		(matchLabelExpressions ?? []).map(({ key }) => key),
	);
	return [...new Set(keys)].sort();
}

/** The volume's nodeAffinity for a segment. */
export function affinityOf(segment: ReadonlyMap<string, string>): RawVolume['spec']['nodeAffinity'] {
	if (segment.size === 0) return undefined;
	const matchExpressions = [...segment].map(([key, value]) => ({ key, operator: 'In', values: [value] }));
	return { required: { nodeSelectorTerms: [{ matchExpressions }] } };
}
