import { describe, expect, it } from 'vitest';
import { matchesRequirement } from '../../../src/domain/topology/requirement.ts';
import { project, volume } from './builders.ts';
import table from './fixtures/migration.json' with { type: 'json' };

const nodes: readonly Record<string, string>[] = table.nodes;

describe('in-tree volumes, as CSI migration translates them', () => {
	it.each(table.cases)('$name', ({ labels, spec, matches }) => {
		const { migration } = project(volume('pv', { labels: labels as Record<string, string>, spec }));
		const { affinity, problem } = migration ?? {};
		const met = nodes.flatMap((node, at) => (affinity === undefined || matchesRequirement(affinity, node) ? [at] : []));
		expect(migration).toBeDefined();
		expect(problem === undefined ? met : 'error').toEqual(matches);
	});

	it.each([
		['awsElasticBlockStore', 'kubernetes.io/aws-ebs'],
		['gcePersistentDisk', 'kubernetes.io/gce-pd'],
		['cinder', 'kubernetes.io/cinder'],
		['azureDisk', 'kubernetes.io/azure-disk'],
		['portworxVolume', 'kubernetes.io/portworx-volume'],
	])('%s belongs to %s', (source, plugin) => {
		expect(project(volume('pv', { spec: { [source]: {} } })).migration?.plugin).toBe(plugin);
	});

	it.each(['vsphereVolume', 'azureFile', 'csi', 'local', 'nfs'])('%s is never translated', (source) => {
		expect(project(volume('pv', { spec: { [source]: {} } })).migration).toBeUndefined();
	});
});
