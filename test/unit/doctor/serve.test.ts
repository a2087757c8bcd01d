/** The doctor as `serve` runs it: what is logged and counted. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { doctorRounds } from '../../../src/cli/serve-doctor.ts';
import type { Cluster } from '../../../src/cluster/cluster.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { load } from '../config/inputs.ts';
import { cluster, FakePinWriter, patient, pinned, traceFor } from './support.ts';

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

interface Line {
	readonly level: string;
	readonly msg: string;
	readonly hint?: string;
	readonly claim?: string;
	readonly error?: string;
}

/** Rounds a second apart on two claims, by default pinned to a node that is gone. */
function serving(doctor: string, node = 'n9') {
	const lines: Line[] = [];
	const logger = createLogger({ level: 'debug', stream: { write: (line) => void lines.push(JSON.parse(line)) } });
	const metrics = createMetrics({ version: '1', mode: 'companion' });
	const writer = new FakePinWriter();
	let ready = true;
	const served = { ...patient(cluster(pinned('a', node), pinned('b', node)), writer), readiness: () => ({ ready }) };
	const config = load({ fields: `doctor: {intervalSeconds: 1, ${doctor}}` });
	const rounds = doctorRounds(config, served as unknown as Cluster, logger, metrics);
	rounds.start();
	const told = (level: string, message: string) =>
		lines.filter((line) => line.level === level && line.msg.includes(message));
	const setReady = (value: boolean) => {
		ready = value;
	};
	return { told, writer, metrics, setReady, rounds };
}

const SECOND = 1000;
const forbidden = () => {
	throw new Error('forbidden');
};

it('says once that events cannot be written, and again only after one could be', async () => {
	const { told, writer } = serving('events: true');
	writer.told = forbidden;
	await vi.advanceTimersByTimeAsync(13 * SECOND);
	const [warning, ...others] = told('warn', 'no event could be written');
	expect(others).toEqual([]);
	expect(warning).toMatchObject({ claim: 'ns/a', hint: expect.stringContaining('topobind-events.yaml') });
	expect(told('debug', 'no event could be written')).toHaveLength(5);
	writer.told = () => {};
	await vi.advanceTimersByTimeAsync(5 * SECOND);
	writer.told = forbidden;
	await vi.advanceTimersByTimeAsync(31 * 60 * SECOND);
	expect(told('warn', 'no event could be written')).toHaveLength(2);
});

it('says once that nothing can be examined, and goes on trying', async () => {
	const { told, writer, metrics } = serving('events: false, repair: true');
	writer.trace_ = forbidden;
	await vi.advanceTimersByTimeAsync(13 * SECOND);
	expect(told('warn', 'could not be examined')).toHaveLength(1);
	expect(told('debug', 'could not be examined')).toHaveLength(5);
	expect(await metrics.registry.metrics()).toContain('topobind_pin_repairs_total{result="failed"} 6');
	writer.trace_ = (judged) => traceFor(judged);
	await vi.advanceTimersByTimeAsync(5 * SECOND);
	writer.trace_ = forbidden;
	await vi.advanceTimersByTimeAsync(10 * SECOND);
	expect(told('warn', 'could not be examined')).toHaveLength(2);
});

it('says so where no event tells of a removal', async () => {
	const { told, writer } = serving('events: false, repair: true');
	writer.trace_ = (judged) => traceFor(judged, { provisioner: undefined });
	writer.told = forbidden;
	await vi.advanceTimersByTimeAsync(2 * SECOND);
	expect(told('info', 'the pin of a claim was removed')).toHaveLength(2);
	expect(told('warn', 'no event could be written')).toHaveLength(1);
});

it('logs each removal, and counts what it refuses', async () => {
	const { told, writer, metrics } = serving('events: false, repair: true');
	writer.trace_ = (judged) => traceFor(judged, judged.name === 'a' ? { provisioner: undefined } : {});
	await vi.advanceTimersByTimeAsync(3 * SECOND);
	expect(told('info', 'the pin of a claim was removed')).toMatchObject([{ claim: 'ns/a', node: 'n9' }]);
	const text = await metrics.registry.metrics();
	expect(text).toContain('topobind_pin_repairs_total{result="removed"} 1');
	expect(text).toContain('topobind_pin_repairs_total{result="refused"} 1');
	expect(told('warn', 'node n9 does not exist')).toHaveLength(2);
});

it('makes no rounds on what watches said that are down', async () => {
	const { told, setReady } = serving('events: false');
	setReady(false);
	await vi.advanceTimersByTimeAsync(5 * SECOND);
	expect(told('warn', 'node n9 does not exist')).toEqual([]);
	setReady(true);
	await vi.advanceTimersByTimeAsync(2 * SECOND);
	expect(told('warn', 'node n9 does not exist')).toHaveLength(2);
});

it('logs that a provisioner is silent, after as long as is configured and no sooner', async () => {
	const { told, writer, rounds } = serving('events: false, silenceSeconds: 30', 'n1');
	const pinnedAt = Date.now();
	writer.trace_ = (judged) => traceFor(judged, { pinnedAt, askedAt: pinnedAt });
	await vi.advanceTimersByTimeAsync(29 * SECOND);
	expect(rounds.count().get('PIN_PROVISIONER_SILENT')).toBe(0);
	await vi.advanceTimersByTimeAsync(2 * SECOND);
	expect(rounds.count().get('PIN_PROVISIONER_SILENT')).toBe(2);
	await vi.advanceTimersByTimeAsync(SECOND);
	expect(told('warn', 'no event on record tells of an attempt')).toHaveLength(2);
});

it('says once that silence cannot be told, of all else what there is, and again only after it could be', async () => {
	const { told, writer } = serving('events: false', 'n1');
	const message = 'whether a provisioner sees to a pinned claim could not be told';
	writer.trace_ = forbidden;
	await vi.advanceTimersByTimeAsync(20 * SECOND);
	expect(told('warn', message)).toMatchObject([
		{ claim: 'ns/a', error: 'forbidden', hint: expect.stringContaining('topobind-pins.yaml') },
	]);
	expect(told('debug', message).length).toBeGreaterThan(2);
	writer.trace_ = (judged) => traceFor(judged);
	await vi.advanceTimersByTimeAsync(10 * SECOND);
	writer.trace_ = forbidden;
	await vi.advanceTimersByTimeAsync(10 * SECOND);
	expect(told('warn', message)).toHaveLength(2);
});
