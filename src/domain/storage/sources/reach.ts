/** Which nodes can be given a volume that is filled from a source, as far as the source goes. */

import type { SnapshotContent, Volume } from '../../model.ts';
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
	const volume = volumeHandle === '' ? undefined : view.volumeOfHandle(driver, volumeHandle);
	if (volume) return { limit: volume.affinity && labelled(volume.affinity), basis: `taken of volume ${volume.name}` };
	const lacking = volumeHandle === '' ? `content ${name} does not tell its source volume` : 'the source volume is gone';
	if (managedBy === '') return { limit: undefined, basis: `${lacking}, so every node will do` };
	return {
		limit: segmentOf(managedBy, driver, view),
		basis: `${lacking}, but content ${name} tells its managing node`,
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
 */
function segmentOf(nodeName: string, driver: string, view: ClusterView): Limit {
	const keys = view.csiNode(nodeName)?.drivers.find(({ name }) => name === driver)?.topologyKeys ?? [];
	const labels = view.nodes.labelsOf(view.nodes.idOf(nodeName) ?? -1);
	if (keys.length === 0 || !keys.every((key) => Object.hasOwn(labels, key))) return named(nodeName);
	return labelled(requirementOfSegment(Object.fromEntries(keys.map((key) => [key, labels[key] as string]))));
}

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
