import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

const options = { version: '1.2.3', mode: 'companion' };

describe('metrics', () => {
	it('are counted in a registry of their own', async () => {
		const one = createMetrics(options);
		const other = createMetrics(options);
		one.requests.inc({ verb: 'filter', code: 200 });
		one.refusedNodes.inc({ reason: 'CAPACITY' }, 3);
		expect(await one.registry.metrics()).toContain('topobind_extender_requests_total{verb="filter",code="200"} 1');
		expect(await one.registry.metrics()).toContain('topobind_filter_refused_nodes_total{reason="CAPACITY"} 3');
		expect(await other.registry.metrics()).not.toContain('verb="filter"');
	});

	it('tell what runs', async () => {
		const text = await createMetrics(options).registry.metrics();
		expect(text).toContain(`topobind_build_info{version="1.2.3",node="${process.version}",mode="companion"} 1`);
	});

	it('tell calls of milliseconds from calls of seconds', async () => {
		const { requestSeconds, registry } = createMetrics(options);
		for (const seconds of [0.0004, 0.003, 0.4, 30]) requestSeconds.observe({ verb: 'filter' }, seconds);
		const text = await registry.getSingleMetricAsString('topobind_extender_request_duration_seconds');
		const counts = [...text.matchAll(/_bucket\{.*\} (\d+)/g)].map(([, count]) => Number(count));
		expect(new Set(counts)).toEqual(new Set([1, 2, 3, 4]));
	});

	it('measure the process only where asked to', async () => {
		expect(await createMetrics(options).registry.metrics()).not.toContain('process_cpu');
		expect(await createMetrics({ ...options, process: true }).registry.metrics()).toContain(
			'process_cpu_seconds_total',
		);
	});
});
