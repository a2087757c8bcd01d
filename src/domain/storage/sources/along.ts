import type { Claim } from '../../model.ts';
import { NodeSet } from '../../topology/node-set.ts';
import type { ClusterView } from '../../view.ts';
import type { Limit, Reach } from './reach.ts';

/**
 * Of a clone whose source gets its volume by the same decision: the source is judged for itself, and both get the same node. Where
 * the source does not come to be provisioned there, as a volume is there for it, the clone is made of that volume.
 */
export function reachAlong(original: Claim, driver: string, view: ClusterView): Reach {
	const basis = 'it is made along with the claim, on the node that their pod gets';
	return { limit: volumesThere(original, driver, view), basis, ignored: [] };
}

function volumesThere(original: Claim, driver: string, view: ClusterView): Limit | undefined {
	const volumes = original.selectedNode === undefined && view.staticVolumes(original.className);
	if (!volumes) return undefined;
	return {
		text: `a node on which that gets a volume of driver ${driver}`,
		nodes(index) {
			const search = volumes.search(original);
			const nodes = new NodeSet();
			for (const id of index.all) {
				const volume = search.best(index.labelsOf(id), NONE);
				if (!volume || volume.csi?.driver === driver) nodes.add(id);
			}
			return nodes;
		},
	};
}

const NONE: ReadonlySet<never> = new Set();
