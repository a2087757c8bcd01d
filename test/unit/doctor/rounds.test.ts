import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { countPins } from '../../../src/doctor/count.ts';
import { Rounds, type RoundsOptions } from '../../../src/doctor/rounds.ts';
import type { Treatment } from '../../../src/doctor/treat.ts';
import { put } from '../domain/builders.ts';
import { DRIVER } from '../domain/source-builders.ts';
import {
	cluster,
	csiClass,
	csiNode,
	FakePinWriter,
	PINNED_AT,
	patient,
	pinned,
	SCENES,
	traceFor,
	volumeFor,
} from './support.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

it('counts by code, those of none included', () => {
	const counts = countPins(cluster(pinned('a', 'n9'), pinned('b', 'n9')));
	expect(counts.get('PIN_NODE_GONE')).toBe(2);
	expect(counts.get('PIN_CLASS_TOPOLOGY')).toBe(0);
});

/** Rounds a second apart. */
function serving(state: ClusterState, options: Partial<RoundsOptions> = {}) {
	const writer = new FakePinWriter();
	const found: string[] = [];
	const troubles: string[] = [];
	const treatments: Treatment[] = [];
	const looks: (string | undefined)[] = [];
	const rounds = new Rounds(patient(state, writer), {
		...{ events: true, repair: false, intervalMs: SECOND, silenceMs: 0, isCurrent: () => true },
		onLook: (_, error) => looks.push(error?.message),
		onFinding: ({ code }) => found.push(code),
		onTold: (_, error) => error && troubles.push(error.message),
		onTreatment: (treatment) => treatments.push(treatment),
		onFault: (error) => troubles.push(error.message),
		...options,
	});
	rounds.start();
	return { writer, found, troubles, treatments, looks, rounds };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a finding', () => {
	it('is told once, when it stands for a second round, and again when it comes back; not before all is synced, not after the end', async () => {
		const state = SCENES.PIN_DRIVER_MISSING();
		let synced = false;
		const { found, rounds } = serving(state, { isCurrent: () => synced });
		await pass(5 * SECOND);
		synced = true;
		await pass(SECOND);
		expect(found).toEqual([]);
		await pass(3 * SECOND);
		expect(found).toEqual(['PIN_DRIVER_MISSING']);
		put(state, csiNode('n1', DRIVER));
		await pass(SECOND);
		put(state, csiNode('n1'));
		await pass(2 * SECOND);
		expect(found).toHaveLength(2);
		await rounds.stop();
		const examined = vi.spyOn(state, 'all');
		await pass(9 * SECOND);
		expect(examined).not.toHaveBeenCalled();
		expect(found).toHaveLength(2);
	});

	it('leaves an event on its claim, and again every half hour, even where it comes and goes', async () => {
		const state = SCENES.PIN_DRIVER_MISSING();
		const { writer } = serving(state);
		await pass(SECOND);
		expect(writer.events).toEqual([]);
		await pass(SECOND);
		expect(writer.events).toEqual([
			{
				type: 'Warning',
				reason: 'TopobindPinFound',
				message: expect.stringMatching(/^PIN_DRIVER_MISSING: driver .* To mend it: start the driver on the node/),
			},
		]);
		put(state, csiNode('n1', DRIVER));
		await pass(SECOND);
		put(state, csiNode('n1'));
		await pass(29 * MINUTE);
		expect(writer.events).toHaveLength(1);
		await pass(MINUTE);
		expect(writer.events).toHaveLength(2);
		await pass(30 * MINUTE);
		expect(writer.events).toHaveLength(3);
		expect(writer.calls).toEqual(['tell data', 'tell data', 'tell data']);
	});

	it.each([
		['node', () => pinned('data', 'n8', { version: '2' }), 'node n8 does not exist'],
		['reason', () => pinned('data', '', { version: '2' }), 'its selected-node is empty'],
	])('is another one where its %s is another: it has to stand itself, and is told', async (_, change, message) => {
		const state = cluster(pinned('data', 'n9'));
		const { writer, found } = serving(state);
		await pass(2 * SECOND);
		put(state, change());
		await pass(SECOND);
		expect(found).toHaveLength(1);
		await pass(SECOND);
		expect(found).toHaveLength(2);
		expect(writer.events[1]?.message).toContain(message);
	});

	it('is another one where something else is wrong with the same pin', async () => {
		const state = SCENES.PIN_DRIVER_MISSING();
		const { found } = serving(state);
		await pass(2 * SECOND);
		state.remove('CSINode', 'n1');
		await pass(SECOND);
		expect(found).toEqual(['PIN_DRIVER_MISSING']);
		await pass(SECOND);
		expect(found).toEqual(['PIN_DRIVER_MISSING', 'PIN_CSINODE_GONE']);
	});

	it('is told by no event where none are wanted', async () => {
		const { writer, found } = serving(SCENES.PIN_NODE_GONE(), { events: false });
		await pass(9 * SECOND);
		expect(found).toHaveLength(1);
		expect(writer.calls).toEqual([]);
	});

	it('is told some rounds later where the event could not be written', async () => {
		const { writer, troubles } = serving(SCENES.PIN_NODE_GONE());
		writer.told = () => {
			throw new Error('forbidden');
		};
		await pass(6 * SECOND);
		expect(troubles).toEqual(['forbidden']);
		writer.told = () => {};
		await pass(SECOND);
		expect(writer.events).toHaveLength(1);
		expect(troubles).toHaveLength(1);
	});
});

