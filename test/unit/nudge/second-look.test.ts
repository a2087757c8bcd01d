import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { judge } from '../../../src/domain/decision/judge.ts';
import { NodeSet } from '../../../src/domain/topology/node-set.ts';
import { SecondLook } from '../../../src/nudge/second-look.ts';
import { claim, cluster, type Manifest, node, pod, project, put, storageClass, volume } from '../domain/builders.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const APP = project(pod('app', 'data'));
const NODES = ['n1', 'n2'];

/** A claim for which there is no volume yet. */
function ground() {
	const state = cluster(...NODES.map((name) => node(name)), storageClass('local'), claim('data'), pod('app', 'data'));
	const marks: string[] = [];
	const nudged: string[] = [];
	const watches = { current: true };
	const api = { fails: false };
	const look = new SecondLook(state, {
		isCurrent: () => watches.current,
		async mark({ name }, mark) {
			if (api.fails) throw new Error('forbidden');
			marks.push(`${name} ${mark}`);
		},
		onNudge: ({ name }, error) => nudged.push(`${name} ${error?.message ?? 'done'}`),
	});
	return { state, marks, nudged, look, watches, api };
}

/** What kube-scheduler is told: the truth, as long as nothing changes. */
const told = (nodes: readonly string[], message = 'claim data finds no available volume of class local with 1Gi') => [
	{ code: 'NO_STATIC_VOLUME' as const, nodes, message },
];
const comes = (on: string) => volume('pv', { on });
const soon = () => vi.advanceTimersByTimeAsync(1_100);
const looked = () => vi.advanceTimersByTimeAsync(10_000);

function later<K extends Manifest>(manifest: K): K {
	return { ...manifest, metadata: { ...manifest.metadata, resourceVersion: '2' } };
}

test('a pod that was refused before its volume was seen is marked, once', async () => {
	const { state, marks, nudged, look } = ground();
	look.refused(APP, told(NODES));
	put(state, comes('n2'));
	// What else the watch is behind by gets its time.
	await vi.advanceTimersByTimeAsync(900);
	expect(marks).toEqual([]);
	await soon();
	expect(marks).toHaveLength(1);
	await looked();
	expect(marks).toHaveLength(1);
	expect(nudged).toEqual(['app done']);
});

test('it is told where the pod cannot be marked, and not tried again for the same refusal', async () => {
	const { state, nudged, look, api } = ground();
	api.fails = true;
	look.refused(APP, told(NODES));
	put(state, comes('n2'));
	await looked();
	expect(nudged).toEqual(['app forbidden']);
	expect(look.size).toBe(0);
});

test('a pod is marked otherwise than by the process before', async () => {
	const marks = [];
	for (let i = 0; i < 2; i++) {
		const one = ground();
		one.look.refused(APP, told(NODES));
		put(one.state, comes('n2'));
		await soon();
		marks.push(...one.marks);
	}
	expect(new Set(marks).size).toBe(2);
});

test('also where the watch was later than the first look', async () => {
	const { state, marks, look } = ground();
	look.refused(APP, told(NODES));
	await soon();
	put(state, comes('n2'));
	await looked();
	expect(marks).toHaveLength(1);
});

test('also where it was the node that had not been seen', async () => {
	const { state, marks, look } = ground();
	put(state, comes('n3'));
	look.refused(APP, told([...NODES, 'n3']));
	put(state, node('n3'));
	await soon();
	expect(marks).toHaveLength(1);
});

test('each refusal of its own, and never with the same mark', async () => {
	const { state, marks, look } = ground();
	look.refused(APP, told(NODES));
	put(state, comes('n2'));
	await soon();
	look.refused(APP, told(NODES));
	await soon();
	expect(new Set(marks).size).toBe(2);
});

test('also where a watch was down for long: as soon as it is up again, and not before', async () => {
	const { state, marks, look, watches } = ground();
	look.refused(APP, told(NODES));
	watches.current = false;
	await vi.advanceTimersByTimeAsync(290_000);
	put(state, comes('n2'));
	await soon();
	expect(marks).toEqual([]);
	watches.current = true;
	await soon();
	expect(marks).toHaveLength(1);
});

test('what a watch that is up again brings may take a moment', async () => {
	const { state, marks, look, watches } = ground();
	look.refused(APP, told(NODES));
	watches.current = false;
	await vi.advanceTimersByTimeAsync(60_500);
	watches.current = true;
	await soon();
	put(state, comes('n2'));
	await looked();
	expect(marks).toHaveLength(1);
});

