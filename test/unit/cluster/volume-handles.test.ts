import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClusterState } from '../../../src/cluster/state.ts';
import type { Volume } from '../../../src/domain/model.ts';
import { project, volume } from '../domain/builders.ts';

const NAMES = ['pv0', 'pv1', 'pv2'] as const;
const DRIVERS = ['a.example.com', 'b.example.com'] as const;
const HANDLES = ['h0', 'h1'] as const;

let version = 0;
function held(name: string, csi?: { driver: string; volumeHandle: string }): Volume {
	return project(volume(name, { version: String(++version), ...(csi && { spec: { csi } }) }));
}

describe('volumes by handle', () => {
	it('are told apart by driver and handle, and found again after a change', () => {
		const state = new ClusterState();
		state.upsert('PersistentVolume', held('pv0', { driver: 'a.example.com', volumeHandle: 'h0' }));
		expect(state.volumesOfHandle('a.example.com', 'h0').map(({ name }) => name)).toEqual(['pv0']);
		expect(state.volumesOfHandle('b.example.com', 'h0')).toEqual([]);
		expect(state.volumesOfHandle('a.example.com', 'h1')).toEqual([]);
		const changed = held('pv0', { driver: 'a.example.com', volumeHandle: 'h0' });
		state.upsert('PersistentVolume', changed);
		expect(state.volumesOfHandle('a.example.com', 'h0')[0]).toBe(changed);
		state.remove('PersistentVolume', 'pv0');
		expect(state.volumesOfHandle('a.example.com', 'h0')).toEqual([]);
	});

	it('are found with what was assumed of them', () => {
		const state = new ClusterState();
		const base = held('pv0', { driver: 'a.example.com', volumeHandle: 'h0' });
		state.upsert('PersistentVolume', base);
		const assumed = { ...base, claimRef: { namespace: 'ns', name: 'c', uid: 'u' } };
		state.assumeVolume(assumed, base);
		expect(state.volumesOfHandle('a.example.com', 'h0')[0]).toBe(assumed);
	});

	it('are always those that a look through all would find, by name', () => {
		const csi = fc.option(
			fc.record({ driver: fc.constantFrom(...DRIVERS), volumeHandle: fc.constantFrom(...HANDLES) }),
			{
				nil: undefined,
			},
		);
		const change = fc.record({ name: fc.constantFrom(...NAMES), csi, gone: fc.boolean() });
		fc.assert(
			fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
				const state = new ClusterState();
				for (const { name, csi, gone } of changes) {
					if (gone) state.remove('PersistentVolume', name);
					else state.upsert('PersistentVolume', held(name, csi));
					for (const driver of DRIVERS) {
						for (const handle of HANDLES) {
							const all = [...state.all('PersistentVolume').values()]
								.filter((one) => one.csi?.driver === driver && one.csi.handle === handle)
								.map((one) => one.name)
								.sort();
							expect(state.volumesOfHandle(driver, handle).map(({ name }) => name)).toEqual(all);
						}
					}
				}
			}),
		);
	});
});
