/** The scheduler configurations and the manifests agree with each other and with topobind's configuration. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { formatAddress } from '../../../src/config/address.ts';
import { load } from './inputs.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const modes = ['companion', 'delegate'] as const;

// biome-ignore lint/suspicious/noExplicitAny: what stands in a YAML file has no type
type Yaml = any;

function documents(path: string): Yaml[] {
	return parseAllDocuments(readFileSync(join(root, path), 'utf8')).map((document) => {
		expect(document.errors).toEqual([]);
		return document.toJS();
	});
}

const only = (path: string): Yaml => documents(path)[0];

describe.each(modes)('scheduler-config/%s.yaml', (mode) => {
	const config = only(`scheduler-config/${mode}.yaml`);
	const [first, bind] = config.extenders;
	const defaults = load({});

	it('looks at all nodes, sends names, and calls where topobind listens', () => {
		expect(config.percentageOfNodesToScore).toBe(100);
		expect(first).toMatchObject({
			urlPrefix: `http://${formatAddress(defaults.listen)}`,
			filterVerb: 'filter',
			prioritizeVerb: 'prioritize',
			preemptVerb: 'preempt',
			nodeCacheCapable: true,
			ignorable: mode === 'companion',
		});
		expect(first.bindVerb).toBeUndefined();
	});

	it('leaves binding to one side only', () => {
		const disabled = config.profiles[0].plugins?.multiPoint.disabled.map(({ name }: Yaml) => name) ?? [];
		expect(disabled).toEqual(mode === 'delegate' ? ['VolumeBinding'] : []);
		expect(bind?.bindVerb).toBe(mode === 'delegate' ? 'bind' : undefined);
	});

	if (mode === 'delegate') {
		it('waits for a bind longer than topobind does', () => {
			expect(bind).toMatchObject({ urlPrefix: first.urlPrefix, ignorable: false });
			const seconds = Number(/^(\d+)s$/.exec(bind.httpTimeout)?.[1]);
			expect(seconds).toBe(defaults.bind.schedulerHttpTimeoutSeconds);
			expect(seconds).toBeGreaterThan(defaults.bind.timeoutSeconds);
		});
	}

	it('elects its leader with the lease that the manifests let it have', () => {
		const { rules, metadata } = only('manifests/base/rbac/scheduler-lease.yaml');
		expect(config.leaderElection).toEqual({
			leaderElect: true,
			resourceName: rules[0].resourceNames[0],
			resourceNamespace: metadata.namespace,
		});
	});
});

describe('manifests/base', () => {
	const kustomization = only('manifests/base/kustomization.yaml');
	const objects: Yaml[] = kustomization.resources.flatMap((path: string) => documents(join('manifests/base', path)));
	const find = (kind: string, name: string) =>
		objects.find((object) => object.kind === kind && object.metadata.name === name);
	const deployment = find('Deployment', 'topobind-scheduler');
	const pod = deployment.spec.template.spec;
	const [sidecar] = pod.initContainers;
	const [scheduler] = pod.containers;

	it('has a configuration that topobind takes, and that fits the probes', () => {
		const [generated] = kustomization.configMapGenerator;
		expect(pod.volumes).toContainEqual({ name: 'topobind-config', configMap: { name: generated.name } });
		expect(sidecar.args).toEqual(['serve', `--config=${sidecar.volumeMounts[0].mountPath}/${generated.files[0]}`]);

		const text = readFileSync(join(root, 'manifests/base', generated.files[0]), 'utf8');
		const config = load({ text, env: { TOPOBIND_MODE: 'delegate' } });
		const defaults = load({});
		expect(config.listen).toEqual(defaults.listen);
		expect(config.bind).toEqual(defaults.bind);
		const ports = Object.fromEntries(sidecar.ports.map((port: Yaml) => [port.name, port.containerPort]));
		expect(config.adminListen).toEqual({ host: '0.0.0.0', port: ports.admin });
		for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
			expect(sidecar[probe].httpGet.port).toBe('admin');
		}
	});

	it('starts topobind first, and by another scheduler', () => {
		expect(sidecar).toMatchObject({ name: 'topobind', restartPolicy: 'Always' });
		expect(sidecar.startupProbe).toBeDefined();
		expect(pod.schedulerName).not.toBe(only('scheduler-config/companion.yaml').profiles[0].schedulerName);
	});

	it.each([
		['topobind', sidecar],
		['kube-scheduler', scheduler],
	])('takes every right from %s', (_, container) => {
		expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
		expect(container.securityContext).toEqual({
			allowPrivilegeEscalation: false,
			readOnlyRootFilesystem: true,
			capabilities: { drop: ['ALL'] },
		});
	});

	it('binds roles that exist to the account that exists', () => {
		const account = find('ServiceAccount', pod.serviceAccountName);
		expect(account).toBeDefined();
		const bindings = objects.filter(({ kind }) => kind.endsWith('RoleBinding') || kind.endsWith('ClusterRoleBinding'));
		expect(bindings).toHaveLength(8);
		for (const { subjects, roleRef } of bindings) {
			expect(subjects).toEqual([
				{ kind: 'ServiceAccount', name: account.metadata.name, namespace: account.metadata.namespace },
			]);
			// Kubernetes' own roles have a colon in their name, except for one.
			const isOurs = roleRef.name.startsWith('topobind');
			expect(isOurs ? find(roleRef.kind, roleRef.name) !== undefined : /^(system:|extension-)/.test(roleRef.name)).toBe(
				true,
			);
		}
	});

	it('never lets topobind update, create or delete anything but a binding', () => {
		const { rules } = find('ClusterRole', 'topobind');
		const granted = rules.flatMap((rule: Yaml) =>
			rule.resources.flatMap((resource: string) => rule.verbs.map((verb: string) => `${verb} ${resource}`)),
		);
		const writes = granted.filter((grant: string) => !/^(get|list|watch) /.test(grant));
		expect(writes).toEqual(['patch persistentvolumes', 'patch persistentvolumeclaims', 'create pods/binding']);
	});

	it('has every object in a namespace that exists', () => {
		const places = objects.map(({ metadata }) => metadata.namespace).filter((namespace) => namespace !== undefined);
		expect(new Set(places)).toEqual(new Set([find('Namespace', 'topobind-system').metadata.name, 'kube-system']));
	});
});

describe.each(modes)('manifests/%s', (mode) => {
	const folder = `manifests/${mode}`;
	const kustomization = only(`${folder}/kustomization.yaml`);
	const patch = only(`${folder}/${kustomization.patches[0].path}`);
	const base = only('manifests/base/deployment.yaml');

	it('patches the mode into both containers of the deployment that exists', () => {
		expect(patch.metadata).toMatchObject({ name: base.metadata.name, namespace: base.metadata.namespace });
		for (const part of ['initContainers', 'containers']) {
			const [patched] = patch.spec.template.spec[part];
			const [original] = base.spec.template.spec[part];
			expect(patched.name).toBe(original.name);
			expect(patched.env).toEqual([{ name: original.env[0].name, value: mode }]);
		}
	});

	it('mounts the scheduler configuration that the component makes', () => {
		const [component] = kustomization.components;
		const [generated] = only(join(folder, component, 'kustomization.yaml')).configMapGenerator;
		const pod = base.spec.template.spec;
		expect(pod.volumes).toContainEqual({ name: 'scheduler-config', configMap: { name: generated.name } });
		expect(generated.files).toContain(`${mode}.yaml`);
		const mounted = pod.containers[0].volumeMounts[0].mountPath;
		expect(pod.containers[0].args[0].replace('$(MODE)', mode)).toBe(`--config=${mounted}/${mode}.yaml`);
	});

	it('refers to folders that are there', () => {
		for (const path of [...kustomization.resources, ...kustomization.components]) {
			expect(existsSync(join(root, folder, path, 'kustomization.yaml'))).toBe(true);
		}
	});
});
