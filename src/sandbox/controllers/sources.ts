/** What external-provisioner asks of the snapshot or claim that a new volume is filled from. */

import type { DriverSettings } from '../../cluster/state.ts';
import type { ClaimSource } from '../../domain/model.ts';
import { compareQuantities, parseQuantity, wholeUnits, ZERO } from '../../domain/storage/quantity.ts';
import { type Requirement, requirementOfTopologyTerms } from '../../domain/topology/requirement.ts';
import { isClaimedBy } from '../binding.ts';
import { claimOf, volumeOf } from '../project.ts';
import type { RawClaim, RawStorageClass } from '../raw.ts';
import { SNAPSHOT_GROUP } from '../snapshot-group.ts';
import type { ObjectStore } from '../store.ts';
import { Hold } from './reconciler.ts';

const SOURCE_PROTECTION = 'provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection';
const ALLOW_MODE_CHANGE = 'snapshot.storage.kubernetes.io/allow-volume-mode-change';
/** As Go's strconv.ParseBool reads them. */
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

/** Where the source can be reached from, undefined for everywhere. Throws a Hold when it cannot be used (yet). */
export function checkSource(
	store: ObjectStore,
	claim: RawClaim,
	storageClass: RawStorageClass,
	drivers: DriverSettings,
): Requirement | undefined {
	const { source } = claimOf(claim);
	if (!source) return undefined;
	checkGrant(store, claim, source);
	if (source.kind === 'PersistentVolumeClaim') return checkClone(store, claim, storageClass, source);
	if (source.kind === 'VolumeSnapshot') {
		if (source.apiGroup === SNAPSHOT_GROUP) return checkSnapshot(store, claim, storageClass, source, drivers);
		throw new Hold(`its source is of API group ${source.apiGroup || 'none'}, not ${SNAPSHOT_GROUP}`, []);
	}
	throw new Hold(`its source is a ${source.kind}, which is left to a volume populator`, []);
}

function checkGrant(store: ObjectStore, claim: RawClaim, source: ClaimSource): void {
	const { namespace } = claim.metadata;
	if (source.namespace === namespace) return;
	for (const { metadata, spec } of store.list('ReferenceGrant')) {
		if (metadata.namespace !== source.namespace) continue;
		const from = spec.from.some(
			(one) => one.group === '' && one.kind === 'PersistentVolumeClaim' && one.namespace === namespace,
		);
		const to = spec.to.some(
			(one) => one.group === source.apiGroup && one.kind === source.kind && (!one.name || one.name === source.name),
		);
		if (from && to) return;
	}
	throw new Hold(`no ReferenceGrant in ${source.namespace} lets ${namespace} use ${source.kind} ${source.name}`, [
		'ReferenceGrant',
	]);
}

function checkSnapshot(
	store: ObjectStore,
	claim: RawClaim,
	storageClass: RawStorageClass,
	{ namespace, name }: ClaimSource,
	drivers: DriverSettings,
): Requirement | undefined {
	const key = `${namespace}/${name}`;
	const snapshot = store.get('VolumeSnapshot', key);
	const contentName = snapshot?.status?.boundVolumeSnapshotContentName;
	const refuse = (why: string): never => {
		throw new Hold(`snapshot ${key} ${why}`, [`VolumeSnapshot ${key}`, `VolumeSnapshotContent ${contentName}`]);
	};
	if (!snapshot) return refuse('does not exist');
	if (snapshot.metadata.deletionTimestamp && !snapshot.metadata.finalizers?.includes(SOURCE_PROTECTION)) {
		return refuse('is being deleted');
	}
	if (!contentName) return refuse('is not bound');
	const content = store.get('VolumeSnapshotContent', contentName);
	if (!content) return refuse(`is bound to content ${contentName}, which does not exist`);
	const { driver, volumeSnapshotRef: ref, sourceVolumeMode, nodeAffinity } = content.spec;
	if (ref.uid !== snapshot.metadata.uid || ref.namespace !== namespace || ref.name !== name) {
		return refuse(`is bound to content ${contentName}, which belongs to another snapshot`);
	}
	if (driver !== storageClass.provisioner)
		return refuse(`is of driver ${driver}, the class of ${storageClass.provisioner}`);
	if (!snapshot.status?.readyToUse) return refuse('is not ready');
	if (!content.status?.snapshotHandle) return refuse('has no handle');
	const { request, volumeMode } = claimOf(claim);
	const { restoreSize } = snapshot.status;
	// Compared in whole bytes, as Quantity.Value() gives them.
	if (restoreSize && wholeUnits(request ?? ZERO) < wholeUnits(parseQuantity(restoreSize))) {
		return refuse(`needs ${restoreSize} to be restored, the claim asks for ${request?.text ?? 'nothing'}`);
	}
	const mayChangeMode =
		drivers[driver]?.preventVolumeModeConversion === false ||
		TRUE.has(content.metadata.annotations?.[ALLOW_MODE_CHANGE] ?? '');
	if (sourceVolumeMode && sourceVolumeMode !== volumeMode && !mayChangeMode) {
		return refuse(`is of a ${sourceVolumeMode} volume, the claim asks for ${volumeMode}`);
	}
	return requirementOfTopologyTerms(nodeAffinity);
}

function checkClone(
	store: ObjectStore,
	claim: RawClaim,
	storageClass: RawStorageClass,
	{ namespace, name }: ClaimSource,
): Requirement | undefined {
	const key = `${namespace}/${name}`;
	const rawSource = store.get('PersistentVolumeClaim', key);
	const rawVolume = store.get('PersistentVolume', rawSource?.spec.volumeName ?? '');
	const refuse = (why: string): never => {
		throw new Hold(`source claim ${key} ${why}`, [
			`PersistentVolumeClaim ${key}`,
			`PersistentVolume ${rawSource?.spec.volumeName}`,
		]);
	};
	if (!rawSource) return refuse('does not exist');
	const source = claimOf(rawSource);
	if (source.phase !== 'Bound') return refuse('is not bound');
	if (source.deleting) return refuse('is being deleted');
	if (rawSource.spec.storageClassName === undefined) return refuse('has no class');
	if (claim.spec.storageClassName === undefined) return refuse('cannot be cloned by a claim without storageClassName');
	const { request, volumeMode } = claimOf(claim);
	if (compareQuantities(request ?? ZERO, source.request ?? ZERO) < 0) {
		return refuse(`asks for ${source.request?.text}, its clone for less`);
	}
	if (!rawVolume) return refuse('has lost its volume');
	const volume = volumeOf(rawVolume);
	if (volume.csi?.driver !== storageClass.provisioner)
		return refuse(`is not on a volume of ${storageClass.provisioner}`);
	if (!rawVolume.spec.claimRef?.uid || !isClaimedBy(rawVolume, source) || volume.phase !== 'Bound') {
		return refuse('is on a volume that is not bound to it');
	}
	if (volume.volumeMode !== volumeMode)
		return refuse(`is a ${volume.volumeMode} volume, its clone is to be ${volumeMode}`);
	return volume.affinity;
}
