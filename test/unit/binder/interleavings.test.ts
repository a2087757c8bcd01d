/**
 * Many binds at once, in every order that fast-check can think of: the API server's answers, what the watch of each
 * replica shows, and what the PV controller does all come when the random scheduler says.
 */

import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { Binder } from '../../../src/binder/binder.ts';
import { WriteError } from '../../../src/cluster/writer.ts';
import { claim, type Manifest, NAMESPACE, pod, volume } from '../domain/builders.ts';
import { FakeCluster, GROUND, target } from './fake-cluster.ts';

// Pauses are no part of what is tested: the random scheduler decides when a retry runs.
vi.mock('node:timers/promises', () => ({ setTimeout: () => new Promise((resolve) => setImmediate(resolve)) }));

interface Situation {
	readonly replicas: number;
	/** The node of each volume, by number. */
	readonly volumes: readonly number[];
	/** The claims of each pod, by number, and the node it is bound to; pods may share claims. */
	readonly pods: readonly { readonly claims: readonly number[]; readonly node: number }[];
	/** For each write in turn: how it goes. */
	readonly faults: readonly ('none' | 'not carried out' | 'answer lost')[];
}

const situations: fc.Arbitrary<Situation> = fc.record({
	replicas: fc.integer({ min: 1, max: 2 }),
	volumes: fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 5 }),
	pods: fc.array(
		fc.record({
			claims: fc.uniqueArray(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 2 }),
			node: fc.integer({ min: 1, max: 2 }),
		}),
		{ minLength: 1, maxLength: 6 },
	),
	faults: fc.array(fc.constantFrom('none', 'none', 'none', 'not carried out', 'answer lost'), { maxLength: 12 }),
});

function manifestsOf({ volumes, pods }: Situation): Manifest[] {
	const claims = new Set(pods.flatMap((each) => each.claims));
	return [
		...GROUND,
		...volumes.map((on, i) => volume(`pv-${i}`, { on: `n${on}`, size: sizeOf(i) })),
		...[...claims].map((i) => claim(`c${i}`, { size: sizeOf(i) })),
		...pods.map((each, i) => pod(`p${i}`, ...each.claims.map((number) => `c${number}`))),
	];
}

/** So that pods may compete for one of their volumes only. */
const sizeOf = (number: number) => (number % 2 === 0 ? '1Gi' : '2Gi');

/** Runs every bind to its end; the cluster does what it does in the order that `s` chooses. */
async function play(s: fc.Scheduler, situation: Situation): Promise<{ cluster: FakeCluster; bound: string[] }> {
	const cluster = new FakeCluster(manifestsOf(situation), situation.replicas);
	const faults = [...situation.faults];
	// Each watch shows changes in their order, each at a time of its own.
	const queues = new Map(cluster.states.map((state) => [state, [] as (() => void)[]]));
	cluster.deliverBy = (state, deliver) => {
		queues.get(state)?.push(deliver);
		void s.schedule(Promise.resolve(), 'watch').then(() => queues.get(state)?.shift()?.());
		void s.schedule(Promise.resolve(), 'PV controller').then(() => cluster.bindVolumes());
	};
	cluster.pace = async (call, moment) => {
		await s.schedule(Promise.resolve(), `${call} ${moment}`);
		const fault = moment === 'before' ? faults[0] : faults.shift();
		if (fault === (moment === 'before' ? 'not carried out' : 'answer lost')) {
			if (moment === 'before') faults.shift();
			throw new WriteError('transient', `scripted: ${fault}`);
		}
	};
	const binders = cluster.states.map((state) => new Binder(state, cluster, { timeoutMs: 5_000 }));
	const bound: string[] = [];
	const ends = situation.pods.map(async ({ node }, i) => {
		const binder = binders[i % binders.length] as Binder;
		await s.schedule(Promise.resolve(), `bind p${i}`);
		const done = () => bound.push(`p${i}`);
		await binder.bind(target(`p${i}`, `n${node}`)).then(done, async () => {
			// As a scheduler does: elsewhere, and perhaps through the other replica, which may see less by now.
			const other = binders[(i + 1) % binders.length] as Binder;
			await s.schedule(Promise.resolve(), `bind p${i} elsewhere`);
			await other.bind(target(`p${i}`, `n${3 - node}`)).then(done, () => {});
		});
	});
	await s.waitFor(Promise.all(ends));
	await s.waitIdle();
	for (const binder of binders) expect(binder.running).toBe(0);
	return { cluster, bound };
}

function check({ volumes, pods }: Situation, { cluster, bound }: { cluster: FakeCluster; bound: string[] }): void {
	// Nothing is assumed any more, in any replica.
	expect(cluster.states.map((state) => state.assumed)).toEqual(cluster.states.map(() => 0));
	// No volume was ever taken from a claim that had it, and by one replica none was given twice.
	for (const { claim: to, before } of cluster.assignments) expect([undefined, to]).toContain(before);
	const given = cluster.assignments.map((each) => each.volume);
	if (cluster.states.length === 1) expect(given.length).toBe(new Set(given).size);
	// Every volume that a claim was given ended bound to it, or was handed back.
	for (const { name, claimRef } of cluster.volumes()) {
		if (claimRef) expect(cluster.claim(claimRef.name)?.volumeName).toBe(name);
	}
	for (const [i, { claims }] of pods.entries()) {
		const nodeName = cluster.pod(`p${i}`)?.nodeName;
		const placed = nodeName !== '';
		// Who was told "bound" is, and nobody else.
		expect(placed).toBe(bound.includes(`p${i}`));
		if (!placed) continue;
		// A pod runs where all of its volumes are.
		for (const number of claims) {
			const has = cluster.volume(cluster.claim(`c${number}`)?.volumeName ?? '');
			expect(has?.claimRef).toMatchObject({ namespace: NAMESPACE, name: `c${number}` });
			expect(`n${volumes[Number(has?.name.slice(3))]}`).toBe(nodeName);
		}
	}
	for (const claims of withClaimsOfItsOwn(pods)) {
		const names = claims.map((number) => cluster.claim(`c${number}`)?.volumeName ?? '').filter((name) => name !== '');
		// Also of a pod that waits: with volumes on two nodes it would wait for ever.
		expect(new Set(names.map((name) => volumes[Number(name.slice(3))])).size).toBeLessThan(2);
	}
}

function withClaimsOfItsOwn(pods: Situation['pods']): (readonly number[])[] {
	const users = (number: number) => pods.filter(({ claims }) => claims.includes(number)).length;
	return pods.map(({ claims }) => claims).filter((claims) => claims.every((number) => users(number) === 1));
}

test('no volume is assigned twice, pods run where their volumes are, and nothing stays assumed', async () => {
	await fc.assert(
		fc.asyncProperty(fc.scheduler(), situations, async (s, situation) => check(situation, await play(s, situation))),
		{ numRuns: 300, endOnFailure: false },
	);
}, 60_000);

/** A pod of two claims loses its second volume to another pod, which the other replica binds, and is tried on another node. */
const robbed: fc.Arbitrary<Situation> = fc.record({
	replicas: fc.constant(2),
	// A small one and a large one on each node.
	volumes: fc.constant([1, 1, 2, 2]),
	pods: fc.constant([
		{ claims: [0, 1], node: 1 },
		{ claims: [3], node: 1 },
	]),
	faults: fc.constant([]),
});

test('two replicas never leave the volumes of a pod on two nodes', async () => {
	await fc.assert(
		fc.asyncProperty(fc.scheduler(), robbed, async (s, situation) => check(situation, await play(s, situation))),
		{ numRuns: 500, endOnFailure: false },
	);
}, 60_000);
