// Storage that tests make by hand.

import type { KubeObject } from './harness/index.ts';

/** A volume on one node. */
export function localVolume(name: string, node: string, storageClass: string, storage = '1Gi'): KubeObject {
	return {
		apiVersion: 'v1',
		kind: 'PersistentVolume',
		metadata: { name },
		spec: {
			capacity: { storage },
			accessModes: ['ReadWriteOnce'],
			persistentVolumeReclaimPolicy: 'Retain',
			storageClassName: storageClass,
			local: { path: `/disks/${name}` },
			nodeAffinity: {
				required: {
					nodeSelectorTerms: [
						{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
					],
				},
			},
		},
	};
}

/** A class of volumes that are made by hand. */
export function localClass(name: string): KubeObject {
	return {
		apiVersion: 'storage.k8s.io/v1',
		kind: 'StorageClass',
		metadata: { name },
		provisioner: 'kubernetes.io/no-provisioner',
		volumeBindingMode: 'WaitForFirstConsumer',
	};
}
