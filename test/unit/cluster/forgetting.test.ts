import { expect, it } from 'vitest';
import { heapOf } from '../../../bench/memory.ts';
import { ClusterState } from '../../../src/cluster/state.ts';
import { objectKey } from '../../../src/domain/model.ts';
import { capacity, type Manifest, NAMESPACE, project, volume } from '../domain/builders.ts';

const COUNT = 20_000;

/** A cluster in which so many objects, each with names of its own, came and went. */
function passedThrough(make: (i: number) => Manifest): ClusterState {
	const state = new ClusterState();
	for (let i = 0; i < COUNT; i++) {
		const { kind } = make(i);
		const object = project(make(i));
		state.upsert(kind, object as never);
		state.remove(kind, objectKey(object));
	}
	return state;
}

const grant = (i: number): Manifest => ({
	kind: 'ReferenceGrant',
	metadata: { namespace: `${NAMESPACE}-${i}`, name: 'grant' },
	spec: { from: [], to: [] },
});

it.each<[string, (i: number) => Manifest]>([
	['capacity of classes', (i) => capacity(`capacity-${i}`, { class: `class-${i}` })],
	['volumes of classes', (i) => volume(`pv-${i}`, { class: `class-${i}` })],
	[
		'volumes with handles',
		(i) => volume(`pv-${i}`, { spec: { csi: { driver: `driver-${i}`, volumeHandle: `h-${i}` } } }),
	],
	['grants of namespaces', grant],
])('%s that have gone leave nothing behind', (_, make) => {
	// What is made once whatever the number.
	passedThrough(make);
	const bytesEach = heapOf(() => passedThrough(make)) / COUNT;
	// An entry of a map takes some 40 of its own.
	expect(bytesEach).toBeLessThan(20);
});
