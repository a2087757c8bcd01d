/** topobind serve: the service, from its configuration to its end. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import { Binder } from '../binder/binder.ts';
import { KubeConfigError } from '../cluster/api/errors.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { connectKubernetes } from '../cluster/kubernetes.ts';
import { type Address, type Config, ConfigError } from '../config/config.ts';
import { parseServeFlags } from '../config/flags.ts';
import { loadConfig } from '../config/load.ts';
import { configWarnings } from '../config/warnings.ts';
import type { Rounds } from '../doctor/rounds.ts';
import { explainClaim, explainPod } from '../explain/explanation.ts';
import { topologyOf } from '../explain/topology.ts';
import type { PodNotices } from '../notices/pod-notices.ts';
import { buildAdmin } from '../server/admin.ts';
import { ClusterScheduling } from '../server/cluster-scheduling.ts';
import { Decisions } from '../server/decisions.ts';
import { buildExtender } from '../server/extender.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { CommandError, EXIT } from './exit.ts';
import { sandboxHint } from './sandbox-hint.ts';
import { doctorRounds } from './serve-doctor.ts';
import { serveHelp } from './serve-help.ts';
import { noticesFor } from './serve-notices.ts';
import { type Nudging, nudgingFor } from './serve-nudging.ts';
import { VERSION } from './version.ts';

/** How long running binds may go on after SIGTERM; Kubernetes kills after 30 s. */
const GRACE_MS = 20_000;

/** Serves until a signal ends it. Gives the exit code; rejects with a CommandError that says why it cannot serve. */
export async function run(args: readonly string[]): Promise<number> {
	const config = readConfig(args);
	if (typeof config === 'string') {
		process.stdout.write(config);
		return EXIT.ok;
	}
	const logger = createLogger({ level: config.log.level });
	for (const warning of configWarnings(config, process.env)) logger.warn(warning);
	const metrics = createMetrics({ version: VERSION, mode: config.mode, process: true });
	const cluster = await connect(config, logger, metrics);
	const service = await assembleOrStop(config, cluster, logger, metrics);
	cluster.whenSynced.then(
		() => {
			logger.info({ cluster: cluster.description, nodes: cluster.state.nodes.size }, 'every watch has synced');
			service.nudging?.start();
			service.notices?.start();
		},
		() => {},
	);
	service.doctor.start();
	// Before anybody is told that it listens: who is told may end it at once.
	const signals = awaitSignal(service, cluster, logger);
	try {
		const urls = await listen(service, config, logger);
		const manifests = manifestsOf(config);
		if (manifests) process.stdout.write(sandboxHint(cluster, urls, manifests));
	} catch (error) {
		signals.ignore();
		await Promise.all([service.extender.close(), service.admin.close(), service.doctor.stop()]);
		await cluster.stop();
		throw error;
	}
	await signals.ended;
	return EXIT.ok;
}

/** The configuration, or a text that was asked for instead. */
function readConfig(args: readonly string[]): Config | string {
	try {
		const flags = parseServeFlags(args);
		if (flags.help) return serveHelp();
		if (flags.version) return `${VERSION}\n`;
		return loadConfig({ flags, env: process.env, readFile: (path) => readFileSync(path, 'utf8') });
	} catch (error) {
		if (error instanceof ConfigError) throw new CommandError(EXIT.usage, error.problems.join('\n'), { cause: error });
		throw error;
	}
}

async function connect(
	{ cluster: source, sources: { drivers }, mode }: Config,
	logger: Logger,
	metrics: Metrics,
): Promise<Cluster> {
	const judgedBy = { drivers, choosesVolumes: mode === 'delegate' };
	if (source.from === 'manifests' || source.from === 'examples') {
		return startInMemory(source.from === 'examples' ? [EXAMPLES] : source.paths, judgedBy, logger);
	}
	try {
		return await connectKubernetes({
			...(source.from === 'kubeconfig' && { kubeconfig: source.path }),
			...judgedBy,
			logger,
			onList: (kind) => metrics.watchLists.inc({ kind }),
			onEvent: (kind) => metrics.watchEvents.inc({ kind }),
		});
	} catch (error) {
		if (error instanceof KubeConfigError) throw new CommandError(EXIT.usage, error.message, { cause: error });
		throw new CommandError(EXIT.unreachable, (error as Error).message, { cause: error });
	}
}

function manifestsOf({ cluster }: Config): string | undefined {
	if (cluster.from === 'examples') return 'manifests/examples';
	return cluster.from === 'manifests' ? cluster.paths.join(', ') : undefined;
}

const EXAMPLES = fileURLToPath(new URL('../../manifests/examples', import.meta.url));

async function startInMemory(
	paths: readonly string[],
	judgedBy: { readonly drivers: Config['sources']['drivers']; readonly choosesVolumes: boolean },
	logger: Logger,
): Promise<Cluster> {
	// Only the sandbox needs its field tables: they take a while to load.
	const { startSandbox } = await import('../sandbox/cluster.ts');
	const { ManifestError } = await import('../sandbox/load.ts');
	try {
		return await startSandbox({ paths, ...judgedBy, logger });
	} catch (error) {
		if (error instanceof ManifestError) throw new CommandError(EXIT.usage, error.message, { cause: error });
		throw error;
	}
}

