import { expect, it } from 'vitest';
import { heapOf } from '../../../bench/memory.ts';
import { ClusterState } from '../../../src/cluster/state.ts';
import { objectKey } from '../../../src/domain/model.ts';
import { capacity, type Manifest, NAMESPACE, project, volume } from '../domain/builders.ts';

const COUNT = 20_000;

/** A cluster in which so many objects, each with names of its own, came and went, and one volume stayed. */
function passedThrough(make: (i: number) => Manifest): ClusterState {
	const state = new ClusterState();
	state.upsert('PersistentVolume', project(volume('stays', { on: 'here' })));
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
	['volumes of nodes', (i) => volume(`pv-${i}`, { on: `node-${i}` })],
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
	// What a state takes whatever the number comes to less than 20 each, and an entry of a map to some 40 more.
	expect(bytesEach).toBeLessThan(36);
});
