/** A made-up cluster, the same for the same seed: nodes as kube-scheduler would send them, volumes, claims, pods. */

export interface Manifest {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: { readonly name: string; readonly [field: string]: unknown };
	readonly [field: string]: unknown;
}

const ZONES = ['zone-a', 'zone-b', 'zone-c'];
const DRIVER = 'disk.csi.example.com';
const ZONE_KEY = 'topology.disk.csi.example.com/zone';

/** `count` nodes of about 7.4 KB of JSON each, spread over three zones. */
export function nodes(count: number, seed = 1): Manifest[] {
	const random = randomFrom(seed);
	return Array.from({ length: count }, (_, i) => node(i, random));
}

export function nodeName(index: number): string {
	return `ip-10-${index >> 8}-${index & 255}-${17 + (index % 200)}.eu-central-1.compute.internal`;
}

function node(index: number, random: () => number): Manifest {
	const name = nodeName(index);
	const zone = zoneOf(index);
	const hex = (length: number) => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');
	const resources = {
		cpu: '16',
		'ephemeral-storage': '203051032Ki',
		'hugepages-1Gi': '0',
		memory: '64301592Ki',
		pods: '234',
	};
	return {
		apiVersion: 'v1',
		kind: 'Node',
		metadata: {
			name,
			uid: `${hex(8)}-${hex(4)}-4${hex(3)}-9${hex(3)}-${hex(12)}`,
			resourceVersion: String(1_000_000 + Math.floor(random() * 1e6)),
			creationTimestamp: '2026-01-01T00:00:00Z',
			labels: {
				'beta.kubernetes.io/arch': 'amd64',
				'beta.kubernetes.io/instance-type': 'm6i.4xlarge',
				'beta.kubernetes.io/os': 'linux',
				'failure-domain.beta.kubernetes.io/region': 'region-1',
				'failure-domain.beta.kubernetes.io/zone': zone,
				'kubernetes.io/arch': 'amd64',
				'kubernetes.io/hostname': name,
				'kubernetes.io/os': 'linux',
				'node.kubernetes.io/instance-type': 'm6i.4xlarge',
				'topology.kubernetes.io/region': 'region-1',
				'topology.kubernetes.io/zone': zone,
				[ZONE_KEY]: zone,
				rack: `rack-${index % 40}`,
			},
			annotations: {
				'csi.volume.kubernetes.io/nodeid': JSON.stringify({ [DRIVER]: `i-${hex(17)}` }),
				'node.alpha.kubernetes.io/ttl': '0',
				'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
			},
		},
		spec: { podCIDR: `10.${index >> 8}.${index & 255}.0/24`, providerID: `cloud:///${zone}/i-${hex(17)}` },
		status: {
			capacity: resources,
			allocatable: { ...resources, cpu: '15890m', memory: '61204376Ki' },
			conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
				type,
				status: type === 'Ready' ? 'True' : 'False',
				lastHeartbeatTime: '2026-01-01T00:05:00Z',
				lastTransitionTime: '2026-01-01T00:00:30Z',
				reason: `Kubelet${type}`,
				message: `kubelet reports ${type}`,
			})),
			addresses: [
				{ type: 'InternalIP', address: `10.${index >> 8}.${index & 255}.7` },
				{ type: 'Hostname', address: name },
				{ type: 'InternalDNS', address: name },
			],
			daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
			nodeInfo: {
				machineID: hex(32),
				systemUUID: `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`,
				bootID: `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`,
				kernelVersion: '6.1.90-99.173.amzn2023.x86_64',
				osImage: 'Linux 2023',
				containerRuntimeVersion: 'containerd://2.1.4',
				kubeletVersion: 'v1.37.2',
				kubeProxyVersion: '',
				operatingSystem: 'linux',
				architecture: 'amd64',
			},
			images: Array.from({ length: 23 }, (_, image) => ({
				names: [
					`images.example.com/platform/component-${image}@sha256:${hex(64)}`,
					`images.example.com/platform/component-${image}:v1.${image}.0`,
				],
				sizeBytes: Math.floor(random() * 5e8),
			})),
		},
	};
}

function zoneOf(index: number): string {
	return ZONES[index % ZONES.length] ?? '';
}