interface Service {
	readonly extender: FastifyInstance;
	readonly admin: FastifyInstance;
	readonly binder: Binder;
	readonly nudging: Nudging | undefined;
	readonly notices: PodNotices | undefined;
	readonly doctor: Rounds;
}

/** TLS files are read here: one that is not what it should be is a mistake of the configuration. */
async function assembleOrStop(config: Config, cluster: Cluster, logger: Logger, metrics: Metrics): Promise<Service> {
	try {
		return assemble(config, cluster, logger, metrics);
	} catch (error) {
		await cluster.stop();
		if (!config.tls) throw error;
		throw new CommandError(EXIT.usage, (error as Error).message, { cause: error });
	}
}

function assemble(config: Config, cluster: Cluster, logger: Logger, metrics: Metrics): Service {
	const binder = new Binder(cluster.state, cluster.writer, {
		timeoutMs: config.bind.timeoutSeconds * 1000,
		onEnd({ target, result, ms, error }) {
			metrics.binds.inc({ result });
			metrics.bindSeconds.observe(ms / 1000);
			const told = { pod: `${target.namespace}/${target.name}`, node: target.node, ms: Math.round(ms) };
			if (error) logger.warn({ ...told, result, error: error.message }, 'not bound');
			else logger.info(told, 'bound');
		},
	});
	const nudging = nudgingFor(config, cluster, logger, metrics);
	const doctor = doctorRounds(config, cluster, logger, metrics);
	const decisions = new Decisions(config.decisions);
	const scheduling = new ClusterScheduling(cluster, binder, config.scoring);
	const extender = buildExtender({
		scheduling,
		mode: config.mode,
		bodyLimitBytes: config.bodyLimitBytes,
		logger,
		...(config.tls && { tls: config.tls }),
		metrics: {
			called(verb, status, seconds) {
				metrics.requests.inc({ verb, code: String(status) });
				if (verb !== 'bind') metrics.requestSeconds.observe({ verb }, seconds);
			},
			refused: (reason, nodes) => metrics.refusedNodes.inc({ reason }, nodes),
			fault: (verb) => metrics.faults.inc({ verb }),
		},
		onDecision(decision, { pod, judgement }) {
			decisions.add(decision);
			nudging?.judged(pod, judgement);
		},
	});
	const admin = buildAdmin({
		ready: () => cluster.readiness(),
		metrics: {
			contentType: metrics.registry.contentType,
			render() {
				metrics.assumptions.set(cluster.state.assumed);
				// Before, every node that is still to be listed would be missing.
				if (cluster.synced) {
					for (const [code, count] of doctor.count()) metrics.pinnedClaims.set({ code }, count);
				}
				for (const { kind, synced, staleSince } of cluster.readiness().watches) {
					metrics.watchSynced.set({ kind }, synced && !staleSince ? 1 : 0);
				}
				return metrics.registry.metrics();
			},
		},
		version: VERSION,
		decisions,
		topology: () => topologyOf(cluster.state),
		explanations: {
			findPod: async (namespace, name) => cluster.state.pod(namespace, name) ?? cluster.writer.readPod(namespace, name),
			explainPod: (pod) => explainPod(pod, cluster.state),
			explainClaim: (namespace, name) => explainClaim(namespace, name, cluster.state),
		},
		logger,
	});
	return {
		...{ extender, admin, binder, nudging, doctor },
		notices: noticesFor(config, cluster, logger, metrics),
	};
}

async function listen(service: Service, config: Config, logger: Logger): Promise<{ extender: string; admin: string }> {
	const admin = await listenOn(service.admin, config.adminListen, 'adminListen');
	const extender = await listenOn(service.extender, config.listen, 'listen');
	logger.info({ extender, admin, mode: config.mode, version: VERSION }, 'listening');
	return { extender, admin };
}

async function listenOn(app: FastifyInstance, { host, port }: Address, field: string): Promise<string> {
	try {
		return await app.listen({ host, port });
	} catch (error) {
		const { code, message } = error as NodeJS.ErrnoException;
		const why = code === 'EADDRINUSE' ? 'the port is in use' : message;
		const flag = field === 'listen' ? '--listen' : '--admin-listen';
		throw new CommandError(EXIT.refused, `cannot listen on ${host}:${port}: ${why}; ${flag} HOST:PORT sets another`, {
			cause: error,
		});
	}
}

/** SIGTERM and SIGINT: no new binds, running ones may end, then everything closes. */
function awaitSignal({ extender, admin, binder, doctor }: Service, cluster: Cluster, logger: Logger) {
	const ended = Promise.withResolvers<void>();
	const listener = closeWithGrace({ delay: GRACE_MS + 5_000, logger: false }, async ({ signal, err }) => {
		if (err) logger.fatal({ err }, 'topobind failed');
		else logger.info({ signal, runningBinds: binder.running }, 'shutting down');
		await Promise.all([binder.stop(GRACE_MS), doctor.stop()]);
		await Promise.all([extender.close(), admin.close()]);
		await cluster.stop();
		ended.resolve();
	});
	return { ended: ended.promise, ignore: () => listener.uninstall() };
}
