// What manifests/ ships is taken by a real API server, and grants no more than topobind needs.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, paths, pod, useControlPlane } from './shared.ts';
import { grantRights, startTopobind, type Topobind } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const manifests = fileURLToPath(new URL('../../manifests', import.meta.url));
const role: KubeObject = parse(await readFile(join(manifests, 'base/rbac/topobind-clusterrole.yaml'), 'utf8'));

afterAll(() => grantRights(controlPlane));

describe('the API server takes, strictly and without a warning,', async () => {
	const files = (await readdir(manifests, { recursive: true })).filter(
		(file) => file.endsWith('.yaml') && !file.endsWith('kustomization.yaml') && !file.endsWith('-beta.yaml'),
	);
	beforeAll(() => api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'topobind-system' } }));

	test.each(files.sort())('%s', async (file) => {
		const objects = parseAllDocuments(await readFile(join(manifests, file), 'utf8')).map(
			(document) => document.toJS() as KubeObject,
		);
		// Patches of kustomize are no objects of their own.
		for (const object of objects.filter(isWhole)) {
			const { status, warnings, text } = await api.dryRun(object);
			expect({ status, warnings, text: status < 300 ? '' : text }).toEqual({
				status: expect.toBeOneOf([200, 201]),
				warnings: [],
				text: '',
			});
		}
	});
});

function isWhole(object: KubeObject | null): object is KubeObject {
	// topobind's own configuration is no object of the API server's.
	if (object?.apiVersion?.startsWith('topobind.dev/')) return false;
	return object?.kind !== undefined && !(object.kind === 'Deployment' && object.spec?.selector === undefined);
}

test('pods of the Deployment are let into the namespace, which lets in nothing that could be restricted further', async () => {
	const base = async (name: string): Promise<KubeObject> =>
		parse(await readFile(join(manifests, 'base', name), 'utf8'));
	const deployment = await base('deployment.yaml');
	await api.apply(await base('namespace.yaml'));
	const { namespace } = deployment.metadata;
	const podOf = (spec: object) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name: 'one' }, spec });
	const { spec } = deployment.spec.template;
	const { securityContext: _, ...loose } = spec;
	// Admission sees the namespace's label a moment later.
	await expect.poll(async () => (await api.dryRun(podOf(loose))).text).toMatch(/violates PodSecurity "restricted/);
	expect(await api.dryRun(podOf(spec))).toMatchObject({ status: 201, warnings: [] });
});

describe('every right of the ClusterRole is needed', () => {
	const namespace = 'default';
	beforeAll(async () => {
		await controlPlane.createNode('rights-1');
		await api.createAll([localClass('rights'), localVolume('rights', 'rights-1', 'rights')]);
		await api.create({
			apiVersion: 'storage.k8s.io/v1',
			kind: 'StorageClass',
			metadata: { name: 'rights-made' },
			provisioner: 'nobody.test',
			volumeBindingMode: 'WaitForFirstConsumer',
		});
		await api.create(claim({ namespace, name: 'rights', storageClass: 'rights' }));
		await api.create(claim({ namespace, name: 'rights-made', storageClass: 'rights-made' }));
	});
	afterAll(() => controlPlane.deleteNode('rights-1'));

	const rights: { apiGroup: string; resource: string; verb: string }[] = role.rules.flatMap((rule: KubeObject) =>
		rule.apiGroups.flatMap((apiGroup: string) =>
			rule.resources.flatMap((resource: string) => rule.verbs.map((verb: string) => ({ apiGroup, resource, verb }))),
		),
	);
	const reads = rights.filter(({ verb }) => verb === 'list' || verb === 'watch');

	test('with all of them it is ready', async () => {
		await grantRights(controlPlane);
		const topobind = await startTopobind(controlPlane, { mode: 'delegate' });
		expect(await unreadyKinds(topobind)).toEqual([]);
		await topobind.stop();
	});

	test('without list or watch of one kind, that kind is what it waits for', async () => {
		// All at once: what is missing of one kind does not hide what is missing of another.
		for (const verb of ['list', 'watch']) {
			const taken = reads.filter((right) => right.verb === verb && !(verb === 'list' && right.resource === 'nodes'));
			await grantRights(controlPlane, without(taken));
			const topobind = await startTopobind(controlPlane, { mode: 'delegate', unsynced: true });
			// A kind that is not installed is never watched; that it may be listed is how it is found later.
			const missed = taken.filter(({ resource }) => !(verb === 'watch' && resource === 'referencegrants'));
			await expect.poll(() => unreadyKinds(topobind), { timeout: 30_000 }).toHaveLength(missed.length);
			await topobind.stop();
		}
	});

	test('without list of nodes it ends at once and says so', async () => {
		await grantRights(controlPlane, without([{ apiGroup: '', resource: 'nodes', verb: 'list' }]));
		await expect(startTopobind(controlPlane, { mode: 'delegate', unsynced: true })).rejects.toThrow(
			/nodes is forbidden: User "topobind" cannot list resource "nodes"/,
		);
	});

	test.each([
		['get of pods', 'pods', 'get', 'rights-gone', 'rights', /cannot get resource "pods"/],
		['patch of volumes', 'persistentvolumes', 'patch', 'rights', 'rights', /cannot patch resource "persistentvolumes"/],
		[
			'patch of claims',
			'persistentvolumeclaims',
			'patch',
			'rights-made',
			'rights-made',
			/cannot patch resource "persistentvolumeclaims"/,
		],
		['create of bindings', 'pods/binding', 'create', 'rights-free', '', /cannot create resource "pods\/binding"/],
	])('without %s a bind fails and says so', async (_what, resource, verb, name, claimName, message) => {
		await grantRights(controlPlane, without([{ apiGroup: '', resource, verb }]));
		const topobind = await startTopobind(controlPlane, { mode: 'delegate' });
		let uid = 'no-such-pod';
		if (!name.endsWith('gone')) {
			const claims = claimName === '' ? [] : [claimName];
			uid = (await api.create(pod({ namespace, name, schedulerName: 'nobody', claims }))).metadata.uid as string;
		}
		const answer = await fetch(`${topobind.extender}/bind`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ PodName: name, PodNamespace: namespace, PodUID: uid, Node: 'rights-1' }),
		});
		expect(((await answer.json()) as KubeObject).Error).toMatch(message);
		await topobind.stop();
		await api.delete(paths(namespace).pod(name));
	});
});

/** The kinds that /readyz says are not watched. */
async function unreadyKinds(topobind: Topobind): Promise<string[]> {
	const { waiting } = (await (await fetch(`${topobind.admin}/readyz`)).json()) as {
		waiting: { kind: string; problem?: string }[];
	};
	return waiting.filter(({ problem }) => problem?.includes('forbidden')).map(({ kind }) => kind);
}

/** The shipped role, less some rights. */
function without(taken: readonly { apiGroup: string; resource: string; verb: string }[]): KubeObject {
	const isTaken = (apiGroup: string, resource: string, verb: string) =>
		taken.some((right) => right.apiGroup === apiGroup && right.resource === resource && right.verb === verb);
	const rules = role.rules.flatMap((rule: KubeObject) =>
		rule.apiGroups.flatMap((apiGroup: string) =>
			rule.resources.map((resource: string) => ({
				apiGroups: [apiGroup],
				resources: [resource],
				verbs: rule.verbs.filter((verb: string) => !isTaken(apiGroup, resource, verb)),
			})),
		),
	);
	return { ...role, rules: rules.filter(({ verbs }: { verbs: string[] }) => verbs.length > 0) };
}
