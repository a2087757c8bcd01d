/** Manifests on disk for one test, and short forms of the objects that most scenes need. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Claim, Pod, Volume } from '../../src/domain/model.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/cluster.ts';

/** A folder with these files, gone when the test ends. */
export async function manifestFolder(files: Readonly<Record<string, string>>): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), 'topobind-manifests-'));
	onTestFinished(() => rm(folder, { recursive: true }));
	for (const [name, text] of Object.entries(files)) {
		await mkdir(dirname(join(folder, name)), { recursive: true });
		await writeFile(join(folder, name), text);
	}
	return folder;
}

type Raw = Readonly<Record<string, unknown>>;

/** A sandbox of these objects, ended when the test ends. */
export async function sandboxOf(
	objects: readonly Raw[],
	options: Omit<SandboxOptions, 'paths'> = {},
): Promise<TestSandbox> {
	const list = { apiVersion: 'v1', kind: 'List', items: objects };
	const folder = await manifestFolder({ 'all.json': JSON.stringify(list) });
	const sandbox = await startSandbox({ ...options, paths: [folder] });
	onTestFinished(() => sandbox.stop());
	return new TestSandbox(sandbox);
}

/** Acts as topobind does: through the state and the writer. */
export class TestSandbox {
	readonly sandbox: Sandbox;

	constructor(sandbox: Sandbox) {
		this.sandbox = sandbox;
	}

	claim(name: string): Claim {
		return found(this.sandbox.state.claim('default', name), `claim ${name}`);
	}

	volume(name: string): Volume {
		return found(this.sandbox.state.volume(name), `volume ${name}`);
	}

	pod(name: string): Pod {
		return found(this.sandbox.state.pod('default', name), `pod ${name}`);
	}

	/** The volume that the claim is bound to. */
	volumeOf(claimName: string): Volume {
		return this.volume(this.claim(claimName).volumeName);
	}

	async select(claimName: string, node: string): Promise<void> {
		await this.sandbox.writer.selectNode(this.claim(claimName), node);
		await this.sandbox.store.quiet();
	}

	async claimVolume(volumeName: string, claimName: string): Promise<void> {
		await this.sandbox.writer.claimVolume(this.volume(volumeName), this.claim(claimName));
		await this.sandbox.store.quiet();
	}

	/** Resolves as soon as the state shows what is waited for, at once if it does already. */
	async until(holds: () => boolean): Promise<void> {
		if (holds()) return;
		await new Promise<void>((resolve) => {
			const stop = this.sandbox.state.subscribe(() => {
				if (!holds()) return;
				stop();
				resolve();
			});
		});
	}
}

function found<T>(object: T | undefined, what: string): T {
	if (object === undefined) throw new Error(`the sandbox has no ${what}`);
	return object;
}

/** Keeps what the sandbox warns of. */
export function recordingLogger() {
	const warnings: string[] = [];
	const none = () => {};
	return {
		warnings,
		debug: none,
		info: none,
		warn: (_: object, message: string) => void warnings.push(message),
		error: (details: object) => {
			throw new Error('the sandbox failed', { cause: details });
		},
	};
}

export const DRIVER = 'disk.example.com';
export const ZONE = 'topology.disk.example.com/zone';

/** A node in a zone, on which the driver is registered. */
export function node(name: string, zone: string): Raw[] {
	const labels = { 'kubernetes.io/hostname': name, [ZONE]: zone };
	const drivers = [{ name: DRIVER, nodeID: name, topologyKeys: [ZONE] }];
	return [
		{ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } },
		{ apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name }, spec: { drivers } },
	];
}

/** A class that waits for the first consumer unless told otherwise. */
export function storageClass(name: string, fields: Raw = {}): Raw {
	return {
		apiVersion: 'storage.k8s.io/v1',
		kind: 'StorageClass',
		metadata: { name },
		provisioner: DRIVER,
		volumeBindingMode: 'WaitForFirstConsumer',
		...fields,
	};
}

export function claim(name: string, storageClassName: string, storage: string, spec: Raw = {}): Raw {
	return {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		metadata: { name },
		spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage } }, ...spec },
	};
}

export function volume(name: string, storageClassName: string, storage: string, spec: Raw = {}): Raw {
	return {
		apiVersion: 'v1',
		kind: 'PersistentVolume',
		metadata: { name },
		spec: {
			accessModes: ['ReadWriteOnce'],
			storageClassName,
			capacity: { storage },
			hostPath: { path: '/x' },
			...spec,
		},
	};
}

export function pod(name: string, claimName: string): Raw {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name },
		spec: {
			containers: [{ name: 'app', image: 'app' }],
			volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
		},
	};
}

const SNAPSHOT_API = 'snapshot.storage.k8s.io/v1';

export const snapshotClass: Raw = {
	apiVersion: SNAPSHOT_API,
	kind: 'VolumeSnapshotClass',
	metadata: { name: 'cut' },
	driver: DRIVER,
	deletionPolicy: 'Delete',
};

export function snapshot(name: string, source: Raw, metadata: Raw = {}): Raw {
	return {
		apiVersion: SNAPSHOT_API,
		kind: 'VolumeSnapshot',
		metadata: { name, ...metadata },
		spec: { volumeSnapshotClassName: 'cut', source },
	};
}

export const fromSnapshot = (name: string): Raw => ({
	dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name },
});

export const fromClaim = (name: string): Raw => ({ dataSource: { kind: 'PersistentVolumeClaim', name } });
