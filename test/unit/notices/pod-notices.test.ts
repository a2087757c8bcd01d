import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ClusterEvent, EventSubject } from '../../../src/cluster/event-writer.ts';
import { PodNotices } from '../../../src/notices/pod-notices.ts';
import { claim, cluster, type Manifest, node, pod, put, storageClass, volume } from '../domain/builders.ts';

beforeEach(() => void vi.useFakeTimers());
const ends: (() => void)[] = [];
afterEach(() => {
	for (const end of ends.splice(0)) end();
	vi.useRealTimers();
});

const IN_TREE = "0/3 nodes are available: 3 node(s) didn't match PersistentVolume's node affinity.";

/** As kube-scheduler leaves a pod that it found no node for. */
function refused(name: string, message: string, claims = ['a', 'b'], version = '2'): Manifest<'Pod'> {
	const made = pod(name, ...claims);
	const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
	return { ...made, metadata: { ...made.metadata, resourceVersion: version }, status: { conditions } };
}

/** Claim a is bound on n1, claim b on n2. */
const torn = () => [
	...['n1', 'n2', 'n3'].map((name) => node(name)),
	storageClass('local'),
	volume('pv-a', { on: 'n1', phase: 'Bound' }),
	volume('pv-b', { on: 'n2', phase: 'Bound' }),
	claim('a', { bound: 'pv-a' }),
	claim('b', { bound: 'pv-b' }),
];

function watched(objects: readonly Manifest[]) {
	const state = cluster(...objects);
	const told: (EventSubject & ClusterEvent)[] = [];
	let broken: Error | undefined;
	const failures: string[] = [];
	const noticed: string[] = [];
	const notices = new PodNotices(
		state,
		{
			async tell(about, event) {
				if (broken) throw broken;
				told.push({ ...about, ...event });
			},
		},
		{ onNotice: ({ name }, error) => void (error ? failures.push(error.message) : noticed.push(name)) },
	);
	const end = notices.start();
	ends.push(end);
	const fail = (error: Error | undefined) => {
		broken = error;
	};
	return { state, told, failures, noticed, fail, notices, end };
}

const soon = () => vi.advanceTimersByTimeAsync(1_500);

describe('a pod that kube-scheduler refused in words of its own', () => {
	test('is told which claims it is and what they need', async () => {
		const { state, told } = watched(torn());
		put(state, refused('app', IN_TREE));
		await soon();
		expect(told).toMatchObject([
			{
				...{ kind: 'Pod', name: 'app', type: 'Warning', reason: 'FailedScheduling' },
				message:
					"0/3 nodes can be used by the pod's storage: 1 claim b is bound to volume pv-b, which needs kubernetes.io/hostname in (n2), 2 claim a is bound to volume pv-a, which needs kubernetes.io/hostname in (n1)",
			},
		]);
	});

	test('is told so where some nodes are left, too', async () => {
		const { state, told } = watched(torn());
		put(
			state,
			refused('app', '0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had volume node affinity conflict', ['a']),
		);
		await soon();
		expect(told.map(({ message }) => message)).toEqual([expect.stringMatching(/^1\/3 nodes can .*: 2 claim a /)]);
	});

	test('is told so where no node is left, whatever the scheduler said last', async () => {
		const { state, told } = watched(torn());
		put(state, refused('app', '0/3 nodes are available: 3 Insufficient cpu.'));
		await soon();
		expect(told.map(({ message }) => message)).toEqual([expect.stringMatching(/^0\/3 nodes can /)]);
	});

	test('and was there before topobind', async () => {
		const { told, noticed } = watched([...torn(), refused('app', IN_TREE)]);
		await soon();
		expect(told).toHaveLength(1);
		expect(noticed).toEqual(['app']);
	});

	test('is left a second, as most of what is refused passes by itself', async () => {
		const { state, told } = watched(torn());
		put(state, refused('app', IN_TREE));
		await vi.advanceTimersByTimeAsync(990);
		expect(told).toEqual([]);
		await vi.advanceTimersByTimeAsync(20);
		expect(told).toHaveLength(1);
	});

	test('is told in the next round also where it came some time after the last', async () => {
		const { state, told } = watched(torn());
		await vi.advanceTimersByTimeAsync(30_000);
		put(state, refused('app', IN_TREE));
		await vi.advanceTimersByTimeAsync(572_000);
		expect(told).toHaveLength(2);
	});

	test('is another one where it was made anew', async () => {
		const { state, told } = watched(torn());
		const first = refused('app', IN_TREE);
		put(state, first);
		await soon();
		state.remove('Pod', 'ns/app');
		put(state, { ...first, metadata: { ...first.metadata, uid: 'uid-second' } });
		await soon();
		expect(told.map(({ uid }) => uid)).toEqual(['uid-app', 'uid-second']);
	});

	test('is told once, again after ten minutes while it lasts, and something else at once', async () => {
		const { state, told } = watched(torn());
		put(state, refused('app', IN_TREE));
		await soon();
		put(state, refused('app', `${IN_TREE} preemption: no`, ['a', 'b'], '3'));
		await soon();
		expect(told).toHaveLength(1);
		await vi.advanceTimersByTimeAsync(610_000);
		expect(told).toHaveLength(2);
		put(state, claim('b', { bound: 'pv-c', version: '9' }));
		put(state, refused('app', '0/3 nodes are available: persistentvolume "pv-c" not found.', ['a', 'b'], '4'));
		await soon();
		expect(told[2]?.message).toContain('claim b is bound to volume pv-c, which does not exist');
	});
});

