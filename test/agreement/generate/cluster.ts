/** A whole cluster from a seed. */

import type { Manifest } from '../manifest.ts';
import { claimUid } from './claims.ts';
import { capacities, classes, drivers } from './classes.ts';
import { csiNodes, nodes } from './nodes.ts';
import { workloads } from './pods.ts';
import { Random } from './random.ts';
import { nodeWords } from './selectors.ts';
import { withSources } from './sources/sources.ts';
import { type Style, style } from './style.ts';
import { anyPhase, volume } from './volumes.ts';

const NODES = 20;
const PODS = 30;
const VOLUMES = 60;
const FEWEST_FREE_VOLUMES = 35;
const CAPACITIES = 25;
/** How many clusters have sources; the others have none at all. */
const SOURCED = 0.5;

/** About 20 nodes, 30 pods and 60 volumes; always the same for the same seed. */
export function generateCluster(seed: number): Manifest[] {
	const random = new Random(seed);
	const nodeManifests = nodes(random, random.between(NODES - 3, NODES + 3));
	const names = nodeManifests.map(({ metadata }) => metadata.name);
	const chosen = style(random, nodeWords(names));
	const storageClasses = classes(random, chosen.words, chosen.oddness);
	const { pods, claims, volumes } = workloads(random, chosen, storageClasses, PODS);
	const free = Math.max(VOLUMES - volumes.length, FEWEST_FREE_VOLUMES);
	const cluster = [
		...nodeManifests,
		...csiNodes(random, names),
		...drivers(),
		...storageClasses.manifests,
		...capacities(random, chosen, CAPACITIES),
		...volumes,
		...freeVolumes(random, chosen, claims, storageClasses.delayed, free),
		...(chosen.warehouse ? warehouse(random, chosen) : []),
		...claims,
		...pods,
	];
	return random.chance(SOURCED) ? withSources(random, chosen, cluster) : cluster;
}

/** Volumes that wait for any claim, or for a certain one. */
function freeVolumes(
	random: Random,
	style: Style,
	claims: readonly Manifest[],
	classNames: readonly string[],
	count: number,
): Manifest[] {
	return Array.from({ length: count }, (_, i) => {
		const reserved = claims.length > 0 && random.chance(0.2) ? random.pick(claims) : undefined;
		const ownClass = (reserved?.spec as { storageClassName?: string } | undefined)?.storageClassName ?? '';
		return volume(random, style, {
			// Not in the order in which they are listed.
			name: `pv-${(i * 37) % 100}-${i}`,
			className:
				reserved && random.chance(0.9) ? ownClass : random.pick([...classNames, 'local', 'local', 'local', 'local']),
			phase: random.chance(0.93) ? 'Available' : anyPhase(random),
			...(reserved && { claimRef: reference(random, reserved) }),
		});
	});
}

function reference(random: Random, { metadata: { namespace = '', name } }: Manifest) {
	const uid = claimUid(namespace, name);
	return random.pick([
		{ namespace, name, uid },
		{ namespace, name },
		{ namespace, name, uid: '' },
		{ namespace, name, uid: 'uid-before' },
		{ namespace: 'elsewhere', name, uid },
		{ name },
	]);
}

/** Enough volumes of one kind that topobind does not look at each of them for each node; few are large enough for a claim. */
function warehouse(random: Random, style: Style): Manifest[] {
	const alike = { ...style, oddness: 0, reach: { node: 0, zone: 0, any: 0, empty: 0, none: 1 } };
	return Array.from({ length: 60 }, (_, i) => {
		const sizes = i < 55 ? ['1Mi', '2Mi'] : style.sizes;
		return volume(random, { ...alike, sizes }, { name: `pv-warehouse-${(i * 53) % 60}`, className: 'local' });
	});
}
