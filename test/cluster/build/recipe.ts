// What the control plane consists of and how each part is compiled. Versions
// live in ../control-plane/go.mod; only what cannot be pinned there is here.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Go module whose go.mod pins every version. */
export const moduleDir: string = fileURLToPath(new URL('../control-plane', import.meta.url));

/** Programs of our own, each in a folder of the module that is named after it. */
export const programs = ['csi-driver', 'kustomize'] as const;
export type Program = (typeof programs)[number];

/** Name of the binary → Go package, in the order they are built. */
export const commands = {
	etcd: 'go.etcd.io/etcd/server/v3',
	'csi-sanity': 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity',
	'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
	'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
	'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
	kwok: 'sigs.k8s.io/kwok/cmd/kwok',
	'csi-snapshotter': 'github.com/kubernetes-csi/external-snapshotter/v8/cmd/csi-snapshotter',
	'snapshot-controller': 'github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller',
} as const;

/**
 * external-provisioner does not compile against the Kubernetes libraries pinned
 * here, so it is built as a main module of its own, with its own go.mod. Its
 * checksum is in no go.sum of ours, hence written down.
 */
export const provisioner = {
	binary: 'csi-provisioner',
	module: 'github.com/kubernetes-csi/external-provisioner/v6@v6.3.0',
	sum: 'h1:cC5Y10GbdTHXUTBBz0g7jKZKm7AJJk586WV5rVNWdck=',
	package: './cmd/csi-provisioner',
} as const;

/** Files that are copied out of modules, so that a later run needs no Go at all. */
export const assets = {
	'kwok-stages': {
		module: 'sigs.k8s.io/kwok',
		files: [
			'kustomize/stage/node/fast/node-initialize.yaml',
			'kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml',
			'kustomize/stage/pod/fast/pod-ready.yaml',
			'kustomize/stage/pod/fast/pod-complete.yaml',
			'kustomize/stage/pod/fast/pod-delete.yaml',
		],
	},
	'snapshot-crds': {
		module: 'github.com/kubernetes-csi/external-snapshotter/client/v8',
		files: [
			'config/crd/snapshot.storage.k8s.io_volumesnapshotclasses.yaml',
			'config/crd/snapshot.storage.k8s.io_volumesnapshotcontents.yaml',
			'config/crd/snapshot.storage.k8s.io_volumesnapshots.yaml',
		],
	},
} as const;

/** The version that the servers report; without it they call themselves v0.0.0. */
const kubernetesVersion = 'v1.37.2';

const versionPackage = 'k8s.io/component-base/version';
export const buildFlags: readonly string[] = [
	'-buildvcs=false',
	'-ldflags',
	[
		'-s -w',
		`-X ${versionPackage}.gitVersion=${kubernetesVersion}`,
		`-X ${versionPackage}.gitMajor=1`,
		`-X ${versionPackage}.gitMinor=37`,
		`-X ${versionPackage}.gitTreeState=clean`,
	].join(' '),
];

/** Without cgo no C compiler is needed and the binaries depend on nothing. */
export const buildEnv: Readonly<Record<string, string>> = { CGO_ENABLED: '0' };

const recipe = JSON.stringify([commands, provisioner, assets, buildFlags, buildEnv]);
const platform = `${process.platform}-${process.arch}`;

/** Key of everything but our own programs: changes when a version or the recipe does. */
export function controlPlaneKey(): string {
	return hash(platform, recipe, read('go.mod'), read('go.sum'));
}

/** Key of a program of ours: changes when its sources do. */
export function programKey(program: Program): string {
	const sources = readdirSync(join(moduleDir, program)).filter((name) => name.endsWith('.go'));
	const texts = sources.sort().flatMap((name) => [name, read(program, name)]);
	return hash(platform, recipe, read('go.mod'), read('go.sum'), ...texts);
}

function read(...path: string[]): string {
	return readFileSync(join(moduleDir, ...path), 'utf8');
}

function hash(...parts: string[]): string {
	// As JSON, so that moving text from one part to the next changes the key.
	return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
