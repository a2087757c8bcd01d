// What `kubectl apply -k manifests/MODE` sends is whole, and is taken by a real API server.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ensureBuilt } from './build/cache.ts';
import type { KubeObject } from './harness/index.ts';
import { useControlPlane } from './shared.ts';

const { api } = useControlPlane();

async function render(folder: string): Promise<KubeObject[]> {
	const { bin } = await ensureBuilt();
	const path = fileURLToPath(new URL(`../../manifests/${folder}`, import.meta.url));
	const { stdout } = await promisify(execFile)(bin.kustomize, [path]);
	return parseAllDocuments(stdout).map((document) => document.toJS() as KubeObject);
}

describe.each(['companion', 'delegate'])('manifests/%s', async (mode) => {
	const objects = await render(mode);
	const named = (kind: string, name: string) =>
		objects.find(({ kind: its, metadata }) => its === kind && metadata.name === name);
	const { spec } = named('Deployment', 'topobind-scheduler')?.spec.template ?? {};

	beforeAll(() => api.apply(named('Namespace', 'topobind-system') as KubeObject));

	test.each(objects.map((object) => [`${object.kind} ${object.metadata.name}`, object] as const))(
		'the API server takes %s, strictly and without a warning',
		async (_name, object) => {
			const { status, warnings, text } = await api.dryRun(object);
			expect({ status, warnings, text: status < 300 ? '' : text }).toEqual({
				status: expect.toBeOneOf([200, 201]),
				warnings: [],
				text: '',
			});
		},
	);

	const first: KubeObject[] = spec.initContainers ?? [];
	const container = (name: string): KubeObject =>
		[...first, ...spec.containers].find((each) => each.name === name) as KubeObject;

	test(`kube-scheduler ${mode === 'delegate' ? 'waits for topobind' : 'starts whatever becomes of topobind'}`, () => {
		expect(first.map(({ name }) => name)).toEqual(mode === 'delegate' ? ['topobind'] : []);
		expect(container('topobind').restartPolicy).toBe(mode === 'delegate' ? 'Always' : undefined);
	});

	test('both containers run in this mode', () => {
		const topobind = container('topobind');
		const scheduler = container('kube-scheduler');
		expect(topobind.env).toContainEqual({ name: 'TOPOBIND_MODE', value: mode });
		expect(scheduler.env).toContainEqual({ name: 'MODE', value: mode });
	});

	test('what is mounted is there, by the name that kustomize gives it', () => {
		const mounted = new Map<string, KubeObject | undefined>(
			spec.volumes.flatMap(({ name, configMap }: KubeObject) =>
				configMap ? [[name, named('ConfigMap', configMap.name)]] : [],
			),
		);
		expect([...mounted.values()].map((configMap) => Object.keys(configMap?.data ?? {}))).toEqual(
			expect.arrayContaining([['topobind.yaml'], ['companion.yaml', 'delegate.yaml']]),
		);
		for (const { volumeMounts } of [...first, ...spec.containers]) {
			for (const { name } of volumeMounts) expect(mounted.has(name)).toBe(true);
		}
	});

	test('everything belongs to the one service account', () => {
		expect(named('ServiceAccount', spec.serviceAccountName)).toBeDefined();
		const subjects = objects.flatMap((object): KubeObject[] => object.subjects ?? []);
		expect(subjects.length).toBeGreaterThan(3);
		for (const { name, namespace } of subjects) {
			expect([namespace, name]).toEqual(['topobind-system', spec.serviceAccountName]);
		}
	});
});
