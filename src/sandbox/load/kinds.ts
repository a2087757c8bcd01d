/** Which kinds of object the sandbox holds, which it passes over, and which are mistakes. */

import { nearest } from '../../config/nearest.ts';
import type { RawKind } from '../raw.ts';

export interface HeldKind {
	readonly kind: RawKind;
	readonly apiVersions: readonly string[];
	readonly namespaced: boolean;
	/** Name of the kind's type in the field tables. */
	readonly type: string;
}

const CORE = ['v1'];
const STORAGE = ['storage.k8s.io/v1'];
const SNAPSHOT = ['snapshot.storage.k8s.io/v1'];

const HELD: readonly HeldKind[] = [
	{ kind: 'Node', apiVersions: CORE, namespaced: false, type: 'V1Node' },
	{ kind: 'Pod', apiVersions: CORE, namespaced: true, type: 'V1Pod' },
	{ kind: 'PersistentVolumeClaim', apiVersions: CORE, namespaced: true, type: 'V1PersistentVolumeClaim' },
	{ kind: 'PersistentVolume', apiVersions: CORE, namespaced: false, type: 'V1PersistentVolume' },
	{ kind: 'StorageClass', apiVersions: STORAGE, namespaced: false, type: 'V1StorageClass' },
	{ kind: 'CSINode', apiVersions: STORAGE, namespaced: false, type: 'V1CSINode' },
	{ kind: 'CSIDriver', apiVersions: STORAGE, namespaced: false, type: 'V1CSIDriver' },
	{ kind: 'CSIStorageCapacity', apiVersions: STORAGE, namespaced: true, type: 'V1CSIStorageCapacity' },
	{ kind: 'VolumeSnapshot', apiVersions: SNAPSHOT, namespaced: true, type: 'VolumeSnapshot' },
	{ kind: 'VolumeSnapshotContent', apiVersions: SNAPSHOT, namespaced: false, type: 'VolumeSnapshotContent' },
	{ kind: 'VolumeSnapshotClass', apiVersions: SNAPSHOT, namespaced: false, type: 'VolumeSnapshotClass' },
	{
		kind: 'ReferenceGrant',
		apiVersions: ['gateway.networking.k8s.io/v1beta1', 'gateway.networking.k8s.io/v1'],
		namespaced: true,
		type: 'ReferenceGrant',
	},
];
const heldByKind = new Map<string, HeldKind>(HELD.map((held) => [held.kind, held]));
const heldGroups = new Set(HELD.flatMap((held) => held.apiVersions.map(groupOf)));

/** The other kinds of the groups that are known in full, so that a mistyped kind of theirs is noticed. */
const PASSED_OVER: Readonly<Record<string, readonly string[]>> = {
	'': [
		'Binding',
		'ComponentStatus',
		'ConfigMap',
		'Endpoints',
		'Event',
		'LimitRange',
		'Namespace',
		'PodTemplate',
		'ReplicationController',
		'ResourceQuota',
		'Secret',
		'Service',
		'ServiceAccount',
	],
	'storage.k8s.io': ['VolumeAttachment', 'VolumeAttributesClass'],
	'snapshot.storage.k8s.io': [],
};

/** The kind, 'unused' for one that no storage decision needs, or what is wrong. */
export function recogniseKind(apiVersion: string, kind: string): HeldKind | 'unused' | { readonly problem: string } {
	const held = heldByKind.get(kind);
	if (held?.apiVersions.includes(apiVersion)) return held;
	const group = groupOf(apiVersion);
	const others = PASSED_OVER[group];
	if (others?.includes(kind)) return 'unused';
	if (held && (heldGroups.has(group) || looksBuiltIn(group))) {
		return { problem: `${kind} is not a kind of ${apiVersion}, but of ${held.apiVersions[0]}` };
	}
	if (others) {
		const names = [
			...HELD.filter((one) => one.apiVersions.some((version) => groupOf(version) === group)).map((one) => one.kind),
			...others,
		];
		const meant = nearest(kind, names);
		return { problem: `${kind} is not a kind of ${apiVersion}${meant ? `; did you mean ${meant}?` : ''}` };
	}
	return 'unused';
}

/** A custom resource may well be called Node or StorageClass; in a group like these it is a mistake. */
function looksBuiltIn(group: string): boolean {
	return !group.includes('.') || group.endsWith('k8s.io') || nearest(group, heldGroups) !== undefined;
}

function groupOf(apiVersion: string): string {
	const slash = apiVersion.indexOf('/');
	return slash === -1 ? '' : apiVersion.slice(0, slash);
}
