import { type Claim, objectKey, type Volume } from '../../model.ts';
import { NodeSet } from '../../topology/node-set.ts';
import type { ClusterView } from '../../view.ts';
import { smallestFirst } from '../static-search.ts';
import { makesVolumesOf } from './clone.ts';
import type { Limit, Reach } from './reach.ts';

/**
 * Of a clone whose source gets its volume by the same decision: the source is judged for itself, and both get the same node. Where
 * the source does not come to be provisioned there, as a volume is there for it, the clone is made of that volume.
 * `beside` are the delayed claims of their pod.
 */
export function reachAlong(original: Claim, beside: readonly Claim[], driver: string, view: ClusterView): Reach {
	const basis = 'it is made along with the claim, on the node that their pod gets';
	return { limit: volumesThere(original, beside, driver, view), basis, ignored: [] };
}

function volumesThere(original: Claim, beside: readonly Claim[], driver: string, view: ClusterView): Limit | undefined {
	const volumes = original.selectedNode === undefined && view.staticVolumes(original.className);
	if (!volumes) return undefined;
	const storageClass = view.storageClass(original.className);
	const isMadeByDriver = storageClass !== undefined && makesVolumesOf(driver, storageClass);
	return {
		text: `a node on which that gets a volume of driver ${driver}`,
		nodes(index) {
			const search = volumes.search(original);
			const rivals = rivalsOf(original, beside).map((claim) => volumes.search(claim));
			const taken = new Set<Volume>();
			const nodes = new NodeSet();
			for (const id of index.all) {
				const labels = index.labelsOf(id);
				taken.clear();
				for (const rival of rivals) {
					const volume = rival.best(labels, taken);
					if (volume) taken.add(volume);
				}
				const volume = search.best(labels, taken);
				if (volume ? volume.csi?.driver === driver : isMadeByDriver) nodes.add(id);
			}
			return nodes;
		},
	};
}

/** More claims than pods have. Of more it is not asked what they leave: each clone would ask it anew of each of them, on each node. */
const MOST_RIVALS = 8;

/** The claims of the pod that may take the volume that the claim would get. */
function rivalsOf(claim: Claim, beside: readonly Claim[]): Claim[] {
	const order = smallestFirst(
		beside.filter(({ className, selectedNode }) => className === claim.className && selectedNode === undefined),
	);
	const turn = order.findIndex((one) => objectKey(one) === objectKey(claim));
	return turn <= MOST_RIVALS ? order.slice(0, turn) : [];
}