describe('many pods', () => {
	const names = Array.from({ length: 20 }, (_, i) => `app-${i}`);

	test('are told one after the other, not at once', async () => {
		const { state, told } = watched(torn());
		for (const name of names) put(state, refused(name, IN_TREE));
		await vi.advanceTimersByTimeAsync(1_000);
		expect(told).toHaveLength(1);
		await vi.advanceTimersByTimeAsync(200);
		expect(told).toHaveLength(5);
	});

	test('are told once each, however the scheduler goes on to put it', async () => {
		const { state, told } = watched(torn());
		for (const name of names) put(state, refused(name, IN_TREE));
		await vi.advanceTimersByTimeAsync(5_000);
		for (const name of names) put(state, refused(name, `${IN_TREE} preemption: no`, ['a', 'b'], '3'));
		await vi.advanceTimersByTimeAsync(5_000);
		expect(told).toHaveLength(20);
	});
});

test('whatever happens to a pod within the second is seen by one look', () => {
	const { state } = watched(torn());
	put(state, refused('app', IN_TREE));
	const timers = vi.getTimerCount();
	put(state, refused('app', `${IN_TREE} preemption: no`, ['a', 'b'], '3'));
	expect(vi.getTimerCount()).toBe(timers);
});

describe('when it ends', () => {
	test('pods that were about to be looked at are not', async () => {
		const { state, told, end } = watched(torn());
		put(state, refused('app', IN_TREE));
		end();
		await soon();
		expect(told).toEqual([]);
		expect(vi.getTimerCount()).toBe(0);
	});

	test('pods whose turn has not come are not told', async () => {
		const { state, told, end } = watched(torn());
		for (const name of ['one', 'two', 'three']) put(state, refused(name, IN_TREE));
		await vi.advanceTimersByTimeAsync(1_000);
		end();
		await soon();
		expect(told).toHaveLength(1);
	});

	test('pods that it had seen are looked at where it begins again', async () => {
		const state = cluster(...torn(), refused('app', IN_TREE));
		const told: string[] = [];
		const notices = new PodNotices(state, { tell: async ({ name }) => void told.push(name) });
		notices.start()();
		ends.push(notices.start());
		await soon();
		expect(told).toEqual(['app']);
	});
});

test('no timer keeps the process from ending', async () => {
	vi.useRealTimers();
	const timers = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')];
	const holding = () => timers.flatMap(({ mock }) => mock.results).filter(({ value }) => value.hasRef()).length;
	const state = cluster(...torn(), refused('one', IN_TREE), refused('two', IN_TREE));
	const told = Promise.withResolvers<number>();
	const tell = async () => void setImmediate(() => told.resolve(holding()));
	ends.push(new PodNotices(state, { tell }, { settleMs: 1 }).start());
	expect(holding()).toBe(0);
	// Between one and two.
	expect(await told.promise).toBe(0);
	for (const timer of timers) {
		expect(timer).toHaveBeenCalled();
		timer.mockRestore();
	}
});

describe('nothing is told', () => {
	test.each([
		['of a pod that nobody has refused', pod('app', 'a', 'b')],
		['where storage is not the cause', refused('app', '0/3 nodes are available: 3 Insufficient cpu.', ['a'])],
		[
			'that the scheduler was told by topobind, and has said',
			refused(
				'app',
				'0/3 nodes are available: 2 claim a is bound to volume pv-a, which needs kubernetes.io/hostname in (n1), 1 claim b is bound to volume pv-b, which needs kubernetes.io/hostname in (n2).',
			),
		],
		['of a pod without claims', refused('app', IN_TREE, [])],
	])('%s', async (_, manifest) => {
		const { state, told } = watched(torn());
		put(state, manifest);
		await soon();
		expect(told).toEqual([]);
	});

	test('of a pod that is being deleted', async () => {
		const { state, told } = watched(torn());
		const going = refused('app', IN_TREE);
		put(state, { ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } as never });
		await soon();
		expect(told).toEqual([]);
	});

	test('of a pod that is refused no longer when it is looked at', async () => {
		const { state, told } = watched(torn());
		put(state, refused('app', IN_TREE));
		put(state, pod('app', 'a', 'b'));
		await soon();
		expect(told).toEqual([]);
	});

	test('of a pod that was placed, or refused for something else, before it was looked at', async () => {
		const { state, told } = watched(torn());
		put(state, refused('app', IN_TREE));
		state.remove('Pod', 'ns/app');
		await soon();
		expect(told).toEqual([]);
	});
});

