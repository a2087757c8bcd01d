import { describe, expect, it } from 'vitest';
import type { Kind } from '../../../src/cluster/kinds.ts';
import { projections } from '../../../src/cluster/projections.ts';
import { compareQuantities, parseQuantity, ZERO } from '../../../src/domain/storage/quantity.ts';
import {
	capacity,
	claim,
	csiDriver,
	csiNode,
	type Manifest,
	pod,
	project,
	storageClass,
	volume,
} from '../domain/builders.ts';

const bare = <K extends Kind>(kind: K) => project<K>({ kind, metadata: { name: 'x' } } as Manifest<K>);
const withSpec = <K extends Kind>(kind: K, spec: object) =>
	project<K>({ kind, metadata: { name: 'x', namespace: 'ns' }, spec } as never);

describe('objects that say nothing', () => {
	it('are a claim of no class, volume, size or source', () => {
		expect(bare('PersistentVolumeClaim')).toEqual({
			namespace: '',
			name: 'x',
			uid: '',
			resourceVersion: '',
			deleting: false,
			phase: 'Pending',
			className: '',
			classInSpec: false,
			volumeName: '',
			bindCompleted: false,
			selectedNode: undefined,
			request: undefined,
			accessModes: [],
			volumeMode: 'Filesystem',
			attributesClass: '',
			selector: undefined,
			controllerUid: undefined,
			source: undefined,
		});
	});

	it('are a volume of no size that is reached from everywhere', () => {
		expect(bare('PersistentVolume')).toMatchObject({
			labels: {},
			phase: '',
			className: '',
			capacity: ZERO,
			accessModes: [],
			volumeMode: 'Filesystem',
			attributesClass: '',
			claimRef: undefined,
			affinity: undefined,
			csi: undefined,
			migration: undefined,
		});
	});

	it('are what they are in the other kinds', () => {
		expect(bare('Node').labels).toEqual({});
		expect(bare('Pod')).toMatchObject({
			nodeName: '',
			schedulerName: '',
			unschedulable: '',
			mark: '',
			claimVolumes: [],
		});
		expect(bare('StorageClass')).toMatchObject({
			provisioner: '',
			bindingMode: undefined,
			allowedTopologies: undefined,
		});
		expect(bare('CSINode')).toMatchObject({ drivers: [], migratedPlugins: [] });
		expect(bare('CSIDriver').storageCapacity).toBe(false);
		expect(bare('CSIStorageCapacity')).toMatchObject({
			capacity: undefined,
			maximumVolumeSize: undefined,
			nodeTopology: undefined,
		});
	});

	it('may say so by null', () => {
		const nulls = {
			claimRef: null,
			csi: null,
			nodeAffinity: null,
			volumeMode: null,
			accessModes: null,
			capacity: null,
		};
		const { claimRef, affinity, volumeMode, accessModes, capacity: size } = withSpec('PersistentVolume', nulls);
		expect([claimRef ?? undefined, affinity, volumeMode, accessModes, size]).toEqual([
			undefined,
			undefined,
			'Filesystem',
			[],
			ZERO,
		]);
		const { selector, volumeName, source } = withSpec('PersistentVolumeClaim', {
			selector: null,
			volumeName: null,
			dataSource: null,
		});
		expect([selector, volumeName, source]).toEqual([undefined, '', undefined]);
		const claimVolumes = withSpec('Pod', {
			volumes: [{ name: 'v', persistentVolumeClaim: null, ephemeral: null }],
		}).claimVolumes;
		expect(claimVolumes).toEqual([]);
	});
});

describe('a pod', () => {
	it('keeps the volumes that need a claim, in order', () => {
		const { claimVolumes } = project(pod('p', 'b', { ephemeral: 'scratch' }, 'a'));
		expect(claimVolumes).toEqual([
			{ volumeName: 'v0', claimName: 'b', ephemeral: false },
			{ volumeName: 'scratch', claimName: 'p-scratch', ephemeral: true },
			{ volumeName: 'v2', claimName: 'a', ephemeral: false },
		]);
	});
});

