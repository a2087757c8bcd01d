/** What snapshots cost: the time of a filter beside the same cluster without them, and the memory that they take. */

import { projectSnapshot, projectSnapshotContent } from '../src/cluster/source-projections.ts';
import { ClusterState } from '../src/cluster/state.ts';
import type { Client } from './client.ts';
import { claim, classes, csiNodes, type Manifest, nodes, pod, zonalVolume } from './cluster.ts';
import { type Effort, measure } from './measure.ts';
import { heapOf } from './memory.ts';
import { ms, ratio, table } from './report.ts';
import { extenderArgs } from './scenarios.ts';
import type { Server } from './server.ts';

const NODES = 5000;
const MANY = 10_000;
const API = 'snapshot.storage.k8s.io/v1';
const DRIVER = 'disk.csi.example.com';

/** Ready snapshots of the zonal volume, and their contents, which say that they stay where it is. */
export function snapshots(count: number): Manifest[] {
	return Array.from({ length: count }, (_, i) => {
		const name = `nightly-${i}`;
		const uid = `5d8f3c1e-7a42-4b0e-9f6d-${i.toString(16).padStart(12, '0')}`;
		const contentName = `snapcontent-${uid}`;
		const finalizers = ['snapshot.storage.kubernetes.io/volumesnapshot-bound-protection'];
		const created = { creationTimestamp: '2026-01-01T00:00:00Z', generation: 1, finalizers };
		return [
			{
				apiVersion: API,
				kind: 'VolumeSnapshot',
				metadata: { name, namespace: 'default', uid, resourceVersion: String(2_000_000 + i), ...created },
				spec: { source: { persistentVolumeClaimName: 'zonal' }, volumeSnapshotClassName: 'nightly' },
				status: {
					boundVolumeSnapshotContentName: contentName,
					creationTime: '2026-01-01T00:00:01Z',
					readyToUse: true,
					restoreSize: '20Gi',
				},
			},
			{
				apiVersion: API,
				kind: 'VolumeSnapshotContent',
				metadata: {
					name: contentName,
					uid: `content-${uid}`,
					resourceVersion: String(3_000_000 + i),
					annotations: { 'topobind.dev/snapshot-reach': 'source-volume' },
					...created,
				},
				spec: {
					deletionPolicy: 'Delete',
					driver: DRIVER,
					source: { volumeHandle: 'vol-1' },
					sourceVolumeMode: 'Filesystem',
					volumeSnapshotClassName: 'nightly',
					volumeSnapshotRef: { apiVersion: API, kind: 'VolumeSnapshot', name, namespace: 'default', uid },
				},
				status: {
					creationTime: 1767225601000000000,
					readyToUse: true,
					restoreSize: 20 * 2 ** 30,
					snapshotHandle: `snap-${i}`,
				},
			},
		];
	}).flat();
}

/** MB of heap that a cache takes which holds so many snapshots with their contents. */
export function snapshotHeap(count: number): number {
	const bytes = heapOf(() => {
		const state = new ClusterState();
		// Of text, as from the API server, so that nothing is shared that would not be.
		for (const manifest of snapshots(count)) keep(state, JSON.parse(JSON.stringify(manifest)));
		return state;
	});
	return bytes / 1e6;
}

function keep(state: ClusterState, manifest: Manifest): void {
	if (manifest.kind === 'VolumeSnapshot') state.upsert('VolumeSnapshot', projectSnapshot(manifest));
	else state.upsert('VolumeSnapshotContent', projectSnapshotContent(manifest));
}

const restore = claim('restored', 'disk', '20Gi');
const fromSnapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'nightly-0' };
const pods: [string, Manifest][] = [
	['one claim without a source', pod('disk', ['scratch'])],
	['one restore', pod('restore', ['restored'])],
];

function cluster(count: number): Manifest[] {
	return [
		...nodes(NODES),
		...csiNodes(NODES),
		...classes,
		...zonalVolume,
		claim('scratch', 'disk', '10Gi'),
		{ ...restore, spec: { ...(restore.spec as object), dataSource: fromSnapshot } },
		...pods.map(([, manifest]) => manifest),
		...snapshots(count),
	];
}

/** Both clusters are served at the same time and asked in turn; the ratio is to the one with a single snapshot. */
export async function benchSnapshots(
	client: Client,
	effort: Effort,
	start: (title: string, manifests: readonly Manifest[]) => Promise<Server>,
): Promise<string> {
	const [one, many] = [await start('1 snapshot', cluster(1)), await start(`${MANY} snapshots`, cluster(MANY))];
	try {
		const rows: string[][] = [];
		for (const [title, pod] of pods) {
			const body = extenderArgs({ title, verb: 'filter', nodes: NODES, form: 'names', pod });
			const targets = [one, many].map(({ url }, i) => ({ name: ['one', 'many'][i] ?? '', url: `${url}/filter`, body }));
			const timings = await measure(client, targets, effort);
			const [alone, among] = [timings.get('one'), timings.get('many')];
			if (!alone || !among) throw new Error('a target was not measured');
			const answer = JSON.parse((await client.send('POST', `${many.url}/filter`, body)).toString());
			rows.push([
				`filter, ${title}`,
				`${ms(alone.p50)} / ${ms(alone.p99)}`,
				`${ms(among.p50)} / ${ms(among.p99)}`,
				ratio(among.p50, alone.p50),
				String(answer.NodeNames.length),
			]);
		}
		const head = ['call, 5000 names', '1 snapshot, ms p50 / p99', '10,000 snapshots', 'ratio p50', 'nodes that pass'];
		const memory = `10,000 snapshots with their contents take ${snapshotHeap(MANY).toFixed(1)} MB of the cache.`;
		return `${table(head, rows)}\n\n${memory}`;
	} finally {
		await Promise.all([one.stop(), many.stop()]);
	}
}
