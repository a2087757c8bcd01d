import { describe, expect, it } from 'vitest';
import type { Kind, KindTypes } from '../../../src/cluster/kinds.ts';
import { projections } from '../../../src/cluster/projections.ts';

const IDENTITY = { namespace: 'ns', name: 'x', uid: '', resourceVersion: '', deleting: false };

function project<K extends Kind>(kind: K, more: object = {}, metadata: object = {}): KindTypes[K] {
	return projections[kind]({ metadata: { name: 'x', namespace: 'ns', ...metadata }, ...more } as never);
}

describe('a snapshot', () => {
	const nothing = { ...IDENTITY, contentName: '', ready: false, restoreSize: undefined, restoring: false };

	it('may say nothing, in every way of saying nothing', () => {
		expect(project('VolumeSnapshot')).toEqual(nothing);
		expect(project('VolumeSnapshot', { status: null })).toEqual(nothing);
		const nulls = { boundVolumeSnapshotContentName: null, readyToUse: null, restoreSize: null };
		expect(project('VolumeSnapshot', { status: nulls }, { finalizers: null })).toEqual(nothing);
	});

	it('says what it is bound to, whether it is ready, and how large', () => {
		const status = { boundVolumeSnapshotContentName: 'c', readyToUse: true, restoreSize: '20Gi' };
		expect(project('VolumeSnapshot', { status })).toMatchObject({
			contentName: 'c',
			ready: true,
			restoreSize: { text: '20Gi' },
		});
		expect(() => project('VolumeSnapshot', { status: { restoreSize: 'big' } })).toThrow('status.restoreSize: "big"');
	});
});

describe('the content of a snapshot', () => {
	const nothing = {
		...IDENTITY,
		driver: '',
		className: '',
		snapshotRef: { namespace: '', name: '', uid: '' },
		hasHandle: false,
		volumeHandle: '',
		volumeMode: undefined,
		allowsModeChange: false,
		managedBy: '',
		reach: undefined,
		affinity: undefined,
	};

	it('may say nothing, in every way of saying nothing', () => {
		expect(project('VolumeSnapshotContent')).toEqual(nothing);
		expect(project('VolumeSnapshotContent', { spec: null, status: null })).toEqual(nothing);
		const spec = {
			driver: null,
			volumeSnapshotClassName: null,
			volumeSnapshotRef: null,
			source: { volumeHandle: null },
			sourceVolumeMode: null,
			nodeAffinity: null,
		};
		expect(project('VolumeSnapshotContent', { spec, status: { snapshotHandle: null } })).toEqual(nothing);
	});

	it('says where it can be reached, if the field is there', () => {
		const of = (nodeAffinity: object) => project('VolumeSnapshotContent', { spec: { nodeAffinity } }).affinity;
		expect(of([])).toBe('every node');
		const zoneA = [{ matchLabelExpressions: [{ key: 'zone', values: ['a'] }] }];
		expect(of(zoneA)).toMatchObject({ text: 'zone in (a)' });
		// Compiled once for all contents that say the same.
		expect(of(structuredClone(zoneA))).toBe(of(zoneA));
	});
});

describe('a class of snapshots', () => {
	it('is kept for its annotation', () => {
		expect(project('VolumeSnapshotClass')).toEqual({ ...IDENTITY, reach: undefined });
		const annotations = { 'topobind.dev/snapshot-reach': 'anywhere' };
		expect(project('VolumeSnapshotClass', {}, { annotations }).reach).toBe('anywhere');
	});
});

describe('a grant', () => {
	it('may say nothing', () => {
		expect(project('ReferenceGrant')).toEqual({ ...IDENTITY, from: [], to: [] });
		expect(project('ReferenceGrant', { spec: { from: null, to: null } })).toEqual({ ...IDENTITY, from: [], to: [] });
	});

	it('is kept so far as it is about claims', () => {
		const from = [
			{ group: '', kind: 'PersistentVolumeClaim', namespace: 'a' },
			{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'b' },
		];
		const to = [{ group: '', kind: 'Service', name: '' }];
		expect(project('ReferenceGrant', { spec: { from, to } })).toMatchObject({
			from: ['a'],
			to: [{ apiGroup: '', kind: 'Service', name: undefined }],
		});
	});
});