/** What the driver registered on each node; without it nothing is provisioned there. */
export function csiNodes(count: number): Manifest[] {
	return Array.from({ length: count }, (_, i) => ({
		apiVersion: 'storage.k8s.io/v1',
		kind: 'CSINode',
		metadata: { name: nodeName(i) },
		spec: { drivers: [{ name: DRIVER, nodeID: `i-${i}`, topologyKeys: [ZONE_KEY] }] },
	}));
}

/** `local`: volumes made by hand, one node each. `disk`: provisioned on demand in two of the three zones. */
export const classes: readonly Manifest[] = [
	{
		apiVersion: 'storage.k8s.io/v1',
		kind: 'StorageClass',
		metadata: { name: 'local' },
		provisioner: 'kubernetes.io/no-provisioner',
		volumeBindingMode: 'WaitForFirstConsumer',
	},
	{
		apiVersion: 'storage.k8s.io/v1',
		kind: 'StorageClass',
		metadata: { name: 'disk' },
		provisioner: DRIVER,
		volumeBindingMode: 'WaitForFirstConsumer',
		allowedTopologies: [{ matchLabelExpressions: [{ key: ZONE_KEY, values: ZONES.slice(0, 2) }] }],
	},
];

/** Available local volumes of 10 to 100 GiB, dealt out to `nodeCount` nodes one after the other. */
export function localVolumes(count: number, nodeCount: number, seed = 2): Manifest[] {
	const random = randomFrom(seed);
	return Array.from({ length: count }, (_, i) => ({
		apiVersion: 'v1',
		kind: 'PersistentVolume',
		metadata: { name: `local-${i}`, labels: { disk: `d${i % 7}` } },
		spec: {
			capacity: { storage: `${10 + Math.floor(random() * 91)}Gi` },
			accessModes: ['ReadWriteOnce'],
			persistentVolumeReclaimPolicy: 'Retain',
			storageClassName: 'local',
			local: { path: `/mnt/disks/${i}` },
			nodeAffinity: required('kubernetes.io/hostname', nodeName(i % nodeCount)),
		},
		status: { phase: 'Available' },
	}));
}

/** A volume that only one zone can reach, and its claim. */
export const zonalVolume: readonly Manifest[] = [
	{
		apiVersion: 'v1',
		kind: 'PersistentVolume',
		metadata: { name: 'zonal', annotations: { 'pv.kubernetes.io/provisioned-by': DRIVER } },
		spec: {
			capacity: { storage: '20Gi' },
			accessModes: ['ReadWriteOnce'],
			storageClassName: 'disk',
			csi: { driver: DRIVER, volumeHandle: 'vol-1' },
			claimRef: { kind: 'PersistentVolumeClaim', namespace: 'default', name: 'zonal', uid: 'uid-claim-zonal' },
			nodeAffinity: required(ZONE_KEY, ZONES[0] ?? ''),
		},
		status: { phase: 'Bound' },
	},
	claim('zonal', 'disk', '20Gi', 'zonal'),
];

/** A claim; bound where a volume is given. */
export function claim(name: string, className: string, storage: string, volume?: string): Manifest {
	const annotations = { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' };
	return {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		metadata: { name, namespace: 'default', uid: `uid-claim-${name}`, ...(volume && { annotations }) },
		spec: {
			accessModes: ['ReadWriteOnce'],
			storageClassName: className,
			resources: { requests: { storage } },
			...(volume && { volumeName: volume }),
		},
		status: { phase: volume ? 'Bound' : 'Pending' },
	};
}

/** A pod that mounts the named claims. */
export function pod(name: string, claims: readonly string[]): Manifest {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, namespace: 'default', uid: `uid-pod-${name}`, labels: { app: name } },
		spec: {
			schedulerName: 'default-scheduler',
			containers: [{ name: 'main', image: 'images.example.com/platform/component-1:v1.1.0' }],
			volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
		},
		status: { phase: 'Pending' },
	};
}

function required(key: string, value: string): object {
	return { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values: [value] }] }] } };
}

/** mulberry32: 32 bits of state are enough to look like a cluster. */
function randomFrom(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}
