// kube-scheduler with a configuration of the test's own.

import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Built } from '../build/cache.ts';
import type { KubeObject } from './api.ts';
import type { ControlPlaneInfo } from './control-plane.ts';
import type { User } from './credentials.ts';
import { untilHealthy } from './health.ts';
import { freePorts } from './ports.ts';
import { type Running, startProcess } from './processes.ts';

export interface SchedulerOptions {
	/**
	 * A KubeSchedulerConfiguration, as YAML or as an object; the defaults of
	 * kube-scheduler without it. How to reach the API server is filled in.
	 */
	readonly config?: string | KubeObject;
	/** Sets `schedulerName` of the one profile, so that only such pods are taken. */
	readonly schedulerName?: string;
	/** Who it logs in as; with no more rights than a real kube-scheduler unless said otherwise. */
	readonly user?: User;
	/** Further arguments, such as `-v=4`. */
	readonly args?: readonly string[];
}

/** A running kube-scheduler. */
export interface Scheduler {
	readonly process: Running;
	/** Port of its HTTPS server, with /metrics. */
	readonly port: number;
	stop(): Promise<void>;
}

const emptyConfig = {
	apiVersion: 'kubescheduler.config.k8s.io/v1',
	kind: 'KubeSchedulerConfiguration',
};

/** Starts kube-scheduler and waits until it has seen the cluster. */
export async function startScheduler(
	built: Built,
	info: ControlPlaneInfo,
	options: SchedulerOptions = {},
): Promise<Scheduler> {
	const name = `kube-scheduler-${randomUUID().slice(0, 8)}`;
	const certDir = join(info.dir, name);
	mkdirSync(certDir);
	const configFile = join(certDir, 'config.yaml');
	const kubeconfig = info.access.kubeconfigs[options.user ?? 'scheduler'];
	writeFileSync(configFile, stringify(complete(options, kubeconfig)));

	const [port] = (await freePorts(1)) as [number];
	const process = await startProcess({
		name,
		bin: built.bin['kube-scheduler'],
		args: [
			`--config=${configFile}`,
			'--bind-address=127.0.0.1',
			`--secure-port=${port}`,
			`--cert-dir=${certDir}`,
			...(options.args ?? []),
		],
		dir: info.dir,
	});
	const caFile = join(certDir, 'kube-scheduler.crt');
	await untilHealthy(process, `https://127.0.0.1:${port}/readyz`, { caFile });
	return { process, port, stop: () => process.stop() };
}

function complete(options: SchedulerOptions, kubeconfig: string): KubeObject {
	const given = options.config ?? emptyConfig;
	const config: KubeObject = typeof given === 'string' ? parse(given) : structuredClone(given);
	config.leaderElection = { leaderElect: false };
	config.clientConnection = { qps: 300, burst: 600, ...config.clientConnection, kubeconfig };
	if (options.schedulerName !== undefined) {
		const [profile = {}, ...others] = config.profiles ?? [];
		if (others.length > 0) throw new Error('schedulerName is for a configuration with one profile');
		config.profiles = [{ ...profile, schedulerName: options.schedulerName }];
	}
	return config;
}
