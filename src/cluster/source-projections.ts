/** What topobind keeps of snapshots and of the grants to use them. */

import { LRUCache } from 'lru-cache';
import type { ObjectReference, ReferenceGrant, Snapshot, SnapshotClass, SnapshotContent } from '../domain/model.ts';
import { REACH_ANNOTATION } from '../domain/storage/sources/policy.ts';
import {
	type RawTopologySelectorTerm,
	type Requirement,
	requirementOfTopologyTerms,
} from '../domain/topology/requirement.ts';
import { identityOf, optionalQuantity, type WireMetadata } from './wire.ts';

const RESTORING = 'provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection';
const MANAGED_BY = 'snapshot.storage.kubernetes.io/managed-by';
const ALLOW_MODE_CHANGE = 'snapshot.storage.kubernetes.io/allow-volume-mode-change';
/** As Go's strconv.ParseBool reads them. */
const TRUE: ReadonlySet<string | undefined> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

interface RawObject {
	readonly metadata?: WireMetadata;
}

/** Fields of these kinds may be absent or null. */
type Maybe<T> = T | null | undefined;

export interface RawSnapshot extends RawObject {
	readonly status?: Maybe<{
		readonly boundVolumeSnapshotContentName?: Maybe<string>;
		readonly readyToUse?: Maybe<boolean>;
		readonly restoreSize?: Maybe<string | number>;
	}>;
}

export function projectSnapshot(raw: RawSnapshot): Snapshot {
	const { metadata, status } = raw;
	return {
		...identityOf(raw),
		contentName: status?.boundVolumeSnapshotContentName ?? '',
		ready: status?.readyToUse ?? false,
		restoreSize: optionalQuantity(status?.restoreSize, 'status.restoreSize'),
		restoring: metadata?.finalizers?.includes(RESTORING) ?? false,
	};
}

export interface RawSnapshotContent extends RawObject {
	readonly spec?: Maybe<{
		readonly driver?: Maybe<string>;
		readonly volumeSnapshotClassName?: Maybe<string>;
		readonly volumeSnapshotRef?: Maybe<Partial<ObjectReference>>;
		readonly source?: Maybe<{ readonly volumeHandle?: Maybe<string> }>;
		readonly sourceVolumeMode?: Maybe<string>;
		readonly nodeAffinity?: Maybe<readonly RawTopologySelectorTerm[]>;
	}>;
	readonly status?: Maybe<{ readonly snapshotHandle?: Maybe<string> }>;
}

export function projectSnapshotContent(raw: RawSnapshotContent): SnapshotContent {
	const { metadata, spec, status } = raw;
	const { namespace = '', name = '', uid = '' } = spec?.volumeSnapshotRef ?? {};
	return {
		...identityOf(raw),
		driver: spec?.driver ?? '',
		className: spec?.volumeSnapshotClassName ?? '',
		snapshotRef: { namespace, name, uid },
		hasHandle: status?.snapshotHandle !== undefined && status.snapshotHandle !== null,
		volumeHandle: spec?.source?.volumeHandle ?? '',
		volumeMode: spec?.sourceVolumeMode ?? undefined,
		allowsModeChange: TRUE.has(metadata?.annotations?.[ALLOW_MODE_CHANGE]),
		managedBy: metadata?.labels?.[MANAGED_BY] ?? '',
		reach: metadata?.annotations?.[REACH_ANNOTATION],
		affinity: spec?.nodeAffinity ? affinityOf(spec.nodeAffinity) : undefined,
	};
}

/** Snapshots of one node or zone share their affinity; it is compiled once. */
const compiled = new LRUCache<string, Requirement>({ max: 10_000 });

function affinityOf(terms: readonly RawTopologySelectorTerm[]): Requirement | 'every node' {
	const text = JSON.stringify(terms);
	const known = compiled.get(text) ?? requirementOfTopologyTerms(terms);
	if (!known) return 'every node';
	compiled.set(text, known);
	return known;
}

export function projectSnapshotClass(raw: RawObject): SnapshotClass {
	return { ...identityOf(raw), reach: raw.metadata?.annotations?.[REACH_ANNOTATION] };
}

export interface RawReferenceGrant extends RawObject {
	readonly spec?: Maybe<{
		readonly from?: Maybe<readonly { readonly group: string; readonly kind: string; readonly namespace: string }[]>;
		readonly to?: Maybe<readonly { readonly group: string; readonly kind: string; readonly name?: Maybe<string> }[]>;
	}>;
}

export function projectReferenceGrant(raw: RawReferenceGrant): ReferenceGrant {
	const isClaims = ({ group, kind }: { group: string; kind: string }) =>
		group === '' && kind === 'PersistentVolumeClaim';
	return {
		...identityOf(raw),
		from: (raw.spec?.from ?? []).filter(isClaims).map(({ namespace }) => namespace),
		// A name of '' means all, as none does.
		to: (raw.spec?.to ?? []).map(({ group, kind, name }) => ({ apiGroup: group, kind, name: name || undefined })),
	};
}
