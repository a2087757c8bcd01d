/** Kubernetes objects as the API server sends them → what topobind keeps of them. */

import type {
	V1CSIDriver,
	V1CSINode,
	V1CSIStorageCapacity,
	V1Node,
	V1PersistentVolume,
	V1PersistentVolumeClaim,
	V1Pod,
	V1StorageClass,
} from '@kubernetes/client-node';
import { LRUCache } from 'lru-cache';
import type {
	CapacitySegment,
	Claim,
	ClaimSource,
	CsiDriver,
	CsiNode,
	Labels,
	Node,
	Pod,
	PodClaimVolume,
	StorageClass,
	Volume,
} from '../domain/model.ts';
import { migrationOf } from '../domain/storage/migration.ts';
import { wholeUnits, ZERO } from '../domain/storage/quantity.ts';
import {
	type RawNodeSelector,
	type Requirement,
	requirementOfLabelSelector,
	requirementOfNodeSelector,
	requirementOfTopologyTerms,
} from '../domain/topology/requirement.ts';
import type { Kind, KindTypes } from './kinds.ts';
import {
	projectReferenceGrant,
	projectSnapshot,
	projectSnapshotClass,
	projectSnapshotContent,
} from './source-projections.ts';
import { identityOf, optionalQuantity, type Wire } from './wire.ts';
import { TRY_AGAIN } from './writer.ts';

/** Each throws an Error that names the field when a value is unusable. */
export const projections: { readonly [K in Kind]: (raw: never) => KindTypes[K] } = {
	Node: projectNode,
	Pod: projectPod,
	PersistentVolumeClaim: projectClaim,
	PersistentVolume: projectVolume,
	StorageClass: projectStorageClass,
	CSINode: projectCsiNode,
	CSIDriver: projectCsiDriver,
	CSIStorageCapacity: projectCapacitySegment,
	VolumeSnapshot: projectSnapshot,
	VolumeSnapshotContent: projectSnapshotContent,
	VolumeSnapshotClass: projectSnapshotClass,
	ReferenceGrant: projectReferenceGrant,
};

const NOTHING: Labels = Object.freeze({});
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

export function projectNode(raw: Wire<V1Node>): Node {
	return { ...identityOf(raw), labels: raw.metadata?.labels ?? NOTHING };
}

export function projectPod(raw: Wire<V1Pod>): Pod {
	const identity = identityOf(raw);
	return {
		...identity,
		nodeName: raw.spec?.nodeName ?? '',
		schedulerName: raw.spec?.schedulerName ?? '',
		unschedulable: unschedulableMessage(raw),
		mark: raw.metadata?.annotations?.[TRY_AGAIN] ?? '',
		claimVolumes: (raw.spec?.volumes ?? []).flatMap((volume) => claimVolumeOf(volume, identity.name)),
	};
}

function unschedulableMessage({ status }: Wire<V1Pod>): string {
	const condition = status?.conditions?.find(({ type }) => type === 'PodScheduled');
	return condition?.status === 'False' && condition.reason !== 'SchedulingGated' ? (condition.message ?? '') : '';
}

type RawVolume = NonNullable<NonNullable<Wire<V1Pod>['spec']>['volumes']>[number];

function claimVolumeOf(volume: RawVolume, podName: string): PodClaimVolume[] {
	const { name, persistentVolumeClaim, ephemeral } = volume;
	if (persistentVolumeClaim) {
		return [{ volumeName: name, claimName: persistentVolumeClaim.claimName, ephemeral: false }];
	}
	return ephemeral ? [{ volumeName: name, claimName: `${podName}-${name}`, ephemeral: true }] : [];
}

export function projectClaim(raw: Wire<V1PersistentVolumeClaim>): Claim {
	const { metadata, spec, status } = raw;
	const annotations = metadata?.annotations ?? NOTHING;
	const identity = identityOf(raw);
	return {
		...identity,
		phase: status?.phase ?? 'Pending',
		className: annotations[BETA_CLASS] ?? spec?.storageClassName ?? '',
		classInSpec: spec?.storageClassName !== undefined && spec.storageClassName !== null,
		volumeName: spec?.volumeName ?? '',
		bindCompleted: annotations['pv.kubernetes.io/bind-completed'] !== undefined,
		selectedNode: annotations['volume.kubernetes.io/selected-node'],
		request: optionalQuantity(spec?.resources?.requests?.storage, 'spec.resources.requests.storage'),
		accessModes: spec?.accessModes ?? [],
		volumeMode: spec?.volumeMode ?? 'Filesystem',
		attributesClass: spec?.volumeAttributesClassName ?? '',
		selector: spec?.selector ? requirementOfLabelSelector(spec.selector) : undefined,
		controllerUid: metadata?.ownerReferences?.find((owner) => owner.controller)?.uid,
		source: sourceOf(spec, identity.namespace),
	};
}

