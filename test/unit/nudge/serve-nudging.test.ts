import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { nudgingFor } from '../../../src/cli/serve-nudging.ts';
import type { Cluster } from '../../../src/cluster/cluster.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { explainNodes } from '../../../src/explain/explanation.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { pod, project, put, volume } from '../domain/builders.ts';
import { content, restore, scene, snapshot } from '../domain/source-builders.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const APP = project(pod('app', 'data'));

/** A claim to be filled from a snapshot that is not ready, as filter has said of every node. */
function refusedForItsSource() {
	const notReady = snapshot('s', { status: { readyToUse: false } });
	const state = scene([restore('data', 's'), content('s'), notReady, pod('app', 'data')]);
	const marks: string[] = [];
	// What nudging needs of a cluster.
	const cluster = {
		state,
		marker: { markPod: async ({ name }: { name: string }) => void marks.push(name) },
		readiness: () => ({ synced: true, ready: true, watches: [] }),
	} as unknown as Cluster;
	const config = loadConfig({ flags: {}, env: {}, readFile: () => '' });
	const metrics = createMetrics({ version: 'test', mode: 'delegate' });
	const nudging = nudgingFor(config, cluster, createLogger({ level: 'silent' }), metrics);
	nudging?.start();
	const nodes = [...state.all('Node').keys()];
	const refused = explainNodes(APP, state).refused.map(({ code, message }) => ({ code, message, nodes }));
	expect(refused).toMatchObject([{ code: 'SOURCE_NOT_READY' }]);
	nudging?.judged(APP, { passed: [], refused, passes: () => false });
	return { state, marks, node: nodes[0] as string };
}

const later = () => vi.advanceTimersByTimeAsync(10_000);

test('a pod whose source is not ready is marked where a volume that was seen late spares it', async () => {
	const { state, marks, node } = refusedForItsSource();
	put(state, volume('pv', { on: node, class: 'csi' }));
	await later();
	expect(marks).toEqual(['app']);
});

test('its source, once ready, marks it once', async () => {
	const { state, marks } = refusedForItsSource();
	const ready = snapshot('s');
	put(state, { ...ready, metadata: { ...ready.metadata, resourceVersion: '2' } });
	await later();
	expect(marks).toEqual(['app']);
});

test('nothing marks it while all is as it was told', async () => {
	const { marks } = refusedForItsSource();
	await later();
	expect(marks).toEqual([]);
});

test('nor another problem of its source: that it has come right is what counts', async () => {
	const { state, marks } = refusedForItsSource();
	state.remove('VolumeSnapshot', 'ns/s');
	await later();
	expect(marks).toEqual([]);
});
