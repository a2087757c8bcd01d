/** The free storage that CSIStorageCapacity objects tell of. */

import { quantityOfBytes } from '../../domain/storage/quantity.ts';
import { matchesRequirement } from '../../domain/topology/requirement.ts';
import { project } from '../project.ts';
import type { RawCapacity } from '../raw.ts';
import type { ObjectStore } from '../store.ts';

/**
 * Takes the bytes from the segment that the node is in; false when no segment of it has that much. A driver that
 * tells nothing of this node's storage has no end of it.
 */
export function takeCapacity(
	store: ObjectStore,
	className: string,
	nodeLabels: Readonly<Record<string, string>>,
	bytes: bigint,
): boolean {
	const segments = [...store.list('CSIStorageCapacity')]
		.filter((raw) => raw.storageClassName === className)
		.map((raw) => ({ raw, ...project('CSIStorageCapacity', raw) }))
		.filter(({ nodeTopology }) => nodeTopology && matchesRequirement(nodeTopology, nodeLabels));
	if (segments.length === 0) return true;
	const fitting = segments.find(
		({ capacity, maximumVolumeSize }) => (capacity ?? bytes) >= bytes && (maximumVolumeSize ?? bytes) >= bytes,
	);
	if (!fitting) return false;
	const { raw, capacity, maximumVolumeSize } = fitting;
	if (capacity !== undefined) store.update('CSIStorageCapacity', reduced(raw, capacity - bytes, maximumVolumeSize));
	return true;
}

function reduced(raw: RawCapacity, left: bigint, maximumVolumeSize: bigint | undefined): RawCapacity {
	const capacity = quantityOfBytes(left).text;
	// No volume can be larger than what is left.
	const smaller = maximumVolumeSize !== undefined && left < maximumVolumeSize;
	return { ...raw, capacity, ...(smaller && { maximumVolumeSize: capacity }) };
}
