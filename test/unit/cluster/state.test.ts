import { describe, expect, it } from 'vitest';
import type { Change } from '../../../src/cluster/state.ts';
import type { Claim, Volume } from '../../../src/domain/model.ts';
import { capacity, claim, cluster, node, project, put, volume, ZONE } from '../domain/builders.ts';

const wanted = project(claim('data'));

/** The volume that a node without labels would give to `data`. */
function offered(state: ReturnType<typeof cluster>): string | undefined {
	return state.staticVolumes('local')?.search(wanted).best({}, new Set())?.name;
}

function taken(base: Volume, changes: Partial<Volume> = {}): Volume {
	return { ...base, claimRef: { namespace: 'ns', name: 'other', uid: 'o' }, ...changes };
}

function seenVolume(state: ReturnType<typeof cluster>, name = 'pv'): Volume {
	const seen = state.seen('PersistentVolume', name);
	if (!seen) throw new Error(`no volume ${name}`);
	return seen;
}

describe('what the watches said', () => {
	it('is kept by kind and key, and forgotten when it is gone', () => {
		const state = cluster(node('n0'), claim('data'), volume('pv'));
		expect([state.claim('ns', 'data')?.name, state.volume('pv')?.name, state.nodes.size]).toEqual(['data', 'pv', 1]);
		state.remove('PersistentVolumeClaim', 'ns/data');
		state.remove('PersistentVolume', 'pv');
		state.remove('Node', 'n0');
		expect([state.claim('ns', 'data'), state.volume('pv'), state.nodes.size, offered(state)]).toEqual([
			undefined,
			undefined,
			0,
			undefined,
		]);
	});

	it('moves a volume between classes and states', () => {
		const state = cluster(volume('pv'));
		expect(offered(state)).toBe('pv');
		put(state, volume('pv', { phase: 'Bound', version: '2' }));
		expect(offered(state)).toBeUndefined();
		put(state, volume('pv', { version: '3' }));
		expect(offered(state)).toBe('pv');
		put(state, volume('pv', { class: 'another', version: '4' }));
		expect(offered(state)).toBeUndefined();
		expect(state.staticVolumes('another')).toBeDefined();
		expect(state.staticVolumes('local')).toBeUndefined();
	});

	it('gives capacity by class, in the order of its keys', () => {
		const state = cluster(
			capacity('b'),
			capacity('c', { class: 'other' }),
			capacity('a'),
			capacity('a', { metadata: { namespace: 'a' } }),
		);
		const keys = (name: string) =>
			state.capacitySegments(name).map((segment) => `${segment.namespace}/${segment.name}`);
		expect(keys('csi')).toEqual(['a/a', 'drivers/a', 'drivers/b']);
		put(state, capacity('a', { class: 'other', version: '2' }));
		expect(keys('csi')).toEqual(['a/a', 'drivers/b']);
		put(state, capacity('b', { capacity: '1Gi', version: '2' }));
		expect([keys('csi'), keys('other')]).toEqual([
			['a/a', 'drivers/b'],
			['drivers/a', 'drivers/c'],
		]);
		expect(state.capacitySegments('csi')[1]?.capacity).toBe(2n ** 30n);
		state.remove('CSIStorageCapacity', 'a/a');
		state.remove('CSIStorageCapacity', 'drivers/b');
		expect(keys('csi')).toEqual([]);
	});

	it('takes 20,000 capacity objects without going over all of them for each', () => {
		const base = project(capacity('s'));
		const items = Array.from({ length: 20_000 }, (_, at) => ({ ...base, name: `s${(at * 7919) % 20_000}` }));
		const state = cluster();
		const before = performance.now();
		state.replace('CSIStorageCapacity', new Map(items.map((item) => [`drivers/${item.name}`, item])));
		expect(state.capacitySegments('csi')).toHaveLength(20_000);
		expect(performance.now() - before).toBeLessThan(15_000);
	});

	it('tells listeners of each change, after it, until they leave', () => {
		const state = cluster();
		const changes: string[] = [];
		const leave = state.subscribe(({ kind, key, previous, current }: Change) => {
			const now = kind === 'PersistentVolume' ? state.volume(key) : state.claim('ns', 'data');
			expect(now).toBe(current);
			changes.push(`${key} ${previous?.resourceVersion ?? '-'} ${current?.resourceVersion ?? '-'}`);
		});
		put(state, volume('pv'));
		put(state, volume('pv', { version: '2' }));
		put(state, claim('data'));
		state.remove('PersistentVolume', 'pv');
		state.remove('PersistentVolume', 'pv');
		leave();
		put(state, volume('pv'));
		expect(changes).toEqual(['pv - 1', 'pv 1 2', 'ns/data - 1', 'pv 2 -']);
	});
});

describe('a complete list', () => {
	const list = (...manifests: ReturnType<typeof volume>[]) =>
		new Map(manifests.map((one) => [one.metadata.name, project(one)]));

	it('takes the place of all before', () => {
		const state = cluster(volume('a'), volume('b'), volume('c'));
		const told: string[] = [];
		state.subscribe(({ key }) => told.push(key));
		state.replace('PersistentVolume', list(volume('b'), volume('c', { size: '2Gi', version: '2' }), volume('d')));
		expect([...state.all('PersistentVolume').keys()].sort()).toEqual(['b', 'c', 'd']);
		expect(seenVolume(state, 'c').capacity.text).toBe('2Gi');
		expect(told).toEqual(['a', 'c', 'd']);
		expect(offered(state)).toBe('b');
	});

	it('takes an object that was deleted and made anew', () => {
		const state = cluster(volume('a', { uid: 'old', version: '1' }));
		state.replace('PersistentVolume', list(volume('a', { uid: 'new', version: '2' })));
		expect(seenVolume(state, 'a').uid).toBe('new');
	});

	it('leaves the other kinds alone', () => {
		const state = cluster(volume('a'), node('n0', { [ZONE]: 'a' }), claim('data'));
		state.replace('PersistentVolume', new Map());
		expect([state.nodes.size, state.claim('ns', 'data')?.name, state.volume('a')]).toEqual([1, 'data', undefined]);
	});
});

