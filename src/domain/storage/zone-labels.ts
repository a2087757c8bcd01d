/** Zone and region labels of volumes: VolumeZone in pkg/scheduler/framework/plugins/volumezone/volume_zone.go. */

import type { Labels } from '../model.ts';

const GA_KEY_OF: Readonly<Record<string, string>> = {
	'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
	'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
	'topology.kubernetes.io/zone': 'topology.kubernetes.io/zone',
	'topology.kubernetes.io/region': 'topology.kubernetes.io/region',
};
const KEYS = Object.keys(GA_KEY_OF);

/** What one zone or region label of a volume asks of nodes. */
export interface ZoneRequirement {
	readonly key: string;
	readonly values: ReadonlySet<string>;
}

/** The labels that count: values are split on `__`, a label with an empty part is ignored. */
export function zoneRequirementsOf(labels: Labels): ZoneRequirement[] {
	return KEYS.flatMap((key) => {
		if (!Object.hasOwn(labels, key)) return [];
		const values = (labels[key] as string).split('__').map((value) => value.trim());
		return values.includes('') ? [] : [{ key, values: new Set(values) }];
	});
}

/** Whether a node can use a volume of this zone. A node without any of the four labels can use every volume. */
export function matchesZone({ key, values }: ZoneRequirement, labels: Labels): boolean {
	if (!KEYS.some((zoneKey) => Object.hasOwn(labels, zoneKey))) return true;
	const value = labels[key] ?? labels[GA_KEY_OF[key] as string];
	return value !== undefined && values.has(value);
}

export function describeZone({ key, values }: ZoneRequirement): string {
	return `${key} in (${[...values].sort().join(', ')})`;
}
