/** Restores and clones in the sandbox, from filter to a bound pod; the scheduler would like node1 best. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Binder } from '../../src/binder/binder.ts';
import type { Kind } from '../../src/cluster/kinds.ts';
import { judge } from '../../src/domain/decision/judge.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/cluster.ts';
import { SELECTED_NODE } from '../../src/sandbox/raw.ts';

const NODES = ['node1', 'node2', 'node3'];
const TOPOLOGY = 'topology.topolvm.io/node';
const SNAPSHOT_API = 'snapshot.storage.k8s.io/v1';

const nodes = NODES.flatMap((name) => [
	{ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { [TOPOLOGY]: name } } },
	{
		apiVersion: 'storage.k8s.io/v1',
		kind: 'CSINode',
		metadata: { name },
		spec: { drivers: [{ name: 'topolvm.io', nodeID: name, topologyKeys: [TOPOLOGY] }] },
	},
]);

const classes = [
	{
		apiVersion: 'storage.k8s.io/v1',
		kind: 'StorageClass',
		metadata: { name: 'local' },
		provisioner: 'topolvm.io',
		volumeBindingMode: 'WaitForFirstConsumer',
	},
	{
		apiVersion: SNAPSHOT_API,
		kind: 'VolumeSnapshotClass',
		metadata: { name: 'local' },
		driver: 'topolvm.io',
		deletionPolicy: 'Delete',
	},
];

const claim = (name: string, dataSource?: object) => ({
	apiVersion: 'v1' as const,
	kind: 'PersistentVolumeClaim' as const,
	metadata: { name, namespace: 'default' },
	spec: {
		accessModes: ['ReadWriteOnce'],
		storageClassName: 'local',
		resources: { requests: { storage: '1Gi' } },
		...(dataSource && { dataSource }),
	},
});

const pod = (name: string, ...claims: string[]) => ({
	apiVersion: 'v1' as const,
	kind: 'Pod' as const,
	metadata: { name, namespace: 'default' },
	spec: {
		containers: [{ name: 'app', image: 'app' }],
		volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
	},
});

const snapshot = {
	apiVersion: SNAPSHOT_API,
	kind: 'VolumeSnapshot' as const,
	metadata: { name: 'taken', namespace: 'default' },
	spec: { volumeSnapshotClassName: 'local', source: { persistentVolumeClaimName: 'origin' } },
};
const fromSnapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'taken' };
const fromClaim = { kind: 'PersistentVolumeClaim', name: 'origin' };

/** A sandbox in which claim `origin` is on node2. */
async function start(options: Parameters<typeof startSandbox>[0]['delays'] = {}): Promise<Scene> {
	const folder = await mkdtemp(join(tmpdir(), 'restores-'));
	onTestFinished(() => rm(folder, { recursive: true }));
	const items = [...nodes, ...classes, claim('origin'), pod('writer', 'origin')];
	await writeFile(join(folder, 'all.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
	const sandbox = await startSandbox({ paths: [folder], delays: options });
	onTestFinished(() => sandbox.stop());
	const scene = new Scene(sandbox);
	await scene.bind('writer', 'node2');
	return scene;
}

class Scene {
	readonly sandbox: Sandbox;
	/** Nodes that were ever selected for claim `restored`. */
	readonly pins = new Set<string>();
	readonly #binder: Binder;

	constructor(sandbox: Sandbox) {
		this.sandbox = sandbox;
		this.#binder = new Binder(sandbox.state, sandbox.writer, { timeoutMs: 2000 });
		sandbox.store.watch(({ kind, key, current }) => {
			const node = current?.metadata.annotations?.[SELECTED_NODE];
			if (kind === 'PersistentVolumeClaim' && key === 'default/restored' && node) this.pins.add(node);
		});
	}

	/** Each node's refusal, undefined where the pod may run. */
	filter(name: string): Record<string, string | undefined> {
		const { state } = this.sandbox;
		const found = state.pod('default', name);
		if (!found) throw new Error(`no pod ${name}`);
		const refusals = judge(found, state, state.nodes.all);
		return Object.fromEntries(
			NODES.map((node) => {
				const id = state.nodes.idOf(node) ?? -1;
				return [node, refusals.find((refusal) => refusal.nodes.has(id))?.reason.message];
			}),
		);
	}

	/** As a scheduler that likes the nodes in their order: gives the node, undefined where none will do. */
	async schedule(name: string): Promise<string | undefined> {
		const [node] = Object.entries(this.filter(name)).find(([, refusal]) => refusal === undefined) ?? [];
		if (node) await this.bind(name, node);
		return node;
	}

	async bind(name: string, node: string): Promise<void> {
		const found = this.sandbox.state.pod('default', name);
		await this.#binder.bind({ namespace: 'default', name, uid: found?.uid ?? '', node });
		await this.sandbox.store.quiet();
	}

	async create(...objects: readonly { readonly kind: Kind }[]) {
		for (const object of objects) this.sandbox.store.create(object.kind, object as never);
		await this.sandbox.store.quiet();
	}

	/** Where the volume of claim `restored` is reached from. */
	place(): string | undefined {
		const bound = this.sandbox.state.claim('default', 'restored');
		return this.sandbox.state.volume(bound?.volumeName ?? '')?.affinity?.text;
	}
}

describe('a restore goes where its data is', () => {
	it('when its snapshot is there before it', async () => {
		const scene = await start();
		await scene.create(snapshot);
		await scene.create(claim('restored', fromSnapshot), pod('reader', 'restored'));
		const elsewhere = `claim restored must go where its source, VolumeSnapshot taken, can be reached: ${TOPOLOGY} in (node2)`;
		expect(scene.filter('reader')).toEqual({ node1: elsewhere, node2: undefined, node3: elsewhere });
		expect(await scene.schedule('reader')).toBe('node2');
		expect(scene.place()).toBe(`${TOPOLOGY} in (node2)`);
	});

	it('when its snapshot comes after it, and is not ready at once', async () => {
		const scene = await start({ snapshot: 50 });
		await scene.create(claim('restored', fromSnapshot), pod('reader', 'restored'));
		const waits = (why: string) => `claim restored waits for its source, VolumeSnapshot taken: ${why}`;
		const onAll = (message: string) => Object.fromEntries(NODES.map((node) => [node, message]));
		expect(scene.filter('reader')).toEqual(onAll(waits('it does not exist')));
		expect(await scene.schedule('reader')).toBeUndefined();
		await expect(scene.bind('reader', 'node1')).rejects.toThrow(waits('it does not exist'));
		await scene.create(snapshot);
		expect(scene.filter('reader')).toEqual(onAll(waits('it is not ready to use yet')));
		await expect(scene.bind('reader', 'node1')).rejects.toThrow(waits('it is not ready to use yet'));
		expect([...scene.pins]).toEqual([]);
		await expect.poll(() => scene.filter('reader').node2).toBeUndefined();
		expect(await scene.schedule('reader')).toBe('node2');
		expect(scene.place()).toBe(`${TOPOLOGY} in (node2)`);
		expect([...scene.pins]).toEqual(['node2']);
	});
});

describe('two sources in one pod', () => {
	const both = async (other: string): Promise<Scene> => {
		const scene = await start();
		await scene.create(snapshot, claim('other'), pod('other', 'other'));
		await scene.bind('other', other);
		await scene.create(claim('restored', fromSnapshot), claim('cloned', { ...fromClaim, name: 'other' }));
		await scene.create(pod('reader', 'restored', 'cloned'));
		return scene;
	};

	it('that are on one node: the pod runs there, with both', async () => {
		const scene = await both('node2');
		expect(await scene.schedule('reader')).toBe('node2');
		const { state } = scene.sandbox;
		expect(['restored', 'cloned'].map((name) => state.claim('default', name)?.phase)).toEqual(['Bound', 'Bound']);
	});

	it('that are on two: it waits, and neither claim is pinned', async () => {
		const scene = await both('node3');
		expect(await scene.schedule('reader')).toBeUndefined();
		const { state } = scene.sandbox;
		expect(['restored', 'cloned'].map((name) => state.claim('default', name)?.selectedNode)).toEqual([
			undefined,
			undefined,
		]);
	});
});

it('a volume that is there will do instead, wherever the source is', async () => {
	const scene = await start();
	const expression = { key: TOPOLOGY, operator: 'In', values: ['node3'] };
	const status = { phase: 'Available' };
	const spec = {
		accessModes: ['ReadWriteOnce'],
		storageClassName: 'local',
		capacity: { storage: '1Gi' },
		local: { path: '/disk' },
		nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
	};
	const volume = {
		apiVersion: 'v1',
		kind: 'PersistentVolume' as const,
		metadata: { name: 'ready-made' },
		spec,
		status,
	};
	await scene.create(volume);
	await scene.create(claim('restored', fromSnapshot), pod('reader', 'restored'));
	expect(await scene.schedule('reader')).toBe('node3');
	expect(scene.sandbox.state.claim('default', 'restored')?.volumeName).toBe('ready-made');
});

describe('a clone goes where its source is', () => {
	it('and nowhere else', async () => {
		const scene = await start();
		await scene.create(claim('restored', fromClaim), pod('reader', 'restored'));
		expect(await scene.schedule('reader')).toBe('node2');
		expect(scene.place()).toBe(`${TOPOLOGY} in (node2)`);
	});

	it('unless a scheduler that does not look has pinned it: then it stays unbound (the control)', async () => {
		const scene = await start();
		await scene.create(claim('restored', fromClaim), pod('reader', 'restored'));
		const { state, writer, store } = scene.sandbox;
		const free = state.claim('default', 'restored');
		if (!free) throw new Error('no claim');
		await writer.selectNode(free, 'node1');
		await store.quiet();
		expect(state.claim('default', 'restored')).toMatchObject({ volumeName: '', selectedNode: 'node1' });
		expect(scene.filter('reader').node1).toContain('must go where its source');
	});
});
