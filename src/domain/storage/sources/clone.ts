import type { Claim, ClaimSource, Volume } from '../../model.ts';
import type { ClusterView } from '../../view.ts';
import { wholeUnits, ZERO } from '../quantity.ts';
import { invalid, notReady, type SourceProblem } from './problem.ts';

/** What a claim is cloned from, or why it cannot be: getPVCSource in external-provisioner/pkg/controller/controller.go, in its order. */
export function checkClone(
	claim: Claim,
	source: ClaimSource,
	provisioner: string,
	view: ClusterView,
): Volume | SourceProblem {
	const original = view.claim(source.namespace, source.name);
	if (!original) return notReady('it does not exist');
	if (original.phase === 'Lost') return invalid('it has lost its volume; use another');
	if (original.phase !== 'Bound') return notReady('it is not bound yet');
	if (original.deleting) return invalid('it is being deleted; use another');
	// A storageClassName can be set once where there is none: validateStorageClassUpgradeFromNil in pkg/apis/core/validation.
	if (!original.classInSpec) return invalid('it has no storageClassName, which cloning needs; set it');
	if (!claim.classInSpec) return invalid('the claim has no storageClassName, which cloning needs; set it');
	const asked = claim.request ?? ZERO;
	const least = original.request ?? ZERO;
	if (wholeUnits(asked) < wholeUnits(least)) {
		return invalid(`it asks for ${least.text}, but the claim for ${asked.text}; ask for at least ${least.text}`);
	}
	const volume = view.volume(original.volumeName);
	// A bound claim whose volume is not there: the watch of volumes is behind, or the claim is about to be Lost.
	if (!volume) return notReady('its volume has not been seen yet');
	return problemOfVolume(claim, original, volume, provisioner) ?? volume;
}

function problemOfVolume(
	claim: Claim,
	original: Claim,
	{ name, csi, claimRef, phase, volumeMode }: Volume,
	provisioner: string,
): SourceProblem | undefined {
	if (!csi) return invalid(`its volume ${name} is not a CSI volume; use a claim that is on one`);
	if (csi.driver !== provisioner) {
		return invalid(
			`its volume ${name} is of driver ${csi.driver}, but class ${claim.className} provisions by ${provisioner}; use a class of driver ${csi.driver}`,
		);
	}
	if (!claimRef || claimRef.uid === '') return notReady(`its volume ${name} is not bound to it yet`);
	if (claimRef.uid !== original.uid || claimRef.namespace !== original.namespace || claimRef.name !== original.name) {
		return invalid(`its volume ${name} is bound to another claim; use that one`);
	}
	if (phase !== 'Bound') return notReady(`its volume ${name} is not Bound yet`);
	if (volumeMode !== claim.volumeMode) {
		return invalid(`it is a ${volumeMode} volume, but the claim asks for ${claim.volumeMode}; ask for ${volumeMode}`);
	}
	return undefined;
}