/** Holds the first write until it is let go. */
function held(writer: FakePinWriter, write: 'tell' | 'removePin') {
	const gate = Promise.withResolvers<void>();
	const original = writer[write].bind(writer) as (...args: unknown[]) => Promise<never>;
	writer[write] = async (...args: unknown[]) => {
		await gate.promise;
		return original(...args);
	};
	return gate;
}

it.each([
	['tells of the rest', 'tell', { repair: false }, ['tell a']],
	['repairs the rest', 'removePin', { repair: true, events: false }, ['trace a', 'remove a at 1', 'tell a']],
] as const)('who is stopped no longer %s', async (_, write, options, calls) => {
	const { writer, rounds } = serving(cluster(pinned('a', 'n9'), pinned('b', 'n9')), options);
	const gate = held(writer, write);
	await pass(2 * SECOND);
	const stopped = rounds.stop();
	gate.resolve();
	await stopped;
	expect(writer.calls).toEqual(calls);
	expect(vi.getTimerCount()).toBe(0);
});

it('no round keeps the process from ending', async () => {
	vi.useRealTimers();
	const timers = vi.spyOn(globalThis, 'setTimeout');
	const { rounds } = serving(cluster());
	expect(timers.mock.results.map(({ value }) => value.hasRef())).toEqual([false]);
	timers.mockRestore();
	await rounds.stop();
});

