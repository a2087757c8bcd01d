import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { LineCounter, parseDocument } from 'yaml';
import { KubeConfigError } from './errors.ts';

type Fields = Record<string, unknown>;

/** The current context of a kubeconfig file: what the client needs, and nothing of the other contexts. */
export interface CurrentContext {
	readonly name: string;
	readonly server: string;
	/** Fields of `clusters[].cluster` and `users[].user`, with paths made absolute. */
	readonly cluster: Fields;
	readonly user: Fields;
	readonly tokenFile?: string;
}

/** Throws KubeConfigError, which names the file and never quotes its contents: they may be secret. */
export function readCurrentContext(file: string): CurrentContext {
	const fail: Fail = (what, cause) => {
		throw new KubeConfigError(`kubeconfig ${file} ${what}`, cause);
	};
	const document = parse(readText(file, fail), fail);
	const name = document['current-context'];
	if (typeof name !== 'string' || name === '')
		return fail('has no current-context; kubectl config use-context sets one');
	const context = entry(document, 'contexts', 'context', name, 'current-context', fail);
	const cluster = entry(document, 'clusters', 'cluster', context.cluster, `context "${name}"`, fail);
	const user = context.user ? entry(document, 'users', 'user', context.user, `context "${name}"`, fail) : {};
	const server = checkServer(cluster.server, String(context.cluster), fail);

	const folder = dirname(resolve(file));
	for (const field of ['certificate-authority']) settlePath(cluster, field, folder);
	for (const field of ['client-certificate', 'client-key', 'tokenFile']) settlePath(user, field, folder);
	if (server.protocol === 'https:') checkTls(cluster, user, fail);
	if (isFields(user.exec)) user.exec = settleExec(user.exec, cluster, folder);
	const { tokenFile, ...rest } = user;
	return {
		name,
		server: server.href.replace(/\/$/, ''),
		cluster,
		user: rest,
		...(typeof tokenFile === 'string' ? { tokenFile } : {}),
	};
}

type Fail = (what: string, cause?: unknown) => never;

function readText(file: string, fail: Fail): string {
	try {
		return readFileSync(file, 'utf8');
	} catch (error) {
		return fail(`cannot be read: ${describeFileError(error)}`, error);
	}
}

function parse(text: string, fail: Fail): Fields {
	const lines = new LineCounter();
	const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
	const [error] = document.errors;
	if (error) {
		const { line, col } = lines.linePos(error.pos[0]);
		fail(`is not valid YAML: ${error.code} at line ${line}, column ${col}`);
	}
	const root = convert(() => document.toJS(), fail);
	if (!isFields(root)) return fail('is not a kubeconfig: it is not a mapping');
	if (root.kind !== undefined && root.kind !== 'Config')
		fail(`is not a kubeconfig: its kind is ${JSON.stringify(root.kind)}`);
	return root;
}

/** Aliases are resolved only here, so this is where a wrong one is found. */
function convert(toJs: () => unknown, fail: Fail): unknown {
	try {
		return toJs();
	} catch (error) {
		return fail('is not valid YAML: it has an alias that cannot be resolved', error);
	}
}

/** The fields of the entry called `name` in one of the three lists of a kubeconfig. */
function entry(document: Fields, list: string, field: string, name: unknown, wantedBy: string, fail: Fail): Fields {
	if (typeof name !== 'string' || name === '') return fail(`is incomplete: ${wantedBy} names no ${field}`);
	const entries = document[list];
	if (!Array.isArray(entries)) return fail(`is incomplete: it has no ${list}`);
	const found = entries.find((candidate) => isFields(candidate) && candidate.name === name);
	if (!isFields(found)) {
		const known = entries.map((candidate) => (isFields(candidate) ? `"${candidate.name}"` : '?'));
		return fail(`has no ${field} "${name}", which ${wantedBy} names; it has ${known.join(', ') || 'none'}`);
	}
	const fields = found[field] ?? (list === 'users' ? {} : undefined);
	return isFields(fields) ? { ...fields } : fail(`is incomplete: ${list} entry "${name}" has no ${field}`);
}

function checkServer(server: unknown, cluster: string, fail: Fail): URL {
	if (typeof server !== 'string' || server === '') return fail(`is incomplete: cluster "${cluster}" has no server`);
	const url = URL.parse(server);
	if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
		return fail(`is wrong: the server of cluster "${cluster}" is not an http or https URL`);
	}
	return url;
}

/** Makes a path absolute; drops it where the same thing is also given as data, which counts for more. */
function settlePath(fields: Fields, field: string, folder: string): void {
	const path = fields[field];
	if (typeof path !== 'string' || path === '' || fields[`${field}-data`]) delete fields[field];
	else fields[field] = isAbsolute(path) ? path : join(folder, path);
}

/** A wrong file or a key that is not the certificate's is better told now than at the first handshake. */
function checkTls(cluster: Fields, user: Fields, fail: Fail): void {
	const ca = material(cluster, 'certificate-authority', fail);
	const cert = material(user, 'client-certificate', fail);
	const key = material(user, 'client-key', fail);
	try {
		createSecureContext({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) });
	} catch (error) {
		fail(`has TLS material that cannot be used: ${error instanceof Error ? error.message : error}`, error);
	}
}

function material(fields: Fields, field: string, fail: Fail): Buffer | undefined {
	const path = fields[field];
	const data = fields[`${field}-data`];
	if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64');
	if (typeof path !== 'string') return undefined;
	try {
		return readFileSync(path);
	} catch (error) {
		return fail(`names a ${field} that cannot be read: ${path}: ${describeFileError(error)}`, error);
	}
}

/**
 * A command with a folder in it is relative to the kubeconfig, and a plugin learns the version of the
 * protocol from KUBERNETES_EXEC_INFO; KubeConfig does neither.
 */
function settleExec(exec: Fields, cluster: Fields, folder: string): Fields {
	const command = String(exec.command ?? '');
	const info = {
		apiVersion: exec.apiVersion,
		kind: 'ExecCredential',
		spec: { interactive: false, ...(exec.provideClusterInfo === true ? { cluster: clusterInfo(cluster) } : {}) },
	};
	return {
		...exec,
		command: command.includes('/') && !isAbsolute(command) ? join(folder, command) : command,
		env: [...(Array.isArray(exec.env) ? exec.env : []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }],
	};
}

function clusterInfo(cluster: Fields): Fields {
	const path = cluster['certificate-authority'];
	return {
		...cluster,
		'certificate-authority': undefined,
		'certificate-authority-data':
			typeof path === 'string' ? readFileSync(path).toString('base64') : cluster['certificate-authority-data'],
	};
}

function isFields(value: unknown): value is Fields {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describeFileError(error: unknown): string {
	const known: Record<string, string> = {
		ENOENT: 'no such file',
		EACCES: 'permission denied',
		EISDIR: 'it is a folder',
	};
	const { code = '', message } = error as NodeJS.ErrnoException;
	return known[code] ?? message;
}