function sourceOf(spec: Wire<V1PersistentVolumeClaim>['spec'], namespace: string): ClaimSource | undefined {
	const source = spec?.dataSource ?? spec?.dataSourceRef;
	if (!source) return undefined;
	const { apiGroup, kind, name } = source;
	// Only dataSourceRef can name another namespace, and dataSource is empty then.
	const elsewhere = spec?.dataSource ? undefined : spec?.dataSourceRef?.namespace;
	return { apiGroup: apiGroup ?? '', kind, name, namespace: elsewhere || namespace };
}

export function projectVolume(raw: Wire<V1PersistentVolume>): Volume {
	const { metadata, spec, status } = raw;
	const nodeSelector = spec?.nodeAffinity?.required;
	const labels = metadata?.labels ?? NOTHING;
	const { claimRef, csi } = spec ?? {};
	return {
		...identityOf(raw),
		labels,
		phase: status?.phase ?? '',
		className: metadata?.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? '',
		capacity: optionalQuantity(spec?.capacity?.storage, 'spec.capacity.storage') ?? ZERO,
		accessModes: spec?.accessModes ?? [],
		volumeMode: spec?.volumeMode ?? 'Filesystem',
		attributesClass: spec?.volumeAttributesClassName ?? '',
		claimRef: claimRef && { namespace: claimRef.namespace ?? '', name: claimRef.name ?? '', uid: claimRef.uid ?? '' },
		affinity: nodeSelector ? compiledAffinity(nodeSelector) : undefined,
		csi: csi && { driver: csi.driver, handle: csi.volumeHandle },
		migration: spec && migrationOf({ labels, nodeSelector, spec }),
	};
}

/** Volumes of one node or zone share their affinity: compiling it once saves most of what 50,000 of them would take. */
const compiled = new LRUCache<string, Requirement>({ max: 10_000 });

function compiledAffinity(selector: RawNodeSelector): Requirement {
	const text = JSON.stringify(selector);
	const known = compiled.get(text);
	if (known) return known;
	const requirement = requirementOfNodeSelector(selector);
	compiled.set(text, requirement);
	return requirement;
}

export function projectStorageClass(raw: Wire<V1StorageClass>): StorageClass {
	return {
		...identityOf(raw),
		provisioner: raw.provisioner ?? '',
		bindingMode: raw.volumeBindingMode ?? undefined,
		allowedTopologies: requirementOfTopologyTerms(raw.allowedTopologies),
	};
}

export function projectCsiNode(raw: Wire<V1CSINode>): CsiNode {
	const migrated = raw.metadata?.annotations?.['storage.alpha.kubernetes.io/migrated-plugins'];
	return {
		...identityOf(raw),
		drivers: (raw.spec?.drivers ?? []).map(({ name, topologyKeys }) => ({ name, topologyKeys: topologyKeys ?? [] })),
		migratedPlugins: migrated ? migrated.split(',') : [],
	};
}

export function projectCsiDriver(raw: Wire<V1CSIDriver>): CsiDriver {
	return { ...identityOf(raw), storageCapacity: raw.spec?.storageCapacity ?? false };
}

export function projectCapacitySegment(raw: Wire<V1CSIStorageCapacity>): CapacitySegment {
	return {
		...identityOf(raw),
		className: raw.storageClassName,
		capacity: wholeBytes(raw.capacity, 'capacity'),
		maximumVolumeSize: wholeBytes(raw.maximumVolumeSize, 'maximumVolumeSize'),
		nodeTopology: raw.nodeTopology ? requirementOfLabelSelector(raw.nodeTopology) : undefined,
	};
}

function wholeBytes(text: unknown, field: string): bigint | undefined {
	const quantity = optionalQuantity(text, field);
	return quantity && wholeUnits(quantity);
}