describe('repair', () => {
	const repairing = (state: ClusterState) => serving(state, { events: false, repair: true });

	it('happens only where it is wanted', async () => {
		const { writer } = serving(SCENES.PIN_NODE_GONE(), { events: false });
		await pass(60 * SECOND);
		expect(writer.calls).toEqual([]);
	});

	it('removes a pin that stands for two rounds, with an event', async () => {
		const { writer, treatments } = repairing(SCENES.PIN_NODE_GONE());
		await pass(SECOND);
		expect(writer.calls).toEqual([]);
		await pass(SECOND);
		expect(writer.calls).toEqual(['trace data', 'remove data at 1', 'tell data']);
		expect(treatments.map(({ outcome }) => outcome)).toEqual(['removed']);
		expect(writer.events).toMatchObject([{ reason: 'TopobindPinRemoved' }]);
	});

	it('leaves a claim alone that something touches between two rounds', async () => {
		const state = SCENES.PIN_NODE_GONE();
		const { writer } = repairing(state);
		for (const version of ['2', '3', '4']) {
			await pass(SECOND);
			put(state, pinned('data', 'n9', { version }));
		}
		expect(writer.calls).toEqual([]);
		await pass(2 * SECOND);
		expect(writer.calls[1]).toBe('remove data at 4');
	});

	it('leaves a claim alone that a bind of this process is about to write', async () => {
		const state = SCENES.PIN_NODE_GONE();
		const base = state.claim('ns', 'data');
		if (!base) throw new Error('no claim');
		const assumed = { ...base, selectedNode: 'n1' };
		state.assumeClaim(assumed, base);
		const { writer } = repairing(state);
		await pass(5 * SECOND);
		expect(writer.calls).toEqual([]);
		state.revertClaim(assumed);
		await pass(SECOND);
		expect(writer.calls[1]).toBe('remove data at 1');
	});

	it('looks again some rounds later at what it refused or failed to do', async () => {
		const { writer, treatments } = repairing(SCENES.PIN_NODE_GONE());
		writer.trace_ = (judged) => traceFor(judged);
		await pass(12 * SECOND);
		expect(treatments.map(({ outcome, verdict }) => [outcome, verdict?.repair])).toEqual([
			['found', 'refused'],
			['found', 'refused'],
			['found', 'refused'],
		]);
		writer.trace_ = () => {
			throw new Error('forbidden');
		};
		await pass(10 * SECOND);
		expect(treatments.slice(3).map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
	});

	it('tries again in the next round where somebody was quicker', async () => {
		const { writer, treatments } = repairing(SCENES.PIN_NODE_GONE());
		writer.remove = () => false;
		await pass(2 * SECOND);
		writer.remove = () => true;
		await pass(SECOND);
		expect(treatments.map(({ outcome }) => outcome)).toEqual(['changed', 'removed']);
	});

	it('waits ever longer for a claim that is pinned in vain each time', async () => {
		const state = SCENES.PIN_NODE_GONE();
		const { writer } = repairing(state);
		const at: number[] = [];
		const started = Date.now();
		let version = 1;
		// A scheduler that knows no better, at once.
		writer.remove = () => {
			at.push((Date.now() - started) / SECOND);
			version++;
			put(state, pinned('data', 'n9', { version: String(version) }));
			return true;
		};
		await pass(20 * MINUTE);
		const pauses = at.slice(1).map((time, i) => time - (at[i] ?? 0));
		expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 320, 360]);
	});

	it('goes on after a fault of its own', async () => {
		const state = SCENES.PIN_NODE_GONE();
		const all = state.all.bind(state);
		const broken = vi.spyOn(state, 'all').mockImplementation(() => {
			throw new Error('a fault');
		});
		const { writer, troubles } = repairing(state);
		await pass(2 * SECOND);
		expect(troubles).toEqual(['a fault', 'a fault']);
		broken.mockImplementation(all);
		await pass(2 * SECOND);
		expect(writer.calls[1]).toBe('remove data at 1');
	});
});

