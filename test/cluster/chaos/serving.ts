// topobind as a process behind the API proxy, with a configuration of the test's own.

import { vi } from 'vitest';
import type { WatchReadiness } from '../../../src/cluster/cluster.ts';
import type { ControlPlane, KubeObject } from '../harness/index.ts';
import { impatient, type Mode, schedulerConfig, startTopobind, type Topobind } from '../topobind.ts';
import type { ApiProxy } from './api-proxy.ts';

export interface ServingOptions {
	readonly proxy?: ApiProxy;
	/** Of a user of the test's own, instead of a proxy. */
	readonly kubeconfig?: string;
	/** Where it listens: a free port, unless it is to come back where it was. */
	readonly listen?: string;
	/** Of the configuration file; all else as by default, but the mode, which is delegate. */
	readonly bindTimeoutSeconds?: number;
	readonly mode?: Mode;
	readonly env?: Readonly<Record<string, string>>;
	/** More of the configuration file. */
	readonly config?: object;
	/** Resolve as soon as it listens, synced or not. */
	readonly unsynced?: boolean;
}

export function startServing(controlPlane: ControlPlane, options: ServingOptions = {}): Promise<Topobind> {
	const { proxy, kubeconfig = proxy?.kubeconfig, listen, bindTimeoutSeconds, env, unsynced } = options;
	const bind = bindTimeoutSeconds === undefined ? {} : { bind: { timeoutSeconds: bindTimeoutSeconds } };
	const { info } = controlPlane;
	const kubeconfigs = { ...info.access.kubeconfigs, ...(kubeconfig !== undefined && { topobind: kubeconfig }) };
	const behind = { ...controlPlane, info: { ...info, access: { ...info.access, kubeconfigs } } };
	return startTopobind(behind, {
		mode: options.mode ?? 'delegate',
		...(listen !== undefined && { listen }),
		config: { ...bind, ...options.config },
		...(env && { env }),
		...(unsynced && { unsynced }),
	});
}

/** The shipped configuration, but that failed pods are tried again soon; and how long a bind call may take. */
export async function impatientConfig(url: string, bindTimeout?: string): Promise<KubeObject> {
	const config = await schedulerConfig('delegate', url);
	for (const extender of config.extenders) if (extender.bindVerb && bindTimeout) extender.httpTimeout = bindTimeout;
	return impatient(config);
}

/** What /readyz says. */
export interface Readyz {
	readonly status: number;
	/** The kinds that no watch feeds. */
	readonly waiting: readonly WatchReadiness[];
}

export async function readyz(admin: string): Promise<Readyz> {
	const answer = await fetch(`${admin}/readyz`);
	const { waiting } = (await answer.json()) as Pick<Readyz, 'waiting'>;
	return { status: answer.status, waiting };
}

export const addressOf = (url: string): string => new URL(url).host;

/**
 * Calls /bind as kube-scheduler does; gives the error that it would show, '' for none. When the signal aborts, its
 * connection breaks.
 */
export async function callBind(extender: string, pod: KubeObject, node: string, signal?: AbortSignal): Promise<string> {
	const { namespace, name, uid } = pod.metadata;
	const body = { PodName: name, PodNamespace: namespace, PodUID: uid, Node: node };
	return (await call(extender, 'bind', body, signal)).Error;
}

/** Until topobind has seen so much of a pod's storage that it passes all these nodes; it is asked again and again, bounded. */
export async function untilPassed(extender: string, pod: KubeObject, nodes: readonly string[]): Promise<void> {
	await vi.waitUntil(
		async () => (await call(extender, 'filter', { Pod: pod, NodeNames: nodes })).NodeNames?.length === nodes.length,
		{ timeout: 10_000, interval: 20 },
	);
}

async function call(extender: string, verb: string, body: object, signal?: AbortSignal): Promise<KubeObject> {
	const answer = await fetch(`${extender}/${verb}`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify(body),
		...(signal && { signal }),
	});
	return (await answer.json()) as KubeObject;
}