describe('what was assumed', () => {
	function assuming() {
		const state = cluster(volume('pv'), volume('spare', { size: '9Gi' }), claim('data'));
		const base = seenVolume(state);
		const assumed = taken(base);
		expect(state.assumeVolume(assumed, base)).toBe(true);
		return { state, base, assumed };
	}

	it('is judged by at once, while what was seen stays what it is', () => {
		const { state, base, assumed } = assuming();
		expect(state.volume('pv')).toBe(assumed);
		expect(seenVolume(state)).toBe(base);
		expect(offered(state)).toBe('spare');
		expect([
			state.assumed,
			state.isAssumed('PersistentVolume', 'pv'),
			state.isAssumed('PersistentVolumeClaim', 'pv'),
		]).toEqual([1, true, false]);
	});

	it('can be taken back', () => {
		const { state, assumed } = assuming();
		state.revertVolume(assumed);
		expect([offered(state), state.assumed]).toEqual(['pv', 0]);
	});

	it('stands, once written, until the watch shows it', () => {
		const { state, assumed } = assuming();
		const written = taken(assumed, { resourceVersion: '2' });
		state.confirmVolume(written, assumed);
		state.revertVolume(assumed);
		expect([state.volume('pv'), offered(state)]).toEqual([written, 'spare']);
		state.upsert('PersistentVolume', { ...written });
		expect([state.assumed, offered(state), seenVolume(state).resourceVersion]).toEqual([0, 'spare', '2']);
	});

	it('gives way to a change by another, which makes the write fail', () => {
		const { state, assumed } = assuming();
		put(state, volume('pv', { size: '5Gi', version: '2' }));
		expect([state.assumed, offered(state), state.volume('pv')?.capacity.text]).toEqual([0, 'pv', '5Gi']);
		state.revertVolume(assumed);
		expect(offered(state)).toBe('pv');
	});

	it('is not raised again by an answer that comes after the watch', () => {
		const { state, assumed } = assuming();
		put(state, volume('pv', { phase: 'Bound', version: '3' }));
		state.confirmVolume(taken(assumed, { resourceVersion: '2' }), assumed);
		expect([state.volume('pv')?.resourceVersion, state.assumed]).toEqual(['3', 0]);
	});

	it('outlives a list that still shows the base', () => {
		const { state, base, assumed } = assuming();
		state.replace('PersistentVolume', new Map([['pv', { ...base }]]));
		expect([state.volume('pv'), state.isAssumed('PersistentVolume', 'pv')]).toEqual([assumed, true]);
		put(state, volume('pv'));
		expect(state.volume('pv')).toBe(assumed);
	});

	it('goes with the object', () => {
		const { state } = assuming();
		state.remove('PersistentVolume', 'pv');
		expect([state.volume('pv'), state.assumed, offered(state)]).toEqual([undefined, 0, 'spare']);
		const other = assuming().state;
		other.replace('PersistentVolume', new Map());
		expect([other.volume('pv'), other.assumed, offered(other)]).toEqual([undefined, 0, undefined]);
	});

	it('is refused on a base that has moved on, or that is assumed already', () => {
		const { state, base } = assuming();
		expect(state.assumeVolume(taken(base), base)).toBe(false);
		const spare = seenVolume(state, 'spare');
		put(state, volume('spare', { size: '9Gi', version: '2' }));
		expect(state.assumeVolume(taken(spare), spare)).toBe(false);
		expect([state.assumed, offered(state)]).toEqual([1, 'spare']);
	});

	it('is the same with claims', () => {
		const { state } = assuming();
		const base = state.seen('PersistentVolumeClaim', 'ns/data') as Claim;
		const assumed = { ...base, selectedNode: 'n0' };
		expect(state.assumeClaim(assumed, base)).toBe(true);
		expect(state.assumeClaim(assumed, base)).toBe(false);
		expect([
			state.claim('ns', 'data')?.selectedNode,
			state.assumed,
			state.isAssumed('PersistentVolumeClaim', 'ns/data'),
		]).toEqual(['n0', 2, true]);
		state.confirmClaim({ ...assumed, resourceVersion: '2' }, assumed);
		expect(state.claim('ns', 'data')?.resourceVersion).toBe('2');
		put(state, claim('data', { version: '2', selectedNode: 'n0' }));
		expect(state.assumed).toBe(1);
		const again = state.seen('PersistentVolumeClaim', 'ns/data') as Claim;
		state.assumeClaim({ ...again, selectedNode: 'n1' }, again);
		state.remove('PersistentVolumeClaim', 'ns/data');
		expect([state.claim('ns', 'data'), state.assumed]).toEqual([undefined, 1]);
		put(state, claim('data'));
		const third = state.seen('PersistentVolumeClaim', 'ns/data') as Claim;
		const selected = { ...third, selectedNode: 'n1' };
		state.assumeClaim(selected, third);
		state.revertClaim(selected);
		expect(state.claim('ns', 'data')).toBe(third);
	});
});
