/** X.509 certificates made on the spot, so that no private key lies in the repository. Just enough DER for TLS. */

import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface Certificate {
	readonly name: string;
	/** PEM. */
	readonly cert: string;
	/** PEM. */
	readonly key: string;
}

export interface CertificateOptions {
	readonly name: string;
	readonly authority?: boolean;
	/** Itself, by default. */
	readonly issuer?: Certificate;
	/** From now on; by default a day. */
	readonly validForMs?: number;
}

/** Valid since yesterday, for its name as a DNS name, and for 127.0.0.1. */
export function certificate(options: CertificateOptions): Certificate {
	const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
	const issuer = options.issuer ?? { name: options.name, key };
	const body = sequence(
		tagged(0xa0, integer(Buffer.from([2]))),
		integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
		ECDSA_SHA256,
		commonName(issuer.name),
		sequence(time(-DAY), time(options.validForMs ?? DAY)),
		commonName(options.name),
		publicKey.export({ type: 'spki', format: 'der' }),
		tagged(0xa3, sequence(basicConstraints(options.authority ?? false), alternativeName(options.name))),
	);
	const signature = sign('sha256', body, createPrivateKey(issuer.key));
	const der = sequence(body, ECDSA_SHA256, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
	const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
	return {
		name: options.name,
		key,
		cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
	};
}

const DAY = 86_400_000;
const ECDSA_SHA256 = sequence(objectId('2a8648ce3d040302'));

function basicConstraints(authority: boolean): Buffer {
	const value = authority ? sequence(tagged(0x01, Buffer.from([0xff]))) : sequence();
	return sequence(objectId('551d13'), tagged(0x01, Buffer.from([0xff])), tagged(0x04, value));
}

function alternativeName(name: string): Buffer {
	const names = sequence(tagged(0x82, Buffer.from(name)), tagged(0x87, Buffer.from([127, 0, 0, 1])));
	return sequence(objectId('551d11'), tagged(0x04, names));
}

function commonName(name: string): Buffer {
	return sequence(tagged(0x31, sequence(objectId('550403'), tagged(0x0c, Buffer.from(name)))));
}

function time(fromNow: number): Buffer {
	const digits = new Date(Date.now() + fromNow).toISOString().replace(/\.\d+|\D/g, '');
	return tagged(0x18, Buffer.from(`${digits.slice(0, 14)}Z`));
}

function objectId(hex: string): Buffer {
	return tagged(0x06, Buffer.from(hex, 'hex'));
}

function integer(value: Buffer): Buffer {
	return tagged(0x02, value);
}

function sequence(...parts: Buffer[]): Buffer {
	return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
	const { length } = content;
	const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
	return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
