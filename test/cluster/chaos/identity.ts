// What a client of the API proxy shows who it is with: a token, or a certificate. Either lies in files and is replaced now and then.

import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { type Certificate, certificate } from '../../http/certificates.ts';
import { type KeyPair, keyPairFiles, writeBundle, writeKeyPair } from './rotating.ts';

export interface Identity {
	/** What kubeconfig files have under `user`. */
	readonly user: object;
	/** Of the proxy itself, where clients come with certificates; else it speaks plain HTTP. */
	readonly serving?: { readonly pair: Certificate; readonly authority: string; readonly caFile: string };
	accepts(incoming: IncomingMessage): boolean;
	/** What the files hold is accepted no longer. */
	revoke(): void;
	/** Something new is in the files, and accepted. */
	issue(): void;
}

export class TokenIdentity implements Identity {
	readonly user: { readonly tokenFile: string };
	#accepted = '';
	#count = 0;

	constructor(dir: string, name: string) {
		this.user = { tokenFile: join(dir, `${name}.token`) };
		this.issue();
	}

	accepts({ headers }: IncomingMessage): boolean {
		return this.#accepted !== '' && headers.authorization === `Bearer ${this.#accepted}`;
	}

	revoke(): void {
		this.#accepted = '';
	}

	issue(token = `token-${this.#count++}`): void {
		writeFileSync(this.user.tokenFile, token);
		this.#accepted = token;
	}
}

/** As with the API server, a connection lasts, but each of its requests is judged by the certificate that it began with. */
export class CertificateIdentity implements Identity {
	readonly user: object;
	readonly serving: NonNullable<Identity['serving']>;
	readonly #files: KeyPair;
	readonly #clients = certificate({ name: 'clients', authority: true });
	#accepted = '';

	constructor(dir: string, name: string) {
		const servers = certificate({ name: 'servers', authority: true });
		const caFile = join(dir, `${name}.ca.crt`);
		writeBundle(caFile, servers);
		this.serving = { pair: certificate({ name: 'proxy', issuer: servers }), authority: this.#clients.cert, caFile };
		this.#files = keyPairFiles(dir, name);
		this.user = { 'client-certificate': this.#files.cert, 'client-key': this.#files.key };
		this.issue();
	}

	accepts({ socket }: IncomingMessage): boolean {
		const { authorized, getPeerCertificate } = socket as TLSSocket;
		return authorized && getPeerCertificate.call(socket).fingerprint256 === this.#accepted;
	}

	revoke(): void {
		this.#accepted = '';
	}

	issue(): void {
		const next = certificate({ name: 'topobind', issuer: this.#clients });
		writeKeyPair(this.#files, next);
		this.#accepted = new X509Certificate(next.cert).fingerprint256;
	}
}