test('what cannot be written is reported, and the others are told', async () => {
	const { state, failures, fail, told } = watched(torn());
	fail(new Error('forbidden'));
	put(state, refused('one', IN_TREE));
	put(state, refused('two', IN_TREE));
	await soon();
	expect(failures).toEqual(['forbidden', 'forbidden']);
	expect(told).toEqual([]);
});

test('what could not be written is told with the next change of the condition', async () => {
	const { state, fail, told } = watched(torn());
	fail(new Error('too many requests'));
	put(state, refused('app', IN_TREE));
	await soon();
	fail(undefined);
	put(state, refused('app', `${IN_TREE} preemption: no`, ['a', 'b'], '3'));
	await soon();
	expect(told).toHaveLength(1);
});

test('pods that need not be told are looked at one a turn, so that calls are answered in between', async () => {
	vi.useRealTimers();
	const said = `claim a is bound to volume pv-a, which needs kubernetes.io/hostname in (n1)`;
	const pods = Array.from({ length: 50 }, (_, i) => refused(`app-${i}`, said, ['a']));
	const state = cluster(...torn(), ...pods);
	const notices = new PodNotices(state, { tell: async () => {} }, { settleMs: 1 });
	ends.push(notices.start());
	const looks = vi.spyOn(state, 'seen');
	const atOnce: number[] = [];
	while (looks.mock.calls.length < pods.length) {
		const before = looks.mock.calls.length;
		await new Promise((resolve) => setImmediate(resolve));
		atOnce.push(looks.mock.calls.length - before);
	}
	expect(Math.max(...atOnce)).toBeLessThanOrEqual(2);
});

test('what many pods wait for is told in time, not at once, and of each once', async () => {
	const { state, told } = watched(torn());
	const pods = Array.from({ length: 40 }, (_, i) => `app-${i}`);
	for (const name of pods) put(state, refused(name, IN_TREE));
	await vi.advanceTimersByTimeAsync(1_000 + 500);
	expect(told.length).toBeGreaterThan(5);
	expect(told.length).toBeLessThan(15);
	await vi.advanceTimersByTimeAsync(40 * 50);
	expect(new Set(told.map(({ name }) => name))).toEqual(new Set(pods));
	for (const name of pods) put(state, refused(name, `${IN_TREE} preemption: no`, ['a', 'b'], '3'));
	await vi.advanceTimersByTimeAsync(1_000 + 41 * 50);
	expect(told.length).toBe(pods.length);
});

describe('once it was ended', () => {
	const later = () => vi.advanceTimersByTimeAsync(1_300_000);

	test('nothing is told of what happens then, nor in another round', async () => {
		const { state, told, end } = watched([...torn(), refused('known', IN_TREE)]);
		await soon();
		end();
		put(state, refused('app', IN_TREE));
		await later();
		expect(told.map(({ name }) => name)).toEqual(['known']);
		expect(vi.getTimerCount()).toBe(0);
	});

	test('nothing is told of what was about to be looked at, until it begins again', async () => {
		const { state, told, notices, end } = watched(torn());
		put(state, refused('app', IN_TREE));
		end();
		await later();
		expect(told).toEqual([]);
		ends.push(notices.start());
		await soon();
		expect(told).toHaveLength(1);
	});

	test('of many that are being told no more follow', async () => {
		const { state, told, end } = watched(torn());
		for (let i = 0; i < 20; i++) put(state, refused(`app-${i}`, IN_TREE));
		await vi.advanceTimersByTimeAsync(1_200);
		const before = told.length;
		expect(before).toBeLessThan(10);
		end();
		await later();
		expect(told.length).toBe(before);
	});
});

describe('no more is looked at than has to be', () => {
	test('several changes of a pod within a moment are one look', () => {
		const { state } = watched(torn());
		put(state, refused('app', IN_TREE));
		const timers = vi.getTimerCount();
		put(state, refused('app', `${IN_TREE} preemption: no`, ['a', 'b'], '3'));
		expect(vi.getTimerCount()).toBe(timers);
	});

	test('a change of anything but what the scheduler says is none', async () => {
		const { state } = watched(torn());
		put(state, refused('app', IN_TREE));
		await soon();
		const timers = vi.getTimerCount();
		put(state, refused('app', IN_TREE, ['a', 'b'], '3'));
		expect(vi.getTimerCount()).toBe(timers);
	});

	test('pods that nobody has refused are not', () => {
		const before = vi.getTimerCount();
		watched([...torn(), ...Array.from({ length: 5 }, (_, i) => pod(`app-${i}`, 'a'))]);
		// The rounds alone.
		expect(vi.getTimerCount() - before).toBe(1);
	});

	test('a change of one pod leads to no look at the others', async () => {
		const { state } = watched(torn());
		for (let i = 0; i < 5; i++) put(state, refused(`app-${i}`, IN_TREE));
		await soon();
		const looks = vi.spyOn(state, 'seen');
		put(state, refused('app-1', `${IN_TREE} preemption: no`, ['a', 'b'], '3'));
		await soon();
		const pods = looks.mock.calls.flatMap(([kind, key]) => (kind === 'Pod' ? [key] : []));
		expect(new Set(pods)).toEqual(new Set(['ns/app-1']));
	});
});
