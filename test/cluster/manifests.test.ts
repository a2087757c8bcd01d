// What manifests/ ships is taken by a real API server, and grants no more than topobind needs.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type DoctorRun, grantDoctor, runDoctor } from './doctor.ts';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, isBound, paths, pod, selectedNode, useControlPlane } from './shared.ts';
import { grantEvents, grantPins, grantRights, rbac, startTopobind, type Topobind } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const manifests = fileURLToPath(new URL('../../manifests', import.meta.url));
const role: KubeObject = parse(await readFile(join(manifests, 'base/rbac/topobind-clusterrole.yaml'), 'utf8'));
const [eventsRole] = (await rbac('topobind-events.yaml')) as [KubeObject];
const [pinsRole] = (await rbac('topobind-pins.yaml')) as [KubeObject];
const [lookRole, treatRole] = (await rbac('topobind-doctor.yaml')) as [KubeObject, KubeObject];

afterAll(async () => {
	await grantRights(controlPlane);
	await grantEvents(controlPlane);
	await grantPins(controlPlane);
	await grantDoctor(controlPlane, { repair: true });
});

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
		await api.create(localVolume('rights-bound', 'rights-1', 'rights'));
		const bound = claim({ namespace, name: 'rights-bound', storageClass: 'rights' });
		await api.create({ ...bound, spec: { ...bound.spec, volumeName: 'rights-bound' } });
		await api.waitFor(paths(namespace).claim('rights-bound'), isBound);
	});
	afterAll(() => controlPlane.deleteNode('rights-1'));

	const reads = rightsOf(role).filter(({ verb }) => verb === 'list' || verb === 'watch');

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
			await grantRights(controlPlane, without(role, taken));
			const topobind = await startTopobind(controlPlane, { mode: 'delegate', unsynced: true });
			// A kind that is not installed is never watched; that it may be listed is how it is found later.
			const missed = taken.filter(({ resource }) => !(verb === 'watch' && resource === 'referencegrants'));
			await expect.poll(() => unreadyKinds(topobind), { timeout: 30_000 }).toHaveLength(missed.length);
			await topobind.stop();
		}
	});

	test('without list of nodes it ends at once and says so', async () => {
		await grantRights(controlPlane, without(role, [{ apiGroup: '', resource: 'nodes', verb: 'list' }]));
		await expect(startTopobind(controlPlane, { mode: 'delegate', unsynced: true })).rejects.toThrow(
			/nodes is forbidden: User "topobind" cannot list resource "nodes"/,
		);
	});

	test.each([
		['get of pods', 'pods', 'get', 'rights-gone', 'rights', /cannot get resource "pods"/],
		[
			'get of claims',
			'persistentvolumeclaims',
			'get',
			'rights-bound',
			'rights-bound',
			/cannot get resource "persistentvolumeclaims"/,
		],
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
		await grantRights(controlPlane, without(role, [{ apiGroup: '', resource, verb }]));
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

describe('what concerns claims that are pinned in vain', () => {
	const namespace = 'default';
	const path = paths(namespace).claim('rights-pinned');
	/** Of a class that nothing provisions for, so that no provisioner was asked and the pin may go. */
	const pinAgain = () =>
		api.patch(path, { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'rights-2' } } });

	beforeAll(async () => {
		await grantRights(controlPlane);
		await controlPlane.createNode('rights-2');
		await api.create(localClass('rights-pinned'));
		await api.create(claim({ namespace, name: 'rights-pinned', storageClass: 'rights-pinned' }));
		await pinAgain();
		return () => controlPlane.deleteNode('rights-2');
	});
	beforeEach(async () => {
		await grantEvents(controlPlane);
		await grantPins(controlPlane);
		await pinAgain();
	});

	describe('in serve', () => {
		const serve = (doctor: object) =>
			startTopobind(controlPlane, { mode: 'companion', config: { doctor: { intervalSeconds: 1, ...doctor } } });
		const tells = (topobind: Topobind, msg: string, error: RegExp) =>
			vi.waitFor(
				async () =>
					expect(await topobind.log()).toContainEqual(
						expect.objectContaining({ level: 'warn', msg, error: expect.stringMatching(error) }),
					),
				{ timeout: 20_000, interval: 100 },
			);

		test('with the rights that are shipped it is told of, and made free', async () => {
			const topobind = await serve({ repair: true });
			const about = { namespace, kind: 'PersistentVolumeClaim', name: 'rights-pinned' };
			await api.waitForEvent(about, ({ reason }) => reason === 'TopobindPinFound');
			await api.waitForEvent(about, ({ reason }) => reason === 'TopobindPinRemoved');
			await topobind.stop();
		});

		// The event is there by now, so that it is to be counted.
		test.each(rightsOf(eventsRole))('without $verb of $resource it says so', async (right) => {
			await api.apply(without(eventsRole, [right]));
			const topobind = await serve({});
			await tells(topobind, 'no event could be written on a pinned claim', refusalOf(right));
			await topobind.stop();
		});

		test.each(rightsOf(pinsRole))('without $verb of $resource nothing is repaired, and it says so', async (right) => {
			await api.apply(without(pinsRole, [right]));
			const topobind = await serve({ repair: true });
			await tells(topobind, 'a pinned claim could not be examined or repaired', refusalOf(right));
			await topobind.stop();
			expect(selectedNode(await api.get(path))).toBe('rights-2');
		});
	});

	describe('in the command', () => {
		const doctor = (...args: string[]) => runDoctor(controlPlane, { args: ['-n', namespace, ...args] });
		const outcome = ({ pins }: DoctorRun) => pins.find(({ claim: name }) => name === 'rights-pinned');

		const lessen = (...taken: Right[]) =>
			grantDoctor(controlPlane, { repair: true, change: (each) => without(each, taken) });
		const isWatched = ({ verb, resource }: Right) => ['list', 'watch'].includes(verb) && resource !== 'events';
		const isEvent = ({ resource }: Right) => resource === 'events';

		test('with the first role it looks, with the second it repairs', async () => {
			await grantDoctor(controlPlane, { repair: false });
			expect(outcome(await doctor())).toMatchObject({ repair: 'safe', outcome: 'found' });
			await grantDoctor(controlPlane, { repair: true });
			const repaired = outcome(await doctor('--repair'));
			expect(repaired).toMatchObject({ outcome: 'removed' });
			expect(repaired?.problem).toBeUndefined();
		});

		test.each(['list', 'watch'])('without %s of anything it ends with 3, and says of what', async (verb) => {
			const rights = rightsOf(lookRole).filter((right) => right.verb === verb && isWatched(right));
			const [nodes, ...others] = rights.sort((a, b) => Number(b.resource === 'nodes') - Number(a.resource === 'nodes'));
			// It begins with nodes, and a kind that is not installed is never watched.
			await lessen(...others);
			const all = await doctor();
			expect(all.code).toBe(3);
			for (const right of others.filter(({ resource }) => verb === 'list' || resource !== 'referencegrants')) {
				expect(all.stderr).toMatch(refusalOf(right));
			}
			await lessen(nodes as Right);
			expect(await doctor()).toMatchObject({
				code: 3,
				stderr: expect.stringMatching(refusalOf(nodes as Right)),
			});
		});

		test.each(rightsOf(lookRole).filter((right) => !isWatched(right)))(
			'without $verb of $resource it says nothing of a repair, and why',
			async (right) => {
				await lessen(right);
				const run = await doctor();
				expect(run.code).toBe(1);
				expect(outcome(run)).toMatchObject({
					outcome: 'failed',
					problem: expect.stringMatching(refusalOf(right)),
				});
			},
		);

		// The event is there by now, so that it is to be counted.
		test.each(rightsOf(treatRole).filter(isEvent))(
			'without $verb of $resource it repairs, and says that no event tells of it',
			async (right) => {
				await lessen(right);
				expect(outcome(await doctor('--repair'))).toMatchObject({
					outcome: 'removed',
					problem: expect.stringMatching(refusalOf(right)),
				});
			},
		);

		test.each(rightsOf(treatRole).filter((right) => !isEvent(right)))(
			'without $verb of $resource it repairs nothing, and says why',
			async (right) => {
				await lessen(right);
				expect(outcome(await doctor('--repair'))).toMatchObject({
					outcome: 'failed',
					problem: expect.stringMatching(refusalOf(right)),
				});
			},
		);
	});
});

/** The kinds that /readyz says are not watched. */
async function unreadyKinds(topobind: Topobind): Promise<string[]> {
	const { waiting } = (await (await fetch(`${topobind.admin}/readyz`)).json()) as {
		waiting: { kind: string; problem?: string }[];
	};
	return waiting.filter(({ problem }) => problem?.includes('forbidden')).map(({ kind }) => kind);
}

interface Right {
	readonly apiGroup: string;
	readonly resource: string;
	readonly verb: string;
}

function rightsOf({ rules }: KubeObject): Right[] {
	return rules.flatMap((rule: KubeObject) =>
		rule.apiGroups.flatMap((apiGroup: string) =>
			rule.resources.flatMap((resource: string) => rule.verbs.map((verb: string) => ({ apiGroup, resource, verb }))),
		),
	);
}

/** What the API server says where the right is lacking. */
function refusalOf({ verb, resource }: Right): RegExp {
	return new RegExp(`cannot ${verb} resource "${resource}"`);
}

/** A shipped role, less some rights. */
function without(role: KubeObject, taken: readonly Right[]): KubeObject {
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
