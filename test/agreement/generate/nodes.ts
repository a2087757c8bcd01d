/** Nodes, and what CSI knows of them. */

import type { Manifest } from '../manifest.ts';
import type { Random } from './random.ts';
import { DRIVERS, HOSTNAME, MIGRATED, MIGRATED_PLUGINS, NODE_LABELS, REGION, ZONE, ZONE_KEYS } from './words.ts';

export function nodes(random: Random, count: number): Manifest[] {
	return Array.from({ length: count }, (_, i) => node(random, `n${i + 1}`));
}

function node(random: Random, name: string): Manifest {
	const labels: Record<string, string> = {};
	if (random.chance(0.95)) labels[HOSTNAME] = name;
	// Of zones all, some or none of the labels: each is a case of its own for VolumeZone.
	const zoned = random.weighted({ ga: 6, both: 2, beta: 1, any: 2, none: 2 });
	for (const [key, values] of Object.entries(NODE_LABELS)) {
		if (random.chance(ZONE_KEYS.includes(key) ? zoneProbability(zoned, key) : 0.5)) labels[key] = random.pick(values);
	}
	return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } };
}

function zoneProbability(zoned: string, key: string): number {
	const isGa = key.startsWith(REGION.split('/')[0] as string);
	if (zoned === 'any') return 0.5;
	return zoned === 'both' || zoned === (isGa ? 'ga' : 'beta') ? 1 : 0;
}

/** For most nodes; which in-tree plugins a node has migrated is told here. */
export function csiNodes(random: Random, names: readonly string[]): Manifest[] {
	return random.some(names, 0.85).map((name) => ({
		apiVersion: 'storage.k8s.io/v1',
		kind: 'CSINode',
		metadata: { name, ...random.maybe(0.85, 'annotations', () => annotations(random)) },
		spec: {
			drivers: [
				{ name: DRIVERS.capacity, nodeID: name, topologyKeys: [HOSTNAME] },
				{ name: DRIVERS.silent, nodeID: name, topologyKeys: [ZONE] },
			],
		},
	}));
}

function annotations(random: Random): Record<string, string> {
	if (random.chance(0.05)) return { 'example.com/note': 'nothing migrated' };
	// The list is split at commas and nothing is trimmed.
	const separator = random.chance(0.9) ? ',' : ', ';
	return { [MIGRATED]: random.some(MIGRATED_PLUGINS, random.pick([0, 0.5, 0.9, 1])).join(separator) };
}
