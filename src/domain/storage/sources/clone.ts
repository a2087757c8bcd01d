import { type Claim, type ClaimSource, objectKey, type StorageClass, type Volume } from '../../model.ts';
import type { ClusterView } from '../../view.ts';
import { wholeUnits, ZERO } from '../quantity.ts';
import { isInCircle } from './circle.ts';
import { invalid, notReady, type SourceProblem } from './problem.ts';

/** The source, a claim that gets its volume by the same decision as the clone, on the same node; the provisioner tries again until it has. */
export interface MadeAlong {
	readonly along: Claim;
}

/**
 * What a claim is cloned from, or why it cannot be: getPVCSource in external-provisioner/pkg/controller/controller.go, in its order.
 * Of a source that is not bound yet, what is known already is told at once. `beside` are the delayed claims of the same pod.
 */
export function checkClone(
	claim: Claim,
	source: ClaimSource,
	provisioner: string,
	view: ClusterView,
	beside: readonly Claim[],
): Volume | MadeAlong | SourceProblem {
	const original = view.claim(source.namespace, source.name);
	if (!original) return notReady('it does not exist');
	if (objectKey(original) === objectKey(claim)) return invalid('it is the claim itself; use another');
	if (original.phase === 'Lost') return invalid('it has lost its volume; use another');
	if (original.phase !== 'Bound') {
		const isBeside = beside.some((one) => objectKey(one) === objectKey(original));
		return (
			problemOfUnbound(claim, original, provisioner, view) ??
			(isBeside ? { along: original } : notReady('it is not bound yet'))
		);
	}
	if (original.deleting) return invalid('it is being deleted; use another');
	const problem = problemOfPair(claim, original);
	if (problem) return problem;
	const volume = view.volume(original.volumeName);
	// A bound claim whose volume is not there: the watch of volumes is behind, or the claim is about to be Lost.
	if (!volume) return notReady('its volume has not been seen yet');
	return problemOfVolume(claim, original, volume, provisioner) ?? volume;
}

function problemOfPair(claim: Claim, original: Claim): SourceProblem | undefined {
	// A storageClassName can be set once where there is none: validateStorageClassUpgradeFromNil in pkg/apis/core/validation.
	if (!original.classInSpec) return invalid('it has no storageClassName, which cloning needs; set it');
	if (!claim.classInSpec) return invalid('the claim has no storageClassName, which cloning needs; set it');
	const asked = claim.request ?? ZERO;
	const least = original.request ?? ZERO;
	if (wholeUnits(asked) >= wholeUnits(least)) return undefined;
	return invalid(`it asks for ${least.text}, but the claim for ${asked.text}; ask for at least ${least.text}`);
}

/** A claim that is not bound can no longer change but in its class, and its volume will be of its mode. */
function problemOfUnbound(
	claim: Claim,
	original: Claim,
	provisioner: string,
	view: ClusterView,
): SourceProblem | undefined {
	const problem = problemOfPair(claim, original) ?? problemOfMode(claim, original.volumeMode);
	if (problem) return problem;
	if (isInCircle(claim, original, provisioner, view)) {
		return invalid('it is to be cloned from the claim in its turn; give one of them another source');
	}
	return problemOfMaking(claim, original, provisioner, view);
}

/** What its class will make, unless it gets a volume that is there already. */
function problemOfMaking(
	claim: Claim,
	original: Claim,
	provisioner: string,
	view: ClusterView,
): SourceProblem | undefined {
	const storageClass = view.storageClass(original.className);
	if (!storageClass || original.volumeName !== '') return undefined;
	if (makesVolumesOf(provisioner, storageClass)) return undefined;
	if (view.staticVolumes(original.className)?.hasOfDriver(provisioner, original)) return undefined;
	const { name, provisioner: other } = storageClass;
	if (isCsi(other)) {
		return invalid(
			`its class ${name} provisions by ${other}, but class ${claim.className} by ${provisioner}; use a class of driver ${other}`,
		);
	}
	return invalid(`its class ${name} provisions no CSI volume; use a claim that is on one`);
}

export function makesVolumesOf(driver: string, { provisioner }: StorageClass): boolean {
	return provisioner === driver && isCsi(provisioner);
}

/**
 * The prefix is that of in-tree plugins, and of the one that provisions nothing. Their volumes stay in-tree ones for Kubernetes
 * even where a CSI driver makes them: TranslateCSIPVToInTree in csi-translation-lib/translate.go.
 */
function isCsi(provisioner: string): boolean {
	return provisioner !== '' && !provisioner.startsWith('kubernetes.io/');
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
	return problemOfMode(claim, volumeMode);
}

function problemOfMode(claim: Claim, volumeMode: string): SourceProblem | undefined {
	if (volumeMode === claim.volumeMode) return undefined;
	return invalid(`it is a ${volumeMode} volume, but the claim asks for ${claim.volumeMode}; ask for ${volumeMode}`);
}
