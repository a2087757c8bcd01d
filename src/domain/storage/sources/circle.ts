import { type Claim, type ClaimSource, objectKey } from '../../model.ts';
import type { ClusterView } from '../../view.ts';

/** More claims than one pod is judged with. */
const FARTHEST = 256;

/**
 * Whether a claim's unbound source is itself cloned from the claim, if by way of others: then each waits for the next for ever.
 * Not where one of the others may get a volume that is there already, and so needs no source.
 */
export function isInCircle(claim: Claim, original: Claim, driver: string, view: ClusterView): boolean {
	const others: Claim[] = [];
	let at: Claim | undefined = original;
	for (let steps = 0; steps < FARTHEST; steps++) {
		if (at?.phase !== 'Pending' || at.volumeName !== '' || !at.source || !isClone(at.source)) return false;
		others.push(at);
		if (objectKey(at.source) === objectKey(claim)) {
			return !others.some((other) => view.staticVolumes(other.className)?.hasOfDriver(driver, other));
		}
		at = view.claim(at.source.namespace, at.source.name);
	}
	return false;
}

/** The provisioner goes by the kind alone. */
export function isClone({ kind }: ClaimSource): boolean {
	return kind === 'PersistentVolumeClaim';
}
