// topobind as a process of its own, as a user with exactly the rights of manifests/, and the scheduler that calls it.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import {
	type ControlPlane,
	failure,
	type KubeObject,
	type Running,
	type Scheduler,
	startProcess,
	users,
} from './harness/index.ts';
import { type Recorder, startRecorder } from './recorder.ts';

export type Mode = 'companion' | 'delegate';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Topobind {
	readonly process: Running;
	readonly extender: string;
	readonly admin: string;
	/** Its log lines so far. */
	log(): Promise<KubeObject[]>;
	stop(): Promise<void>;
}

export interface TopobindOptions {
	readonly mode: Mode;
	/** Where it listens; a free port unless it is to come back where it was. */
	readonly listen?: string;
	/** Further environment. */
	readonly env?: Readonly<Record<string, string>>;
	/** Content of a configuration file, without apiVersion and kind. */
	readonly config?: object;
	/** Resolve as soon as it listens, synced or not. */
	readonly unsynced?: boolean;
}

export interface SchedulingOptions extends TopobindOptions {
	/** See `impatient`. */
	readonly impatient?: boolean;
}

let count = 0;

/** Starts it and waits until every watch has synced. */
export async function startTopobind(controlPlane: ControlPlane, options: TopobindOptions): Promise<Topobind> {
	const { dir, access } = controlPlane.info;
	const name = `topobind-${process.pid}-${count++}`;
	const configFile = join(dir, `${name}.yaml`);
	await writeFile(
		configFile,
		JSON.stringify({ apiVersion: 'topobind.dev/v1alpha1', kind: 'TopobindConfiguration', ...options.config }),
	);
	const running = await startProcess({
		name,
		bin: process.execPath,
		args: [
			...[
				join(root, 'src/main.ts'),
				'serve',
				'--config',
				configFile,
				'--mode',
				options.mode,
				'--kubeconfig',
				access.kubeconfigs.topobind,
			],
			...['--listen', options.listen ?? '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--log-level', 'debug'],
		],
		env: { ...options.env },
		dir,
	});
	const log = () => linesOf(running);
	const listening = await untilLogged(running, 'listening');
	if (!options.unsynced) await untilLogged(running, 'every watch has synced');
	const { extender, admin } = listening as unknown as { extender: string; admin: string };
	return { process: running, extender, admin, log, stop: () => running.stop(25_000) };
}

async function linesOf(running: Running): Promise<KubeObject[]> {
	const text = await readFile(running.logFile, 'utf8');
	return text
		.split('\n')
		.filter((line) => line.startsWith('{') && line.endsWith('}'))
		.map((line) => JSON.parse(line));
}

/** The log is a file, so it is read again and again; bounded, and ended by the end of the process. */
async function untilLogged(running: Running, message: string, timeoutMs = 60_000): Promise<KubeObject> {
	const deadline = Date.now() + timeoutMs;
	for (;;) {
		const found = (await linesOf(running)).find(({ msg }) => msg === message);
		if (found) return found;
		if (!running.alive()) throw failure(`topobind ended before it logged "${message}"`, running);
		if (Date.now() > deadline) throw failure(`topobind did not log "${message}" within ${timeoutMs} ms`, running);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

/**
 * The user `topobind` gets the rights that scheduling takes, of manifests/, and no more: its ClusterRole, and to have
 * kube-scheduler try a pod again. Without the latter a pod that kube-scheduler asks about before topobind has seen its claim
 * waits for whatever happens next.
 */
export async function grantRights(controlPlane: ControlPlane, role?: KubeObject): Promise<void> {
	const { api } = controlPlane;
	const file = await readFile(join(root, 'manifests/base/rbac/topobind-clusterrole.yaml'), 'utf8');
	await api.apply(role ?? parse(file));
	await api.apply({
		apiVersion: 'rbac.authorization.k8s.io/v1',
		kind: 'ClusterRoleBinding',
		metadata: { name: 'topobind' },
		roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'topobind' },
		subjects: [{ kind: 'User', name: users.topobind.name, apiGroup: 'rbac.authorization.k8s.io' }],
	});
	await grant(controlPlane, 'topobind-nudge.yaml');
	if (!role) await untilAllowed(controlPlane);
}

/** The API server learns of rights by a watch of its own, and who is refused its first call of all does not try again; bounded. */
async function untilAllowed({ apiAs }: ControlPlane): Promise<void> {
	const user = apiAs('topobind');
	for (const deadline = Date.now() + 10_000; ; ) {
		try {
			await user.get('/api/v1/nodes?limit=1');
			return;
		} catch (error) {
			if (Date.now() > deadline) throw error;
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
	}
}

/** And the right to leave events on pods and claims. */
export async function grantEvents(controlPlane: ControlPlane): Promise<void> {
	await grant(controlPlane, 'topobind-events.yaml');
}

/** And the right to look closer at pinned claims: for repairs, and for provisioners that are silent. */
export async function grantPins(controlPlane: ControlPlane): Promise<void> {
	await grant(controlPlane, 'topobind-pins.yaml');
}

/** A role and its binding, as shipped but for whom it is bound to. */
async function grant({ api }: ControlPlane, file: string): Promise<void> {
	const [role, binding] = await rbac(file);
	await api.apply(role as KubeObject);
	const subjects = [{ kind: 'User', name: users.topobind.name, apiGroup: 'rbac.authorization.k8s.io' }];
	await api.apply({ ...(binding as KubeObject), subjects });
}

/** The objects of a file of manifests/base/rbac. */
export async function rbac(file: string): Promise<KubeObject[]> {
	const text = await readFile(join(root, 'manifests/base/rbac', file), 'utf8');
	return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

export interface Scheduling {
	/** What pods set to be scheduled through topobind. */
	readonly schedulerName: string;
	readonly topobind: Topobind;
	readonly scheduler: Scheduler;
	/** What the scheduler asked and topobind answered. */
	readonly recorder: Recorder;
}

/** kube-scheduler with the configuration that scheduler-config/ ships, calling topobind. */
export async function startScheduling(controlPlane: ControlPlane, options: SchedulingOptions): Promise<Scheduling> {
	await grantRights(controlPlane);
	const topobind = await startTopobind(controlPlane, options);
	const recorder = await startRecorder(topobind.extender);
	const schedulerName = `topobind-${options.mode}-${count++}`;
	const config = await schedulerConfig(options.mode, recorder.url);
	const scheduler = await controlPlane.startScheduler({
		config: options.impatient ? impatient(config) : config,
		schedulerName,
		user: 'scheduler',
	});
	return { schedulerName, topobind, scheduler, recorder };
}

/** The shipped file, but for where topobind is. */
export async function schedulerConfig(mode: Mode, url: string): Promise<KubeObject> {
	const config = parse(await readFile(join(root, 'scheduler-config', `${mode}.yaml`), 'utf8'));
	for (const extender of config.extenders) extender.urlPrefix = url;
	return config;
}

/** Pods that failed are tried again after a second at most: what happened longer ago has no effect any more. */
export function impatient(config: KubeObject): KubeObject {
	return { ...config, podInitialBackoffSeconds: 1, podMaxBackoffSeconds: 1 };
}

/** delegate.yaml without its extenders: nobody looks at storage. */
export async function blindSchedulerConfig(): Promise<KubeObject> {
	const { extenders: _, ...config } = await schedulerConfig('delegate', '');
	return config as KubeObject;
}
