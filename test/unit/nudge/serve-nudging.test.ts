/** Nudging as `serve` runs it: of what it is told, whom it marks, what is logged and counted. */

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { nudgingFor } from '../../../src/cli/serve-nudging.ts';
import type { Cluster } from '../../../src/cluster/cluster.ts';
import { WriteError } from '../../../src/cluster/writer.ts';
import type { Pod } from '../../../src/domain/model.ts';
import { explainNodes } from '../../../src/explain/explanation.ts';
import type { RefusedGroup } from '../../../src/server/judgement.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { load } from '../config/inputs.ts';
import { type Manifest, pod, project, put, volume } from '../domain/builders.ts';
import { content, restore, scene, snapshot } from '../domain/source-builders.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const APP = project(pod('app', 'data'));
const notReady = () => snapshot('s', { status: { readyToUse: false } });
const ready = () => {
	const changed = snapshot('s');
	return { ...changed, metadata: { ...changed.metadata, resourceVersion: '2' } };
};
const later = () => vi.advanceTimersByTimeAsync(10_000);

interface Line {
	readonly level: string;
	readonly msg: string;
	readonly pod?: string;
	readonly error?: string;
}

/** A pod whose claim is to be filled from a snapshot that is not ready. */
function serving({ fields = '', app = pod('app', 'data'), source = notReady() } = {}) {
	const state = scene([restore('data', 's'), content('s'), source, app]);
	const marks: string[] = [];
	const texts: string[] = [];
	const watch: { staleSince?: number } = {};
	const api: { fail?: () => Error | undefined } = {};
	// What nudging needs of a cluster.
	const cluster = {
		state,
		marker: {
			async markPod({ name }: { name: string }, text: string) {
				const error = api.fail?.();
				if (error) throw error;
				marks.push(name);
				texts.push(text);
			},
		},
		readiness: () => ({ synced: true, ready: true, watches: [watch] }),
	} as unknown as Cluster;
	const lines: Line[] = [];
	const logger = createLogger({ level: 'info', stream: { write: (line) => void lines.push(JSON.parse(line)) } });
	const metrics = createMetrics({ version: 'test', mode: 'delegate' });
	const nudging = nudgingFor(load({ fields }), cluster, logger, metrics);
	if (!nudging) throw new Error('no nudging');
	const [node] = [...state.all('Node').keys()] as [string];
	/** As filter says of the pod now. */
	const verdicts = (): RefusedGroup[] =>
		explainNodes(APP, state).refused.map(({ code, message }) => ({
			code,
			message,
			nodes: [...state.all('Node').keys()],
		}));
	const refused = (groups = verdicts(), judged: Pod = APP) =>
		nudging.judged(judged, { passed: [], refused: groups, passes: () => false });
	const passed = (groups: RefusedGroup[] = []) =>
		nudging.judged(APP, { passed: [node], refused: groups, passes: () => true });
	const counted = async (result: string) =>
		new RegExp(`topobind_nudges_total\\{result="${result}"\\} (\\d+)`).exec(await metrics.registry.metrics())?.[1] ??
		'0';
	return { state, marks, texts, watch, api, lines, nudging, node, verdicts, refused, passed, counted };
}

/** Begun, and the pod refused for its source. */
function refusedForItsSource() {
	const all = serving();
	all.nudging.start();
	expect(all.verdicts()).toMatchObject([{ code: 'SOURCE_NOT_READY' }]);
	all.refused();
	return all;
}

describe('a pod whose source is not ready', () => {
	test('is marked where a volume that was seen late spares it; that is logged and counted', async () => {
		const { state, marks, node, lines, counted } = refusedForItsSource();
		put(state, volume('pv', { on: node, class: 'csi' }));
		await later();
		expect(marks).toEqual(['app']);
		expect(lines).toMatchObject([
			{ level: 'info', pod: 'ns/app', msg: expect.stringMatching(/^storage was there sooner than it was seen: /) },
		]);
		expect([await counted('done'), await counted('failed')]).toEqual(['1', '0']);
	});

	test('is marked once by its source, once that is ready; that is logged and counted', async () => {
		const { state, marks, lines, counted } = refusedForItsSource();
		put(state, ready());
		await later();
		expect(marks).toEqual(['app']);
		expect(lines).toMatchObject([{ level: 'info', pod: 'ns/app', msg: expect.stringMatching(/^a source changed: /) }]);
		expect([await counted('done'), await counted('failed')]).toEqual(['1', '0']);
	});

	test('is not marked while all is as it was told', async () => {
		const { marks } = refusedForItsSource();
		await later();
		expect(marks).toEqual([]);
	});

	test('is marked otherwise where it has been refused once more after the mark of a replica that saw sooner', async () => {
		const [sooner, late] = [refusedForItsSource(), refusedForItsSource()];
		put(sooner.state, ready());
		await vi.advanceTimersByTimeAsync(10);
		const [mark] = sooner.texts as [string];
		const changed = pod('app', 'data');
		const annotations = { 'topobind.dev/try-again': mark };
		put(late.state, { ...changed, metadata: { ...changed.metadata, annotations, resourceVersion: '2' } });
		late.refused();
		await vi.advanceTimersByTimeAsync(10);
		put(late.state, ready());
		await later();
		expect(late.texts.filter((text) => text !== mark)).toHaveLength(1);
	});

	test('nor for another problem of its source: that it has come right is what counts', async () => {
		const { state, marks } = refusedForItsSource();
		state.remove('VolumeSnapshot', 'ns/s');
		await later();
		expect(marks).toEqual([]);
	});

	test('nor where the first problem was one that stays', async () => {
		const { state, marks, nudging, verdicts, refused } = serving({
			source: snapshot('s', { status: { restoreSize: '9Gi' } }),
		});
		nudging.start();
		expect(verdicts()).toMatchObject([{ code: 'SOURCE_INVALID' }]);
		refused();
		state.remove('VolumeSnapshot', 'ns/s');
		await later();
		expect(marks).toEqual([]);
	});

	test('nor where some of the nodes were refused for something else', async () => {
		const { state, marks, nudging, verdicts, refused } = serving();
		nudging.start();
		const [[first, ...nodes], message] = [[...state.all('Node').keys()], 'class csi does not allow it'];
		refused([
			{ ...(verdicts()[0] as RefusedGroup), nodes },
			{ code: 'CLASS_TOPOLOGY', message, nodes: [first as string] },
		]);
		state.remove('VolumeSnapshot', 'ns/s');
		await later();
		expect(marks).toEqual([]);
	});

	test('is marked by the first look where its source was ready by then, be it that only some nodes were refused for it', async () => {
		for (const others of [[], [{ code: 'CLASS_TOPOLOGY', message: 'not allowed', nodes: ['n3'] }] as const]) {
			const { state, marks, nudging, verdicts, refused } = serving();
			const groups = [...verdicts(), ...others];
			put(state, ready());
			nudging.start();
			await vi.advanceTimersByTimeAsync(100);
			expect(marks).toEqual([]);
			refused(groups);
			// Before a second look.
			await vi.advanceTimersByTimeAsync(100);
			expect(marks).toEqual(['app']);
		}
	});
});

