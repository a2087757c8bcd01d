import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { KubeConfig } from '@kubernetes/client-node';

export type TlsMaterial = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase'> & {
	servername?: string;
	rejectUnauthorized?: boolean;
};

/** What one request needs to be let in. */
export interface Access {
	/** May have a path, which goes before every request's. */
	readonly server: URL;
	readonly headers: Readonly<Record<string, string>>;
	readonly tls: TlsMaterial;
	readonly proxyUrl?: string;
}

export interface Credentials {
	/** The server's URL as it may be shown: no user information in it. */
	readonly server: string;
	/** The credentials as they are now. Rejects when a file or an exec plugin does not give them. */
	read(): Promise<Access>;
	/** To be told when the server answered 401: what is cached is not to be used again. */
	forget(): void;
}

/** Where a KubeConfig comes from. */
export interface ConfigSource {
	/** Changes when `load` would give something else. Never throws. */
	stamp(): string;
	/** Throws KubeConfigError. */
	load(): LoadedConfig;
}

export interface LoadedConfig {
	readonly config: KubeConfig;
	/** Kept apart from the KubeConfig, which would go on using a token for a minute after it was replaced. */
	readonly tokenFile?: string;
}

/**
 * Credentials of a kubeconfig or a service account, read for each request, so that whatever rotates
 * is used at once: token files, certificate files, exec plugins, and the kubeconfig file itself.
 */
export class KubeConfigCredentials implements Credentials {
	readonly #source: ConfigSource;
	#stamp: string;
	#loaded: LoadedConfig;
	#reading: Promise<Access> | undefined;

	/** Throws KubeConfigError. */
	constructor(source: ConfigSource) {
		this.#source = source;
		this.#stamp = source.stamp();
		this.#loaded = source.load();
	}

	get server(): string {
		return showServer(this.#server());
	}

	get context(): string {
		return this.#loaded.config.getCurrentContext();
	}

	/** Calls that overlap share one reading: twelve watches that start together run an exec plugin once. */
	read(): Promise<Access> {
		this.#reading ??= this.#read()
			.catch((error) => {
				throw new Error(`no credentials: ${describe(error)}`);
			})
			.finally(() => {
				this.#reading = undefined;
			});
		return this.#reading;
	}

	forget(): void {
		this.#stamp = '';
	}

	async #read(): Promise<Access> {
		this.#reload();
		const { config, tokenFile } = this.#loaded;
		const options: RequestOptions = {};
		await config.applyToHTTPSOptions(options);
		const headers: Record<string, string> = {};
		for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value);
		if (options.auth) headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
		if (tokenFile !== undefined) headers.Authorization = `Bearer ${await readToken(tokenFile)}`;
		const proxyUrl = config.getCurrentCluster()?.proxyUrl;
		return {
			server: this.#server(),
			headers,
			tls: tlsMaterial(options),
			...(proxyUrl ? { proxyUrl } : {}),
		};
	}

	/** A file that is being replaced may be gone or half written: what was loaded last serves until it is whole. */
	#reload(): void {
		const stamp = this.#source.stamp();
		if (stamp === this.#stamp) return;
		try {
			this.#loaded = this.#source.load();
			this.#stamp = stamp;
		} catch {
			// The old stamp stays, so the next request tries again.
		}
	}

	#server(): URL {
		return new URL(this.#loaded.config.getCurrentCluster()?.server ?? '');
	}
}

/** A server's URL for messages and logs. */
export function showServer(server: URL): string {
	return server.origin + server.pathname.replace(/\/$/, '');
}

/** Without the error itself: what an exec plugin prints where JSON is expected may be a token. */
function describe(error: unknown): string {
	if (error instanceof SyntaxError) return 'the exec plugin did not print JSON';
	return error instanceof Error ? error.message.trim().slice(0, 500) : String(error);
}

async function readToken(file: string): Promise<string> {
	const token = (await readFile(file, 'utf8')).trim();
	if (token === '') throw new Error(`the token file ${file} is empty`);
	return token;
}

function tlsMaterial(options: RequestOptions): TlsMaterial {
	const tls: TlsMaterial = {};
	if (options.ca !== undefined) tls.ca = options.ca;
	if (options.cert !== undefined) tls.cert = options.cert;
	if (options.key !== undefined) tls.key = options.key;
	if (options.pfx !== undefined) tls.pfx = options.pfx;
	if (options.passphrase !== undefined) tls.passphrase = options.passphrase;
	if (options.servername !== undefined) tls.servername = options.servername;
	if (options.rejectUnauthorized !== undefined) tls.rejectUnauthorized = options.rejectUnauthorized;
	return tls;
}
