import { createHash } from 'node:crypto';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { Access, TlsMaterial } from './credentials.ts';

/** Less than the 90 s after which an API server closes an idle connection, so that we close it first. */
const KEEP_ALIVE_MS = 30_000;

/** How long a connection may be silent before the kernel asks whether the other end is still there. */
const TCP_PROBE_AFTER_MS = 30_000;

/**
 * The one pool of connections. It is exchanged when the TLS material changes: requests and watches
 * under way end on the old one, which then closes.
 */
export class Transport {
	#dispatcher: Dispatcher | undefined;
	#fingerprint = '';
	#closed = false;
	readonly #retired = new Set<Dispatcher>();

	dispatcherFor(access: Access): Dispatcher {
		if (this.#closed) throw new Error('the client is closed');
		const fingerprint = fingerprintOf(access);
		if (this.#dispatcher && fingerprint === this.#fingerprint) return this.#dispatcher;
		if (this.#dispatcher) this.#retire(this.#dispatcher);
		this.#dispatcher = connectTo(access);
		this.#fingerprint = fingerprint;
		return this.#dispatcher;
	}

	/** Ends all connections now. */
	async close(): Promise<void> {
		this.#closed = true;
		const all = [...this.#retired, ...(this.#dispatcher ? [this.#dispatcher] : [])];
		await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
	}

	#retire(dispatcher: Dispatcher): void {
		this.#retired.add(dispatcher);
		const forget = () => this.#retired.delete(dispatcher);
		dispatcher.close().then(forget, forget);
	}
}

function connectTo({ tls, proxyUrl }: Access): Dispatcher {
	const connect = { ...tls, keepAliveInitialDelay: TCP_PROBE_AFTER_MS };
	// HTTP/1.1: a watch has a connection of its own, so a stalled one holds up nothing else.
	const options = { allowH2: false, keepAliveTimeout: KEEP_ALIVE_MS };
	return proxyUrl === undefined
		? new Agent({ ...options, connect })
		: new ProxyAgent({ ...options, uri: proxyUrl, requestTls: connect });
}

function fingerprintOf({ tls, proxyUrl }: Access): string {
	const hash = createHash('sha256');
	const fields: (keyof TlsMaterial)[] = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'servername', 'rejectUnauthorized'];
	for (const field of fields) {
		const value = tls[field];
		hash.update(`|${field}=`);
		hash.update(Buffer.isBuffer(value) ? value : String(value));
	}
	return hash.update(`|proxy=${proxyUrl}`).digest('base64');
}
