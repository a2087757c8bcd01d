// What cluster test files start from.

import { afterAll, inject } from 'vitest';
import { attachControlPlane, type ControlPlane, type KubeObject } from './harness/index.ts';

/**
 * The control plane that all test files share. What a file starts in it ends
 * with the file; nodes and drivers need names of the file's own.
 */
export function useControlPlane(): ControlPlane {
	const controlPlane = attachControlPlane(inject('controlPlane'));
	afterAll(() => controlPlane.stop());
	return controlPlane;
}

interface PodOptions {
	readonly namespace: string;
	readonly name: string;
	readonly schedulerName: string;
	/** Label that the node must have: `{'kubernetes.io/hostname': 'n1'}`. */
	readonly nodeSelector?: Readonly<Record<string, string>>;
	readonly cpu?: string;
	/** Claims of the namespace to mount. */
	readonly claims?: readonly string[];
}

/** A pod that asks for little. */
export function pod(options: PodOptions): KubeObject {
	const { namespace, name, schedulerName, nodeSelector, cpu = '10m', claims = [] } = options;
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { namespace, name },
		spec: {
			schedulerName,
			...(nodeSelector === undefined ? {} : { nodeSelector }),
			containers: [{ name: 'main', image: 'none', resources: { requests: { cpu } } }],
			volumes: claims.map((claimName) => ({
				name: claimName,
				persistentVolumeClaim: { claimName },
			})),
		},
	};
}

interface ClaimOptions {
	readonly namespace: string;
	readonly name: string;
	readonly storageClass: string;
	readonly size?: string;
	/** What the volume is to be a copy of. */
	readonly source?: Source;
}

export interface Source {
	readonly kind: 'VolumeSnapshot' | 'PersistentVolumeClaim';
	readonly name: string;
	/** Where it is not the claim's own. */
	readonly namespace?: string;
}

/** A claim of a volume, new or copied. */
export function claim(options: ClaimOptions): KubeObject {
	const { namespace, name, storageClass, size = '1Gi', source } = options;
	const apiGroup = source?.kind === 'VolumeSnapshot' ? { apiGroup: 'snapshot.storage.k8s.io' } : {};
	const field = source?.namespace === undefined ? 'dataSource' : 'dataSourceRef';
	return {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		metadata: { namespace, name },
		spec: {
			storageClassName: storageClass,
			accessModes: ['ReadWriteOnce'],
			resources: { requests: { storage: size } },
			...(source === undefined ? {} : { [field]: { ...apiGroup, ...source } }),
		},
	};
}

/** A class, and a snapshot class of the same name, for a driver; binding waits for a pod. */
export function classesOf(driver: string, name: string): KubeObject[] {
	return [
		{
			apiVersion: 'storage.k8s.io/v1',
			kind: 'StorageClass',
			metadata: { name },
			provisioner: driver,
			volumeBindingMode: 'WaitForFirstConsumer',
		},
		{
			apiVersion: 'snapshot.storage.k8s.io/v1',
			kind: 'VolumeSnapshotClass',
			metadata: { name },
			driver,
			deletionPolicy: 'Delete',
		},
	];
}

/** A snapshot of a claim's volume. */
export function snapshot(options: {
	readonly namespace: string;
	readonly name: string;
	readonly snapshotClass: string;
	readonly claim: string;
}): KubeObject {
	return {
		apiVersion: 'snapshot.storage.k8s.io/v1',
		kind: 'VolumeSnapshot',
		metadata: { namespace: options.namespace, name: options.name },
		spec: {
			volumeSnapshotClassName: options.snapshotClass,
			source: { persistentVolumeClaimName: options.claim },
		},
	};
}

/** The API paths of one namespace's objects. */
export function paths(namespace: string) {
	const core = `/api/v1/namespaces/${namespace}`;
	const snapshots = `/apis/snapshot.storage.k8s.io/v1/namespaces/${namespace}/volumesnapshots`;
	return {
		pods: `${core}/pods`,
		claims: `${core}/persistentvolumeclaims`,
		snapshots,
		pod: (name: string) => `${core}/pods/${name}`,
		claim: (name: string) => `${core}/persistentvolumeclaims/${name}`,
		snapshot: (name: string) => `${snapshots}/${name}`,
	};
}

export const isRunning = (object: KubeObject | undefined): boolean => object?.status?.phase === 'Running';
export const isBound = (object: KubeObject | undefined): boolean => object?.status?.phase === 'Bound';
export const isReadyToUse = (object: KubeObject | undefined): boolean => object?.status?.readyToUse === true;
/** The node that the scheduler chose for a claim's volume. */
export const selectedNode = (object: KubeObject | undefined): string | undefined =>
	object?.metadata.annotations?.['volume.kubernetes.io/selected-node'];