test('a watch that goes down after the first look is waited for as well, and then looked at as soon', async () => {
	const { state, marks, look, watches } = ground();
	look.refused(APP, told(NODES));
	await soon();
	watches.current = false;
	await vi.advanceTimersByTimeAsync(61_500);
	put(state, comes('n2'));
	watches.current = true;
	await soon();
	expect(marks).toHaveLength(1);
});

test('a pod that is refused again is looked at by its last refusal alone', async () => {
	const { marks, look } = ground();
	look.refused(APP, told(NODES, 'claim data does not exist'));
	await vi.advanceTimersByTimeAsync(500);
	look.refused(APP, told(NODES));
	await looked();
	expect(marks).toEqual([]);
});

test('no look keeps the process from ending', () => {
	vi.useRealTimers();
	const timers = vi.spyOn(globalThis, 'setTimeout');
	const { look } = ground();
	look.refused(APP, told(NODES));
	expect(timers.mock.results.map(({ value }) => value.hasRef())).toEqual([false]);
	timers.mockRestore();
	look.passed(APP);
});

test('a pod that was refused for what has passed is marked, so that people read what it waits for now', async () => {
	const { marks, look } = ground();
	look.refused(APP, told(NODES, 'claim data does not exist'));
	await soon();
	expect(marks).toHaveLength(1);
	look.refused(APP, told(NODES));
	await looked();
	expect(marks).toHaveLength(1);
});

type Ground = ReturnType<typeof ground>;

test.each<[string, (ground: Ground) => void]>([
	['nothing has changed', () => {}],
	[
		'the volume is on a node that nobody asked about',
		({ state }) => {
			put(state, node('n3'));
			put(state, comes('n3'));
		},
	],
	[
		'the scheduler has asked again, and a node passed',
		({ state, look }) => {
			put(state, comes('n2'));
			look.passed(APP);
		},
	],
	[
		'the pod was assigned, or deleted',
		({ state }) => {
			put(state, comes('n2'));
			state.remove('Pod', 'ns/app');
		},
	],
	[
		'the pod is being deleted',
		({ state }) => {
			const doomed = pod('app', 'data');
			put(state, comes('n2'));
			put(state, { ...doomed, metadata: { ...doomed.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
		},
	],
	[
		'the pod is another of that name',
		({ state }) => {
			const other = pod('app', 'data');
			put(state, comes('n2'));
			put(state, { ...other, metadata: { ...other.metadata, uid: 'new' } });
		},
	],
	['a node that was asked about is gone', ({ state }) => state.remove('Node', 'n2')],
	['it comes after the looks', ({ state }) => void setTimeout(() => put(state, comes('n2')), 5_000)],
])('nothing is marked where %s', async (_, then) => {
	const all = ground();
	all.look.refused(APP, told(NODES));
	then(all);
	await looked();
	expect(all.marks).toEqual([]);
	expect(vi.getTimerCount()).toBe(0);
	expect(all.look.size).toBe(0);
});

test('nothing is marked for a node that is gone, though the pod would pass by now', async () => {
	const { state, marks, look } = ground();
	look.refused(APP, told(['n2'], 'claim data does not exist'));
	put(state, storageClass('made', { provisioner: 'made.example.com' }));
	put(state, later(claim('data', { class: 'made' })));
	state.remove('Node', 'n2');
	await looked();
	expect(marks).toEqual([]);
});

test('nothing is marked for another claim that is refused where the first is: that was told', async () => {
	const { state, marks, look } = ground();
	for (const name of ['data', 'more']) {
		put(state, later(claim(name, { bound: `pv-${name}` })));
		put(state, volume(`pv-${name}`, { on: 'n1', phase: 'Bound', claimRef: { name } }));
	}
	const both = later(pod('app', 'data', 'more'));
	put(state, both);
	const n2 = NodeSet.of([state.nodes.idOf('n2') ?? -1]);
	const [first, second] = judge(project(both), state, n2);
	expect([first?.nodes.size, second?.nodes.size]).toEqual([1, 1]);
	look.refused(project(both), told(['n2'], first?.reason.message));
	await looked();
	expect(marks).toEqual([]);
});

test('a watch that stays down is not waited for without end', async () => {
	const { look, watches } = ground();
	look.refused(APP, told(NODES));
	watches.current = false;
	await vi.advanceTimersByTimeAsync(290_000);
	expect(look.size).toBe(1);
	await vi.advanceTimersByTimeAsync(20_000);
	expect(vi.getTimerCount()).toBe(0);
	expect(look.size).toBe(0);
});
