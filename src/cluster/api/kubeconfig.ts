import { readFileSync, statSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import { type ClientOptions, KubeClient } from './client.ts';
import { type ConfigSource, KubeConfigCredentials, type LoadedConfig } from './credentials.ts';
import { KubeConfigError, ServiceAccountError } from './errors.ts';
import { readCurrentContext } from './kubeconfig-file.ts';

const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const CA_PATH = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt';

export interface LoadOptions extends Omit<ClientOptions, 'credentials'> {
	/** Path of a kubeconfig file. Without it, the pod's service account. */
	readonly kubeconfig?: string;
	/** Goes before the service account's paths; for tests. */
	readonly root?: string;
}

export interface LoadedClient {
	readonly client: KubeClient;
	/** For people: where the credentials come from and which server they are for. */
	readonly description: string;
}

/** Makes a client; sends nothing yet. Throws KubeConfigError or, in a pod and without a kubeconfig, ServiceAccountError. */
export async function loadKubeConfig(options: LoadOptions = {}): Promise<LoadedClient> {
	const { kubeconfig, root = '', ...clientOptions } = options;
	if (kubeconfig === undefined) checkPod(root);
	// Its generated API classes take a second and 80 MB to load: only for those who talk to a cluster.
	const library = await import('@kubernetes/client-node');
	const source =
		kubeconfig === undefined ? serviceAccount(library.KubeConfig, root) : file(library.KubeConfig, kubeconfig);
	const credentials = new KubeConfigCredentials(source);
	const origin =
		kubeconfig === undefined
			? 'service account of this pod'
			: `kubeconfig ${kubeconfig}, context ${credentials.context}`;
	return {
		client: new KubeClient({ ...clientOptions, credentials }),
		description: `${origin}, server ${credentials.server}`,
	};
}

function file(Config: typeof KubeConfig, path: string): ConfigSource {
	return {
		stamp() {
			try {
				const { mtimeMs, size, ino } = statSync(path);
				return `${mtimeMs}/${size}/${ino}`;
			} catch {
				return 'unreadable';
			}
		},
		load() {
			const { name, server, cluster, user, tokenFile } = readCurrentContext(path);
			const config = new Config();
			config.loadFromString(
				JSON.stringify({
					'current-context': name,
					contexts: [{ name, context: { cluster: name, user: name } }],
					clusters: [{ name, cluster: { ...cluster, server } }],
					users: [{ name, user }],
				}),
			);
			allowPlainHttp(config);
			return { config, ...(tokenFile === undefined ? {} : { tokenFile }) };
		},
	};
}

function serviceAccount(Config: typeof KubeConfig, root: string): ConfigSource {
	return {
		// Its files are read for each request; the rest is the environment, which does not change.
		stamp: () => 'service account',
		load(): LoadedConfig {
			const config = new Config();
			config.loadFromCluster(root);
			for (const user of config.users) Object.assign(user, { authProvider: undefined });
			allowPlainHttp(config);
			return { config, tokenFile: root + TOKEN_PATH };
		},
	};
}

/** What Kubernetes gives every pod, and what it gives those with a service account. */
function checkPod(root: string): void {
	const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
	if (!host) throw new KubeConfigError('no kubeconfig was given, and this process does not run in a pod');
	if (!port) throw new ServiceAccountError('KUBERNETES_SERVICE_PORT is not set, though KUBERNETES_SERVICE_HOST is');
	for (const path of [TOKEN_PATH, CA_PATH]) {
		if (read(root + path).trim() === '') throw new ServiceAccountError(`${root + path} is empty`);
	}
}

function read(path: string): string {
	try {
		return readFileSync(path, 'utf8');
	} catch (error) {
		throw new ServiceAccountError(`${path} cannot be read: ${(error as Error).message}`, error);
	}
}

/** KubeConfig refuses a plain HTTP server unless verification is off, though there is nothing to verify. */
function allowPlainHttp(config: KubeConfig): void {
	for (const cluster of config.clusters) {
		if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true });
	}
}