test('nothing is marked before it is begun: what is still to be listed would look like a source that came right', async () => {
	const { state, marks, nudging } = serving();
	put(state, ready());
	await later();
	nudging.start();
	await later();
	expect(marks).toEqual([]);
});

test('a pod that passes somewhere is looked at no more, and its source is not to blame', async () => {
	const { state, marks, node, passed, refused } = refusedForItsSource();
	passed();
	put(state, volume('pv', { on: node, class: 'csi' }));
	await later();
	expect(marks).toEqual([]);
	refused([]);
	passed([{ code: 'CAPACITY', message: 'there is no room', nodes: ['n3'] }]);
	await later();
	expect(marks).toEqual([]);
});

test('a pod that is refused for something else is not taken for one that waits for its source', async () => {
	const { marks, nudging, passed } = serving({ source: snapshot('s') });
	nudging.start();
	passed([{ code: 'CAPACITY', message: 'there is no room', nodes: ['n3'] }]);
	await later();
	expect(marks).toEqual([]);
});

test('a second look waits for a watch that is down', async () => {
	const { state, marks, node, watch } = refusedForItsSource();
	watch.staleSince = 1;
	put(state, volume('pv', { on: node, class: 'csi' }));
	await later();
	expect(marks).toEqual([]);
	delete watch.staleSince;
	await later();
	expect(marks).toEqual(['app']);
});

describe('a pod that filter was not asked about in this process', () => {
	const told = (message: string): Manifest<'Pod'> => ({
		...pod('app', 'data'),
		status: { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }] },
	});

	test.each([
		['3 claim data waits for its source, VolumeSnapshot s: it is not ready to use yet.', ['app']],
		['3 claim data cannot be filled from its source, VolumeSnapshot s: its restore size is 9Gi.', ['app']],
		['3 claim data must go where its source, VolumeSnapshot s, can be reached: zone in (a).', ['app']],
		['3 Insufficient cpu.', []],
	])('is marked where it was refused for its source before: %s', async (message, marked) => {
		const { state, marks, nudging } = serving({ app: told(`0/3 nodes are available: ${message}`) });
		nudging.start();
		put(state, ready());
		await later();
		expect(marks).toEqual(marked);
	});

	test.each([
		['asks topobind about another pod', 'default-scheduler', ['app']],
		['has never asked it', 'another', []],
	])('is marked where its scheduler %s', async (_, schedulerName, marked) => {
		const { state, marks, nudging, refused } = serving();
		nudging.start();
		refused([], { ...APP, name: 'other', uid: 'other', schedulerName });
		put(state, ready());
		await later();
		expect(marks).toEqual(marked);
	});
});

describe('a pod that cannot be marked', () => {
	test('is told of and counted, and tried no more', async () => {
		const { state, node, api, lines, counted } = refusedForItsSource();
		api.fail = () => new WriteError('refused', 'forbidden');
		put(state, volume('pv', { on: node, class: 'csi' }));
		await later();
		expect(lines).toMatchObject([
			{ level: 'warn', pod: 'ns/app', error: 'forbidden', msg: expect.stringContaining('its pod could not be marked') },
		]);
		expect([await counted('done'), await counted('failed')]).toEqual(['0', '1']);
	});

	test('for a moment is tried again', async () => {
		vi.useRealTimers();
		const { state, marks, api, lines, counted } = refusedForItsSource();
		let failures = 0;
		api.fail = () => (failures++ < 5 ? new WriteError('transient', 'busy') : undefined);
		put(state, ready());
		await vi.waitUntil(() => lines.length > 0, { timeout: 20_000 });
		expect(marks).toEqual(['app']);
		expect(await counted('done')).toBe('1');
	});
});

test('nobody is marked where that is not wanted, or nothing would notice', () => {
	const metrics = createMetrics({ version: 'test', mode: 'delegate' });
	const logger = createLogger({ level: 'silent' });
	const state = scene([]);
	const withMarker = { state, marker: {} } as unknown as Cluster;
	expect(nudgingFor(load({}), withMarker, logger, metrics)).toBeDefined();
	expect(nudgingFor(load({ fields: 'sources: {nudge: false}' }), withMarker, logger, metrics)).toBeUndefined();
	expect(nudgingFor(load({}), { state } as unknown as Cluster, logger, metrics)).toBeUndefined();
});
