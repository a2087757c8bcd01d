// What a client of the API server identifies itself with, in files that a test replaces while they are used.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import type { Certificate } from '../../http/certificates.ts';
import type { Api } from '../harness/index.ts';

/** Where a certificate and its key lie. */
export interface KeyPair {
	readonly cert: string;
	readonly key: string;
}

export function keyPairFiles(dir: string, name: string): KeyPair {
	return { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
}

/** One file after the other, as whoever rotates certificates may do it: in between they do not match. */
export function writeKeyPair(files: KeyPair, { cert, key }: Certificate): void {
	writeFileSync(files.cert, cert);
	writeFileSync(files.key, key, { mode: 0o600 });
}

/** The certificates of all these authorities in one file. */
export function writeBundle(file: string, ...authorities: readonly Certificate[]): void {
	writeFileSync(file, authorities.map(({ cert }) => cert).join(''));
}

/** A kubeconfig that names files; `user` is what kubeconfig files have under that name. Plain HTTP needs no authority. */
export function writeKubeconfig(file: string, server: string, caFile: string | undefined, user: object): string {
	const name = 'rotating';
	const config = {
		apiVersion: 'v1',
		kind: 'Config',
		clusters: [{ name, cluster: { server, ...(caFile && { 'certificate-authority': caFile }) } }],
		users: [{ name, user }],
		contexts: [{ name, context: { cluster: name, user: name } }],
		'current-context': name,
	};
	writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
	return file;
}

/** A token of the service account, which ends with the object that it is bound to. */
export interface Token {
	readonly token: string;
	revoke(): Promise<void>;
}

export async function requestToken(api: Api, namespace: string, serviceAccount: string, name: string): Promise<Token> {
	const secret = await api.create({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name } });
	const core = `/api/v1/namespaces/${namespace}`;
	const { status } = await api.post(`${core}/serviceaccounts/${serviceAccount}/token`, {
		apiVersion: 'authentication.k8s.io/v1',
		kind: 'TokenRequest',
		spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid: secret.metadata.uid } },
	});
	return { token: status.token, revoke: () => api.delete(`${core}/secrets/${name}`) };
}

/** What somebody comes with. */
export interface Identity {
	readonly pair?: Certificate;
	readonly token?: string;
}

/** What the API server answers on a connection of its own; 0 where there is none. */
export async function statusFor(server: string, caFile: string, { pair, token }: Identity): Promise<number> {
	const connect = { ca: readFileSync(caFile), ...(pair && { cert: pair.cert, key: pair.key }) };
	const dispatcher = new Agent({ connect });
	const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
	try {
		const { statusCode, body } = await request(`${server}/api/v1/nodes?limit=1`, { dispatcher, headers });
		await body.dump();
		return statusCode;
	} catch {
		return 0;
	} finally {
		await dispatcher.close();
	}
}
