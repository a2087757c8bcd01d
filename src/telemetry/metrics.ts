import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';

export type Metrics = ReturnType<typeof createMetrics>;

export interface MetricsOptions {
	/** topobind's own version, for topobind_build_info. */
	readonly version: string;
	readonly mode: string;
	/** Also measure the process. Only once in a process: the library's timers for it never end. */
	readonly process?: boolean;
}

/** From a names-only call of a small cluster to whole nodes of a large one. */
const CALL_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** From a static volume that is bound at once to a slow provisioner. */
const BIND_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** All that topobind measures, in a registry of its own. docs/configuration.md lists the names. */
export function createMetrics({ version, mode, process: ofProcess = false }: MetricsOptions) {
	const registry = new Registry();
	const registers = [registry];

	const requests = new Counter({
		name: 'topobind_extender_requests_total',
		help: 'Calls to the extender listener, by verb and HTTP status.',
		labelNames: ['verb', 'code'] as const,
		registers,
	});
	const requestSeconds = new Histogram({
		name: 'topobind_extender_request_duration_seconds',
		help: 'Time from the headers of a call to the last byte of its answer; bind has a metric of its own.',
		labelNames: ['verb'] as const,
		buckets: CALL_SECONDS,
		registers,
	});
	const refusedNodes = new Counter({
		name: 'topobind_filter_refused_nodes_total',
		help: 'Nodes that filter refused, by reason.',
		labelNames: ['reason'] as const,
		registers,
	});
	const faults = new Counter({
		name: 'topobind_extender_faults_total',
		help: 'Calls in which topobind itself failed, by verb; in companion mode they were answered all the same.',
		labelNames: ['verb'] as const,
		registers,
	});
	const binds = new Counter({
		name: 'topobind_binds_total',
		help: 'Bind calls that ended, by result.',
		labelNames: ['result'] as const,
		registers,
	});
	const bindSeconds = new Histogram({
		name: 'topobind_bind_duration_seconds',
		help: 'Whole duration of bind calls.',
		buckets: BIND_SECONDS,
		registers,
	});
	const nudges = new Counter({
		name: 'topobind_nudges_total',
		help: 'Pods that kube-scheduler was made to try again, by result.',
		labelNames: ['result'] as const,
		registers,
	});
	const podEvents = new Counter({
		name: 'topobind_pod_events_total',
		help: 'Events that tell on a waiting pod what its storage asks of nodes, by result.',
		labelNames: ['result'] as const,
		registers,
	});
	const pinnedClaims = new Gauge({
		name: 'topobind_pinned_claims',
		help: 'Claims that can never be provisioned where they are pinned, by code.',
		labelNames: ['code'] as const,
		registers,
	});
	const pinRepairs = new Counter({
		name: 'topobind_pin_repairs_total',
		help: 'Claims pinned in vain that were examined for a repair, by result.',
		labelNames: ['result'] as const,
		registers,
	});
	const watchEvents = new Counter({
		name: 'topobind_watch_events_total',
		help: 'Watch events received, by kind.',
		labelNames: ['kind'] as const,
		registers,
	});
	const watchLists = new Counter({
		name: 'topobind_watch_lists_total',
		help: 'Full lists of a kind; more than one since the start means that a watch was lost.',
		labelNames: ['kind'] as const,
		registers,
	});
	const watchSynced = new Gauge({
		name: 'topobind_watch_synced',
		help: '1 when the kind has been listed and is being watched, else 0.',
		labelNames: ['kind'] as const,
		registers,
	});
	const assumptions = new Gauge({
		name: 'topobind_assumptions',
		help: 'Writes of topobind that the watch has not confirmed yet.',
		registers,
	});

	new Gauge({
		name: 'topobind_build_info',
		help: 'Always 1; the labels say what runs.',
		labelNames: ['version', 'node', 'mode'] as const,
		registers,
	}).set({ version, node: process.version, mode }, 1);
	if (ofProcess) collectDefaultMetrics({ register: registry, eventLoopUtilizationTimeout: 1000 });

	return {
		registry,
		requests,
		requestSeconds,
		refusedNodes,
		faults,
		binds,
		bindSeconds,
		nudges,
		podEvents,
		pinnedClaims,
		pinRepairs,
		watchEvents,
		watchLists,
		watchSynced,
		assumptions,
	};
}
