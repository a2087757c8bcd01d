/** Which nodes can be given a volume that is filled from a source, as far as the source goes. */

import type { Labels, SnapshotContent, Volume } from '../../model.ts';
import type { NodeIndex } from '../../topology/node-index.ts';
import { NodeSet } from '../../topology/node-set.ts';
import { type Requirement, requirementOfSegment } from '../../topology/requirement.ts';
import type { ClusterView } from '../../view.ts';
import { reachPolicyOf } from './policy.ts';

export interface Reach {
	/** Undefined: every node. */
	readonly limit: Limit | undefined;
	/** Why, for a person. */
	readonly basis: string;
	/** What was set and could not be followed. */
	readonly ignored: readonly string[];
}

export interface Limit {
	/** The same text each time. */
	readonly text: string;
	nodes(index: NodeIndex): NodeSet;
}

/** A clone is made by the storage that holds its source, whatever the driver. */
export function reachOfClone({ name, affinity }: Volume): Reach {
	return { limit: affinity && labelled(affinity), basis: `volume ${name} is cloned`, ignored: [] };
}

/** What the snapshot says of itself (KEP-5943) wins over every policy. */
export function reachOfSnapshot(content: SnapshotContent, view: ClusterView): Reach {
	const { affinity, name } = content;
	if (affinity) {
		const limit = affinity === 'every node' ? undefined : labelled(affinity);
		return { limit, basis: `spec.nodeAffinity of content ${name}`, ignored: [] };
	}
	const { reach, basis, ignored } = reachPolicyOf(content, view);
	const found = reach === 'anywhere' ? undefined : FIND[reach](content, view);
	const policy = `${reach} (${basis})`;
	return { limit: found?.limit, basis: found ? `${policy}: ${found.basis}` : policy, ignored };
}

interface Found {
	readonly limit: Limit | undefined;
	readonly basis: string;
}

const FIND: Readonly<
	Record<'source-volume' | 'managed-by-node', (content: SnapshotContent, view: ClusterView) => Found>
> = { 'source-volume': findVolume, 'managed-by-node': findManager };

/**
 * By handle alone: a snapshot that names its source claim names the volume of that claim by handle too, and the claim
 * may be on another volume by now.
 */
function findVolume(content: SnapshotContent, view: ClusterView): Found {
	const { driver, volumeHandle, managedBy, name } = content;
	const volumes = volumeHandle === '' ? [] : view.volumesOfHandle(driver, volumeHandle);
	if (volumes.length > 0) return { limit: anyOf(volumes), basis: `taken of volume ${namesOf(volumes)}` };
	const lacking = volumeHandle === '' ? `content ${name} does not tell its source volume` : 'the source volume is gone';
	if (managedBy === '') return { limit: undefined, basis: `${lacking}, so every node will do` };
	const { limit, basis } = reachOfManager(managedBy, driver, view);
	return { limit, basis: `${lacking}, but content ${name} tells its managing node${basis}` };
}

const namesOf = (volumes: readonly Volume[]) => volumes.map(({ name }) => name).join(' or ');

/** Volumes with one handle are the same storage, which is there for every node that one of them says it is there for. */
function anyOf(volumes: readonly Volume[]): Limit | undefined {
	const limits = new Map<string, Limit>();
	for (const { affinity } of volumes) {
		if (!affinity) return undefined;
		limits.set(affinity.text, labelled(affinity));
	}
	const all = [...limits.values()];
	return {
		text: [...limits.keys()].join(' or '),
		nodes(index) {
			const nodes = new NodeSet();
			for (const limit of all) for (const id of limit.nodes(index)) nodes.add(id);
			return nodes;
		},
	};
}

/** The label is a fact where volumes are on one node each; that they are is what setting this policy says. */
function findManager({ managedBy, name }: SnapshotContent): Found {
	return managedBy === ''
		? { limit: undefined, basis: `content ${name} has no label managed-by, so every node will do` }
		: { limit: named(managedBy), basis: `label managed-by of content ${name}` };
}

function labelled(requirement: Requirement): Limit {
	return { text: requirement.text, nodes: (index) => index.select(requirement) };
}

/**
 * The nodes that can reach the same volumes of the driver as this one, by what it registered on it. The snapshot controller
 * labels a content with just the first node that reaches the source volume, which another may reach as well
 * (getManagedByNode in external-snapshotter/pkg/common-controller/snapshot_controller.go).
 *
 * Where nothing is registered on it (any more), what is registered on others tells whether volumes are on one node each.
 */
function reachOfManager(nodeName: string, driver: string, view: ClusterView): Found {
	const segment = segmentOf(nodeName, driver, view);
	if (segment) return { limit: labelled(requirementOfSegment(segment)), basis: '' };
	if (isNodeLocal(driver, view)) {
		const { text, nodes } = named(nodeName);
		const lost = `where driver ${driver} is not registered (any more); bring it back, use another snapshot, or set its reach`;
		return { limit: { text: `${text}, ${lost}`, nodes }, basis: ', and the driver has volumes on one node each' };
	}
	const unknown = `, ${nodeName}, where the driver is not registered with its topology`;
	return { limit: undefined, basis: `${unknown}; every node will do` };
}

/** The node's value of each topology key that the driver registered on it; undefined where there are none, or one is lacking. */
function segmentOf(nodeName: string, driver: string, view: ClusterView): Labels | undefined {
	const keys = view.csiNode(nodeName)?.drivers.find(({ name }) => name === driver)?.topologyKeys ?? [];
	const labels = view.nodes.labelsOf(view.nodes.idOf(nodeName) ?? -1);
	if (keys.length === 0 || !keys.every((key) => Object.hasOwn(labels, key))) return undefined;
	return Object.fromEntries(keys.map((key) => [key, labels[key] as string]));
}

/**
 * On every node that the driver is registered on, and there are two at least, its segment names that very node. That each has a
 * segment of its own would not do: so it is with a zonal driver and one node in each zone.
 */
function isNodeLocal(driver: string, view: ClusterView): boolean {
	const { nodes } = view;
	const names = [...nodes.all]
		.map((id) => nodes.nameOf(id))
		.filter((name) => view.csiNode(name)?.drivers.some((registered) => registered.name === driver));
	return names.length > 1 && names.every((name) => isOwn(segmentOf(name, driver, view), name, view));
}

function isOwn(segment: Labels | undefined, nodeName: string, { nodes }: ClusterView): boolean {
	const hostName = nodes.labelsOf(nodes.idOf(nodeName) ?? -1)[HOST_NAME];
	return Object.values(segment ?? {}).some((value) => value === nodeName || value === hostName);
}

const HOST_NAME = 'kubernetes.io/hostname';

/** A node by its name, which need not be its host name label. */
function named(name: string): Limit {
	return {
		text: `node name in (${name})`,
		nodes(index) {
			const id = index.idOf(name);
			return NodeSet.of(id === undefined ? [] : [id]);
		},
	};
}
