import type { Claim, ClaimSource, SnapshotContent } from '../../model.ts';
import type { ClusterView } from '../../view.ts';
import { wholeUnits } from '../quantity.ts';
import { invalid, notReady, type SourceProblem } from './problem.ts';

/**
 * What a snapshot is restored from, or why it cannot be: getSnapshotSource in
 * external-provisioner/pkg/controller/controller.go, in its order.
 *
 * A snapshot that does not exist is not ready rather than invalid: claims are often created together with their
 * snapshot, or before it (a backup tool, a folder of manifests applied in any order).
 */
export function checkSnapshot(
	claim: Claim,
	source: ClaimSource,
	provisioner: string,
	view: ClusterView,
): SnapshotContent | SourceProblem {
	const snapshot = view.snapshot(source.namespace, source.name);
	if (!snapshot) return notReady(view.hasSnapshots ? 'it does not exist' : NO_SNAPSHOTS);
	// A deletion is never taken back. Once a restore from it has begun, though, it may still be restored from.
	if (snapshot.deleting && !snapshot.restoring) return invalid('it is being deleted; use another');
	if (snapshot.contentName === '') return notReady('it is not bound to a content yet');
	const content = view.snapshotContent(snapshot.contentName);
	// Two watches: the content may be seen later than the snapshot that is bound to it, and without its UID before.
	if (!content) return notReady(`its content ${snapshot.contentName} does not exist`);
	const { snapshotRef } = content;
	if (snapshotRef.namespace !== snapshot.namespace || snapshotRef.name !== snapshot.name) {
		return ofAnother(content);
	}
	if (snapshotRef.uid === '') return notReady(`its content ${content.name} is not bound to it yet`);
	if (snapshotRef.uid !== snapshot.uid) return ofAnother(content);
	if (content.driver !== provisioner) {
		return invalid(
			`it is of driver ${content.driver}, but class ${claim.className} provisions by ${provisioner}; use a class of driver ${content.driver}`,
		);
	}
	if (!snapshot.ready) return notReady('it is not ready to use yet');
	if (!content.hasHandle) return notReady(`its content ${content.name} has no snapshot handle yet`);
	const { restoreSize } = snapshot;
	// Compared in whole bytes, as Quantity.Value() gives them.
	if (restoreSize && (!claim.request || wholeUnits(claim.request) < wholeUnits(restoreSize))) {
		return invalid(
			`its restore size is ${restoreSize.text}, but the claim asks for ${claim.request?.text ?? 'no size'}; ask for at least ${restoreSize.text}`,
		);
	}
	return (view.preventsModeChange(provisioner) && problemOfMode(claim, content)) || content;
}

const NO_SNAPSHOTS = 'it does not exist, nor does the kind: the cluster has no CRDs of snapshot.storage.k8s.io/v1';

function ofAnother({ name }: SnapshotContent): SourceProblem {
	return invalid(`its content ${name} belongs to another snapshot; use that one, or a content of its own`);
}

function problemOfMode(claim: Claim, content: SnapshotContent): SourceProblem | undefined {
	const { volumeMode } = content;
	if (volumeMode === undefined || volumeMode === claim.volumeMode || content.allowsModeChange) return undefined;
	return invalid(
		`it was taken of a ${volumeMode} volume, but the claim asks for ${claim.volumeMode}; ask for ${volumeMode}, or set annotation ${ALLOW_MODE_CHANGE}: "true" on content ${content.name}`,
	);
}

const ALLOW_MODE_CHANGE = 'snapshot.storage.kubernetes.io/allow-volume-mode-change';
