/** The rule of the best static volume, written down as plainly as can be: look at every volume. */

import type { Claim, Labels, Volume } from '../../../src/domain/model.ts';
import { compareQuantities, ZERO } from '../../../src/domain/storage/quantity.ts';
import { matchesRequirement } from '../../../src/domain/topology/requirement.ts';

export function naiveBest(
	claim: Claim,
	volumes: Iterable<Volume>,
	labels: Labels,
	taken: ReadonlySet<string>,
): Volume | undefined {
	const fitting = [...volumes]
		.filter((volume) => volume.className === claim.className && !taken.has(volume.name) && !volume.deleting)
		.filter((volume) => compareQuantities(volume.capacity, claim.request ?? ZERO) >= 0)
		.filter((volume) => volume.volumeMode === claim.volumeMode && volume.attributesClass === claim.attributesClass)
		.sort((a, b) => compareQuantities(a.capacity, b.capacity) || (a.name < b.name ? -1 : 1));
	const reached = (volume: Volume) => !volume.affinity || matchesRequirement(volume.affinity, labels);
	const reserved = fitting.find((volume) => isFor(volume, claim));
	if (reserved) return reached(reserved) ? reserved : undefined;
	return fitting.find(
		(volume) =>
			!volume.claimRef &&
			volume.phase === 'Available' &&
			reached(volume) &&
			(!claim.selector || matchesRequirement(claim.selector, volume.labels)) &&
			claim.accessModes.every((mode) => volume.accessModes.includes(mode)),
	);
}

function isFor({ claimRef }: Volume, claim: Claim): boolean {
	if (!claimRef) return false;
	const { namespace, name, uid } = claimRef;
	return namespace === claim.namespace && name === claim.name && (uid === '' || uid === claim.uid);
}
