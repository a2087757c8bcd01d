// `topobind doctor` as a process of its own, as a user with exactly the rights of manifests/base/rbac/topobind-doctor.yaml.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PinReport } from '../../src/doctor/report.ts';
import { type ControlPlane, type KubeObject, users } from './harness/index.ts';
import { rbac } from './topobind.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface DoctorRun {
	readonly code: number;
	readonly pins: readonly PinReport[];
	readonly stdout: string;
	readonly stderr: string;
}

export interface DoctorOptions {
	readonly args?: readonly string[];
	/** Content of a configuration file, without apiVersion and kind. */
	readonly config?: object;
}

let count = 0;

/** Runs it to its end, with `-o json`. */
export async function runDoctor({ info }: ControlPlane, options: DoctorOptions = {}): Promise<DoctorRun> {
	const { args = [], config = {} } = options;
	const configFile = join(info.dir, `doctor-${process.pid}-${count++}.yaml`);
	await writeFile(
		configFile,
		JSON.stringify({ apiVersion: 'topobind.dev/v1alpha1', kind: 'TopobindConfiguration', ...config }),
	);
	const all = [main, 'doctor', '--kubeconfig', info.access.kubeconfigs.doctor, '--config', configFile, '-o', 'json'];
	const env = { PATH: process.env.PATH, HOME: info.dir };
	return new Promise((resolve) => {
		execFile(process.execPath, [...all, ...args], { env, timeout: 90_000 }, (error, stdout, stderr) => {
			const code = error ? Number(error.code ?? -1) : 0;
			resolve({ code, pins: stdout === '' ? [] : JSON.parse(stdout).pins, stdout, stderr });
		});
	});
}

/** The user `doctor` may look and, if wanted, repair; `change` makes less of the rules. */
export async function grantDoctor(
	{ api }: ControlPlane,
	{ repair, change = (role) => role }: { repair: boolean; change?: (role: KubeObject) => KubeObject },
): Promise<void> {
	const roles = (await rbac('topobind-doctor.yaml')).map(change);
	for (const [index, role] of roles.entries()) {
		const { name } = role.metadata;
		const isGranted = index === 0 || repair;
		await api.apply(role);
		await api.apply({
			apiVersion: 'rbac.authorization.k8s.io/v1',
			kind: 'ClusterRoleBinding',
			metadata: { name },
			roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
			subjects: isGranted ? [{ kind: 'User', name: users.doctor.name, apiGroup: 'rbac.authorization.k8s.io' }] : [],
		});
	}
}