describe('a silent provisioner', () => {
	const SILENCE_MS = 10 * MINUTE;
	beforeEach(() => void vi.setSystemTime(PINNED_AT + 30 * MINUTE));

	/** What waits at the first round was asked for half an hour ago, and nobody has said anything. */
	function listening(state: ClusterState, options: Partial<RoundsOptions> = {}) {
		const all = serving(state, { silenceMs: SILENCE_MS, ...options });
		const trace = (change: Partial<ReturnType<typeof traceFor>>) => {
			all.writer.trace_ = (judged) => traceFor(judged, change);
		};
		trace({});
		return { ...all, trace, silent: () => all.rounds.count().get('PIN_PROVISIONER_SILENT') };
	}
	const waiting = (version = '1') => pinned('data', 'n1', { version });

	it('is counted by the first round and told by the second, with an event', async () => {
		const { writer, found, silent } = listening(cluster(waiting()));
		expect(silent()).toBe(0);
		await pass(SECOND);
		expect(silent()).toBe(1);
		expect(found).toEqual([]);
		await pass(SECOND);
		expect(found).toEqual(['PIN_PROVISIONER_SILENT']);
		expect(writer.events).toMatchObject([
			{ type: 'Warning', message: expect.stringMatching(/^PIN_PROVISIONER_SILENT: .* To mend it: see that/) },
		]);
		expect(writer.calls).toEqual(['read data', 'trace data', 'tell data']);
	});

	it('is not one that is not listened to', async () => {
		const { writer, silent } = listening(cluster(waiting()), { silenceMs: 0 });
		await pass(9 * SECOND);
		expect([writer.calls, silent()]).toEqual([[], 0]);
	});

	it('keeps nothing from a repair, and is never repaired itself', async () => {
		const state = cluster(waiting(), pinned('gone', 'n9'));
		const { writer, treatments } = listening(state, { events: false, repair: true });
		writer.trace_ = (judged) => traceFor(judged, judged.name === 'gone' ? { provisioner: undefined } : {});
		await pass(20 * SECOND);
		expect(treatments.map(({ finding, outcome }) => [finding.claim.name, outcome])[0]).toEqual(['gone', 'removed']);
		expect(treatments.filter(({ finding }) => finding.claim.name === 'data')).toEqual([]);
	});

	it('is looked at again some rounds later, and no longer found once it speaks', async () => {
		const { writer, silent, trace } = listening(cluster(waiting()), { events: false });
		await pass(SECOND);
		trace({ lastSign: { reason: 'ProvisioningFailed', at: Date.now() } });
		await pass(4 * SECOND);
		expect(silent()).toBe(1);
		await pass(SECOND);
		expect(silent()).toBe(0);
		writer.calls.length = 0;
		await pass(SILENCE_MS - 10 * SECOND);
		expect(writer.calls).toEqual([]);
		await pass(10 * SECOND);
		expect(silent()).toBe(1);
	});

	it('is no longer counted as soon as the claim changes or has its volume, and looked for again', async () => {
		const state = cluster(waiting());
		const { silent, writer } = listening(state, { events: false });
		await pass(SECOND);
		put(state, waiting('2'));
		expect(silent()).toBe(0);
		writer.calls.length = 0;
		await pass(SECOND);
		expect(writer.calls).toEqual(['read data', 'trace data']);
		expect(silent()).toBe(1);
		put(state, volumeFor('data', 'uid-data'));
		await pass(SECOND);
		expect(silent()).toBe(0);
	});

	it('costs nothing where claims are provisioned in time, and one look where they are not', async () => {
		const state = cluster(csiClass());
		const { writer, silent } = listening(state, { events: false });
		await pass(2 * SECOND);
		put(state, waiting());
		await pass(SILENCE_MS / 2);
		put(state, waiting('2'));
		await pass(SILENCE_MS / 2);
		expect(writer.calls).toEqual([]);
		await pass(2 * SECOND);
		expect(writer.calls).toEqual(['read data', 'trace data']);
		expect(silent()).toBe(1);
	});

	it('is forgotten with its claim, and a claim that is pinned anew begins anew', async () => {
		const state = cluster(waiting());
		const { writer } = listening(state, { events: false });
		await pass(SECOND);
		put(state, pinned('data', 'n2', { version: '2' }));
		await pass(SILENCE_MS);
		expect(writer.calls).toEqual(['read data', 'trace data']);
		await pass(SECOND);
		expect(writer.calls).toHaveLength(4);
	});

	it('is looked for in no more than fifty claims a round, each in its turn', async () => {
		const names = Array.from({ length: 300 }, (_, i) => `claim-${i}`);
		const { writer, silent } = listening(cluster(...names.map((name) => pinned(name, 'n1'))), { events: false });
		const reads = () => writer.calls.filter((call) => call.startsWith('read'));
		await pass(SECOND);
		expect([reads().length, silent()]).toEqual([50, 50]);
		// The first are due again by then, and come after those that were not looked at yet.
		await pass(5 * SECOND);
		expect([new Set(reads()).size, silent()]).toEqual([300, 300]);
	});

	it('is looked for in one claim a round where claims cannot be read, and what was found of it is no longer said', async () => {
		const names = ['a', 'b', 'c'];
		const { writer, silent, looks } = listening(cluster(...names.map((name) => pinned(name, 'n1'))), { events: false });
		await pass(SECOND);
		expect([silent(), looks]).toEqual([3, [undefined, undefined, undefined]]);
		writer.trace_ = () => {
			throw new Error('forbidden');
		};
		await pass(5 * SECOND);
		expect([silent(), looks.slice(3)]).toEqual([2, ['forbidden']]);
		await pass(SECOND);
		expect([silent(), looks.slice(3)]).toEqual([1, ['forbidden', 'forbidden']]);
	});

	it('ends with the rounds', async () => {
		const { writer, rounds } = listening(cluster(pinned('a', 'n1'), pinned('b', 'n1')), { events: false });
		const gate = Promise.withResolvers<void>();
		const trace = writer.trace.bind(writer);
		writer.trace = async (judged) => {
			await gate.promise;
			return trace(judged);
		};
		await pass(SECOND);
		const stopped = rounds.stop();
		gate.resolve();
		await stopped;
		expect(writer.calls).toEqual(['read a', 'trace a']);
	});
});
