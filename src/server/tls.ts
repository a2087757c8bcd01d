import { readFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import type { TlsFiles } from '../config/config.ts';

/** Reads the PEM files, once. Throws an Error that names the field and the file that cannot be read. */
export function tlsOptions(files: TlsFiles): ServerOptions {
	const pair = { cert: read('certFile', files.certFile), key: read('keyFile', files.keyFile) };
	if (files.clientCAFile === undefined) return pair;
	return { ...pair, ca: read('clientCAFile', files.clientCAFile), requestCert: true, rejectUnauthorized: true };
}

function read(field: string, path: string): Buffer {
	try {
		return readFileSync(path);
	} catch (error) {
		throw new Error(`tls.${field}: ${(error as Error).message}`);
	}
}
