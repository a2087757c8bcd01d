/** Persistent volumes: those of bound claims, and those that wait for a claim. */

import type { Manifest } from '../manifest.ts';
import { inTreeSource } from './in-tree.ts';
import type { Random } from './random.ts';
import { nodeSelector } from './selectors.ts';
import { type Style, size } from './style.ts';
import {
	ACCESS_MODES,
	ATTRIBUTES_CLASSES,
	BETA_CLASS,
	BETA_REGION,
	BETA_ZONE,
	DRIVERS,
	HOSTNAME,
	NODE_LABELS,
	PORTWORX_SECRET,
	REGION,
	VOLUME_LABELS,
	VOLUME_PHASES,
	ZONE,
	ZONE_KEYS,
} from './words.ts';

interface ClaimReference {
	readonly namespace?: string;
	readonly name: string;
	readonly uid?: string;
}

export interface VolumeOptions {
	readonly name: string;
	readonly className: string;
	readonly claimRef?: ClaimReference;
	/** It is a bound claim's: of these alone does kube-scheduler look at zone labels, and translate those in-tree. */
	readonly bound?: boolean;
	readonly phase?: string;
}

export function volume(random: Random, style: Style, options: VolumeOptions): Manifest {
	const { name, className, claimRef, bound = false, phase = 'Available' } = options;
	const inTree = random.chance(bound ? 0.5 : 0.05);
	const labels = volumeLabels(random, inTree ? 0.6 : bound ? 0.3 : 0.1);
	const beta = random.chance(style.oddness / 2);
	const annotations = {
		...(beta && { [BETA_CLASS]: className }),
		...(inTree && random.chance(0.1) && PORTWORX_SECRET),
	};
	return {
		apiVersion: 'v1',
		kind: 'PersistentVolume',
		metadata: {
			name,
			uid: `uid-${name}`,
			...(Object.keys(labels).length > 0 && { labels }),
			...(Object.keys(annotations).length > 0 && { annotations }),
			...random.maybe(style.oddness / 3, 'deletionTimestamp', () => '2026-01-01T00:00:00Z'),
		},
		spec: {
			...random.maybe(0.99, 'capacity', () => ({ storage: size(random, style, false) })),
			...random.maybe(0.98, 'accessModes', () => accessModes(random)),
			storageClassName: beta ? random.pick(['', 'other']) : className,
			...random.maybe(0.3, 'volumeMode', () => random.pick(['Filesystem', 'Filesystem', 'Block'])),
			...random.maybe(0.1, 'volumeAttributesClassName', () => random.pick([...ATTRIBUTES_CLASSES, ''])),
			...(claimRef && { claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claimRef } }),
			...affinity(random, inTree ? { ...style, reach: CLOUD_REACH } : style),
			...(inTree ? inTreeSource(random) : { csi: { driver: DRIVERS.capacity, volumeHandle: `handle-${name}` } }),
		},
		status: { phase },
	};
}

function accessModes(random: Random): string[] {
	return random.chance(0.7) ? ['ReadWriteOnce'] : random.some(ACCESS_MODES, 0.5);
}

/** In-tree volumes of clouds are in zones: that is what migration translates. */
const CLOUD_REACH: Style['reach'] = { node: 0, zone: 6, any: 2, empty: 0.5, none: 2 };

/** The part of a volume's spec that says which nodes reach it. */
export function affinity(random: Random, style: Style): object {
	const required = (...matchExpressions: object[]) => ({
		nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
	});
	const names = style.words[HOSTNAME] ?? [];
	switch (random.weighted(style.reach)) {
		case 'node':
			return required({ key: HOSTNAME, operator: 'In', values: [random.pick(names)] });
		case 'zone':
			return required(...places(random));
		case 'any':
			return { nodeAffinity: { required: nodeSelector(random, style.words, style.oddness) } };
		case 'empty':
			return { nodeAffinity: {} };
		default:
			return {};
	}
}

/** In which zones, under the one or the other of the keys, and perhaps in which region. */
function places(random: Random): object[] {
	const among = (key: string) => ({ key, operator: 'In', values: random.some(NODE_LABELS[key] ?? [], 0.75) });
	if (random.chance(0.2)) return random.some(ZONE_KEYS, 0.7).map(among);
	const [zone, region] = random.chance(0.75) ? [ZONE, REGION] : [BETA_ZONE, BETA_REGION];
	return random.chance(0.75) ? [among(zone)] : [among(zone), among(region)];
}

function volumeLabels(random: Random, zoned: number): Record<string, string> {
	const labels: Record<string, string> = {};
	for (const [key, values] of Object.entries(VOLUME_LABELS)) if (random.chance(0.5)) labels[key] = random.pick(values);
	if (random.chance(zoned)) for (const key of random.some(ZONE_KEYS, 0.4)) labels[key] = zoneLabel(random, key);
	return labels;
}

/** One place or several; the odd ones cannot be parsed, or not as what they seem. */
function zoneLabel(random: Random, key: string): string {
	const values = NODE_LABELS[key] ?? [];
	const one = random.pick(values);
	if (random.chance(0.4)) return one;
	const several = random.pick([values, values.slice(0, 2)]).join('__');
	return random.pick([several, several, `${one}__`, `__${one}`, `${one}____${one}`, '', `${one}_${one}`, `${one}___x`]);
}

export function anyPhase(random: Random): string {
	return random.pick(VOLUME_PHASES);
}
