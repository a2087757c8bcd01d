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

	it('takes zones without the spaces around them', () => {
		const labels = { 'topology.kubernetes.io/zone': 'a__ b' };
		const { affinity } = project(volume('pv', { labels, spec: { cinder: {} } })).migration ?? {};
		expect(affinity?.text).toBe('topology.cinder.csi.openstack.org/zone in (a, b)');
	});

	it('azureDisk may be of kind null, which is none', () => {
		expect(project(volume('pv', { spec: { azureDisk: { kind: null } } })).migration?.problem).toBeUndefined();
	});

	it.each([
		['us-east1-a__us-east1-b', undefined],
		['us-east1-a-x__us-east1-a-y', 'its zone label has a zone that is not <locale>-<region>-<zone>'],
		['us-east1__us-east1', 'its zone label has a zone that is not <locale>-<region>-<zone>'],
		['us-east1-a__us-west1-a', 'its zone label spans regions'],
		// The zone alone is not looked at where there is only one.
		['us-east1-a-x', undefined],
	])('gcePersistentDisk of the zones %s: %s', (zones, problem) => {
		const labels = { 'topology.kubernetes.io/zone': zones };
		expect(project(volume('pv', { labels, spec: { gcePersistentDisk: {} } })).migration?.problem).toBe(problem);
	});

	it.each(['vsphereVolume', 'azureFile', 'csi', 'local', 'nfs'])('%s is never translated', (source) => {
		expect(project(volume('pv', { spec: { [source]: {} } })).migration).toBeUndefined();
	});
});