describe('a claim', () => {
	it.each([
		[claim('c', { class: 'spec' }), 'spec'],
		[claim('c', { class: 'spec', betaClass: 'beta' }), 'beta'],
		[claim('c', { class: 'spec', betaClass: '' }), ''],
	])('has the class of the annotation, else of the field', (manifest, name) => {
		expect(project(manifest).className).toBe(name);
	});

	it.each(['', 'yes', 'no'])('is bound by the annotation, even %j', (value) => {
		const annotations = { 'pv.kubernetes.io/bind-completed': value };
		expect(project(claim('c', { annotations })).bindCompleted).toBe(true);
	});

	it('has a selected node, even an empty one', () => {
		expect(project(claim('c', { selectedNode: '' })).selectedNode).toBe('');
		expect(project(claim('c')).selectedNode).toBeUndefined();
	});

	it('is controlled by the owner that says controller: true', () => {
		const owners = [{ uid: 'a' }, { uid: 'b', controller: false }, { uid: 'c', controller: true }];
		expect(project(claim('c', { owners })).controllerUid).toBe('c');
	});

	it('is being deleted once it has a deletion timestamp', () => {
		expect(project(claim('c', { deleting: true })).deleting).toBe(true);
	});

	it.each<[string, object, object | undefined]>([
		['none', {}, undefined],
		[
			'dataSource',
			{ dataSource: { apiGroup: 'g', kind: 'K', name: 'n' } },
			{ apiGroup: 'g', kind: 'K', name: 'n', namespace: 'ns' },
		],
		[
			'dataSource without a group',
			{ dataSource: { kind: 'K', name: 'n' } },
			{ apiGroup: '', kind: 'K', name: 'n', namespace: 'ns' },
		],
		[
			'dataSourceRef',
			{ dataSourceRef: { kind: 'K', name: 'n' } },
			{ apiGroup: '', kind: 'K', name: 'n', namespace: 'ns' },
		],
		[
			'dataSourceRef elsewhere',
			{ dataSourceRef: { kind: 'K', name: 'n', namespace: 'o' } },
			{ apiGroup: '', kind: 'K', name: 'n', namespace: 'o' },
		],
		[
			'both: dataSource, and nothing of the other',
			{ dataSource: { kind: 'K', name: 'n' }, dataSourceRef: { kind: 'L', name: 'm', namespace: 'o' } },
			{ apiGroup: '', kind: 'K', name: 'n', namespace: 'ns' },
		],
	])('has the source %s', (_, spec, source) => {
		expect(withSpec('PersistentVolumeClaim', spec).source).toEqual(source);
	});
});

describe('sizes', () => {
	it.each([['1Gi'], [' 1Gi\n'], [1073741824], ['1073741824000m']])('are read from %j', (storage) => {
		const { request } = withSpec('PersistentVolumeClaim', { resources: { requests: { storage } } });
		expect(request && compareQuantities(request, parseQuantity('1Gi'))).toBe(0);
	});

	it('name the field where they cannot be read', () => {
		const badClaim = () => withSpec('PersistentVolumeClaim', { resources: { requests: { storage: '1 GB' } } });
		expect(badClaim).toThrow('spec.resources.requests.storage: "1 GB" is not a quantity');
		expect(() => withSpec('PersistentVolume', { capacity: { storage: 'x' } })).toThrow('spec.capacity.storage: "x"');
		expect(() => project(capacity('s', { maximum: 'x' }))).toThrow('maximumVolumeSize: "x"');
	});

	it('of capacity are whole bytes, rounded up', () => {
		const { capacity: bytes, maximumVolumeSize } = project(capacity('s', { capacity: '1500m', maximum: '1Ki' }));
		expect([bytes, maximumVolumeSize]).toEqual([2n, 1024n]);
	});
});

describe('a volume', () => {
	it('keeps what it is reserved for, and its CSI handle', () => {
		const { claimRef, csi } = project(
			volume('v', { claimRef: { name: 'c' }, spec: { csi: { driver: 'd', volumeHandle: 'h' } } }),
		);
		expect([claimRef, csi]).toEqual([
			{ namespace: 'ns', name: 'c', uid: '' },
			{ driver: 'd', handle: 'h' },
		]);
	});

	it('shares its affinity with those that say the same', () => {
		const [a, b, c] = ['n0', 'n0', 'n1'].map((on, at) => project(volume(`v${at}`, { on })).affinity);
		expect(a).toBe(b);
		expect(a).not.toEqual(c);
	});
});

it('reads the other kinds', () => {
	expect(project(csiNode('n', 'a, b,'))).toMatchObject({ name: 'n', migratedPlugins: ['a', ' b', ''] });
	const spec = {
		drivers: [
			{ name: 'd', nodeID: 'n', topologyKeys: ['zone'] },
			{ name: 'e', nodeID: 'n', topologyKeys: null },
		],
	};
	expect(withSpec('CSINode', spec).drivers).toEqual([
		{ name: 'd', topologyKeys: ['zone'] },
		{ name: 'e', topologyKeys: [] },
	]);
	expect(project(csiDriver('d', true)).storageCapacity).toBe(true);
	expect(project(storageClass('c', { mode: 'Immediate', topologies: [] }))).toMatchObject({
		bindingMode: 'Immediate',
		allowedTopologies: undefined,
	});
	expect(Object.keys(projections)).toContain('CSIStorageCapacity');
});
