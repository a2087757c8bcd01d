// Who may log in to the API server, and the files that say so.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The users of the control plane: `admin` may do everything; `scheduler` has
 * the rights that Kubernetes gives kube-scheduler; `topobind`, and `doctor` for
 * who runs its command, have none but those that a test grants them.
 */
export const users = {
	admin: { name: 'admin', group: 'system:masters' },
	scheduler: { name: 'system:kube-scheduler', group: '' },
	topobind: { name: 'topobind', group: '' },
	doctor: { name: 'doctor', group: '' },
} as const;

export type User = keyof typeof users;

/** What a client needs to act as a user. Plain data, so that it can cross processes. */
export interface Access {
	readonly server: string;
	readonly caFile: string;
	readonly tokens: Readonly<Record<User, string>>;
	readonly kubeconfigs: Readonly<Record<User, string>>;
}

/** Writes a token file, a kubeconfig for each user, and the key that signs service account tokens. */
export function writeCredentials(dir: string, server: string, caFile: string) {
	mkdirSync(dir, { recursive: true });
	const names = Object.keys(users) as User[];
	const forEachUser = (make: (user: User) => string) =>
		Object.fromEntries(names.map((user) => [user, make(user)])) as Record<User, string>;

	const tokens = forEachUser(() => randomUUID());
	const tokenFile = join(dir, 'tokens.csv');
	const rows = names.map((user) => {
		const { name, group } = users[user];
		return [tokens[user], name, name, ...(group ? [group] : [])].join(',');
	});
	writeSecret(tokenFile, `${rows.join('\n')}\n`);

	const kubeconfigs = forEachUser((user) => {
		const file = join(dir, `${user}.kubeconfig`);
		writeSecret(file, kubeconfig(server, caFile, users[user].name, tokens[user]));
		return file;
	});

	const serviceAccountKey = join(dir, 'service-account.key');
	const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
	writeSecret(serviceAccountKey, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());

	const access: Access = { server, caFile, tokens, kubeconfigs };
	return { access, tokenFile, serviceAccountKey };
}

function kubeconfig(server: string, caFile: string, user: string, token: string): string {
	const name = 'test';
	// JSON is YAML.
	return JSON.stringify({
		apiVersion: 'v1',
		kind: 'Config',
		clusters: [{ name, cluster: { server, 'certificate-authority': caFile } }],
		users: [{ name: user, user: { token } }],
		contexts: [{ name, context: { cluster: name, user } }],
		'current-context': name,
	});
}

function writeSecret(file: string, text: string): void {
	writeFileSync(file, text, { mode: 0o600 });
}
