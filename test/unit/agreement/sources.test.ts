import { describe, expect, it } from 'vitest';
import { type ReasonCode, reason } from '../../../src/domain/decision/reasons.ts';
import { compare } from '../../agreement/compare/compare.ts';
import { Sources } from '../../agreement/compare/sources.ts';
import { generateCluster } from '../../agreement/generate/cluster.ts';
import { BIND_COMPLETED, SELECTED_NODE } from '../../agreement/generate/words.ts';
import type { Topobind } from '../../agreement/harness/topobind.ts';
import { type Manifest, ofKind } from '../../agreement/manifest.ts';

const SNAPSHOT = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'daily' };
const BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind";

/** One pod with claim `data` on one node. */
function cluster(spec: object, annotations: Readonly<Record<string, string>> = {}): Manifest[] {
	const namespaced = (name: string) => ({ namespace: 'shop', name });
	return [
		{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } },
		{
			apiVersion: 'storage.k8s.io/v1',
			kind: 'StorageClass',
			metadata: { name: 'fast' },
			provisioner: 'csi.example.com',
			volumeBindingMode: 'WaitForFirstConsumer',
		},
		{
			apiVersion: 'v1',
			kind: 'PersistentVolumeClaim',
			metadata: { ...namespaced('data'), annotations },
			spec: { storageClassName: 'fast', ...spec },
		},
		{
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: namespaced('web'),
			spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] },
		},
	];
}

/** What comes of it where the two say this of the pod on the node; undefined: it passes. */
async function verdict(manifests: readonly Manifest[], theirs: readonly string[], ours: ReasonCode | undefined) {
	const filter = theirs.length > 0 ? { n1: { VolumeBinding: { reasons: theirs } } } : {};
	const refused = new Map(ours ? [['n1', reason(ours, { claim: 'data' }).message]] : []);
	const topobind = { load: async () => {}, filter: async () => ({ refused }) } as unknown as Topobind;
	const { disagreements } = await compare(manifests, { judge: async () => ({ 'shop/web': { filter } }) }, topobind);
	return disagreements[0]?.kind ?? 'agree';
}

describe('what agreement allows for sources', () => {
	const sourced = cluster({ dataSource: SNAPSHOT });

	it.each<[string, readonly string[], ReasonCode | undefined, string]>([
		['refusing what kube-scheduler passes, for the source', [], 'SOURCE_INVALID', 'agree'],
		['telling the source before room and topology', [BIND_CONFLICT], 'SOURCE_UNREACHABLE', 'agree'],
		[
			'telling it before what comes first',
			["node(s) didn't match PersistentVolume's node affinity"],
			'SOURCE_INVALID',
			'reason',
		],
		['refusing for anything else', [], 'NO_STATIC_VOLUME', 'verdict'],
		['passing what kube-scheduler refuses', [BIND_CONFLICT], undefined, 'verdict'],
	])('%s', async (_, theirs, ours, expected) => {
		expect(await verdict(sourced, theirs, ours)).toBe(expected);
	});

	it.each<[string, Manifest[]]>([
		['is bound', cluster({ dataSource: SNAPSHOT, volumeName: 'pv' }, { [BIND_COMPLETED]: 'yes' })],
		['is pinned to another node', cluster({ dataSource: SNAPSHOT }, { [SELECTED_NODE]: 'n2' })],
		['has a class that does not provision', cluster({ dataSource: SNAPSHOT, storageClassName: 'none' })],
	])('nothing for a claim that %s', async (_, manifests) => {
		expect(await verdict(manifests, [], 'SOURCE_INVALID')).toBe('verdict');
		expect(await verdict(manifests, [BIND_CONFLICT], 'SOURCE_INVALID')).toBe('reason');
	});

	it.each<[string, object]>([
		['no source', {}],
		['a source that populators see to', { dataSourceRef: { apiGroup: 'example.com', kind: 'Image', name: 'a' } }],
	])('nothing for a claim with %s', async (_, spec) => {
		expect(await verdict(cluster(spec), [], 'SOURCE_NOT_READY')).toBe('verdict');
		expect(await verdict(cluster(spec), [BIND_CONFLICT], 'SOURCE_NOT_READY')).toBe('reason');
	});
});

describe('generated clusters', () => {
	const clusters = Array.from({ length: 20 }, (_, seed) => generateCluster(seed + 1));
	const isSourced = ({ spec }: Manifest) => /"dataSource(Ref)?"/.test(JSON.stringify(spec));

	it('have many claims with sources, or no source and nothing to make one of', () => {
		const numbers = clusters.map((manifests) => ofKind(manifests, 'PersistentVolumeClaim').filter(isSourced).length);
		expect(numbers.filter((number) => number === 0).length).toBeGreaterThan(4);
		expect(numbers.filter((number) => number > 5).length).toBeGreaterThan(4);
		for (const [at, manifests] of clusters.entries()) {
			const made = ['VolumeSnapshot', 'VolumeSnapshotContent', 'ReferenceGrant'].flatMap((kind) =>
				ofKind(manifests, kind),
			);
			if (numbers[at] === 0) expect(made).toEqual([]);
			else expect(made.length).toBeGreaterThan(0);
			expect(new Sources(manifests).areNone).toBe(numbers[at] === 0);
		}
	});

	it('are the same for the same seed', () => {
		expect(generateCluster(7)).toEqual(clusters[6]);
		expect(generateCluster(8)).not.toEqual(clusters[6]);
	});
});
