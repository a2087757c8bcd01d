/** Storage classes, drivers and the capacity they tell. */

import type { Manifest } from '../manifest.ts';
import type { Random } from './random.ts';
import { allowedTopologies, labelSelector } from './selectors.ts';
import { type Style, size } from './style.ts';
import { DRIVERS, NAMESPACES, NO_PROVISIONER } from './words.ts';

export interface Classes {
	readonly manifests: readonly Manifest[];
	/** Names of those that wait for the first consumer. */
	readonly delayed: readonly string[];
	/** Names of all others: claims of these stop their pod, so they are to be used sparingly. */
	readonly others: readonly string[];
}

type Words = Readonly<Record<string, readonly string[]>>;

export function classes(random: Random, words: Words, oddness: number): Classes {
	const limited = () => random.maybe(0.5, 'allowedTopologies', () => allowedTopologies(random, words, oddness));
	const delayed = [
		storageClass('local', NO_PROVISIONER, 'WaitForFirstConsumer'),
		storageClass('local-2', NO_PROVISIONER, 'WaitForFirstConsumer', limited()),
		storageClass('told', DRIVERS.capacity, 'WaitForFirstConsumer', limited()),
		storageClass('told-2', DRIVERS.capacity, 'WaitForFirstConsumer'),
		storageClass('silent', DRIVERS.silent, 'WaitForFirstConsumer', {
			allowedTopologies: allowedTopologies(random, words, oddness),
		}),
		storageClass('dynamic', random.pick([DRIVERS.undecided, DRIVERS.unknown]), 'WaitForFirstConsumer', limited()),
		storageClass('nobody', '', 'WaitForFirstConsumer'),
	];
	const others = [
		storageClass('at-once', DRIVERS.capacity, 'Immediate'),
		storageClass('no-mode', DRIVERS.silent, undefined),
	];
	const names = (manifests: readonly Manifest[]) => manifests.map(({ metadata }) => metadata.name);
	return { manifests: [...delayed, ...others], delayed: names(delayed), others: names(others) };
}

function storageClass(name: string, provisioner: string, mode: string | undefined, limits = {}): Manifest {
	return {
		apiVersion: 'storage.k8s.io/v1',
		kind: 'StorageClass',
		metadata: { name },
		provisioner,
		...(mode === undefined ? {} : { volumeBindingMode: mode }),
		...limits,
	};
}

export function drivers(): Manifest[] {
	const driver = (name: string, spec: object): Manifest => ({
		apiVersion: 'storage.k8s.io/v1',
		kind: 'CSIDriver',
		metadata: { name },
		spec,
	});
	return [
		driver(DRIVERS.capacity, { storageCapacity: true }),
		driver(DRIVERS.silent, { storageCapacity: false }),
		driver(DRIVERS.undecided, {}),
	];
}

export function capacities(random: Random, style: Style, count: number): Manifest[] {
	const { words, oddness } = style;
	return Array.from({ length: count }, (_, i) => ({
		apiVersion: 'storage.k8s.io/v1',
		kind: 'CSIStorageCapacity',
		// The namespace is the driver's own affair.
		metadata: { name: `segment-${i}`, namespace: random.pick(NAMESPACES) },
		storageClassName: random.pick(['told', 'told', 'told-2', 'silent', 'missing']),
		...random.maybe(0.9, 'capacity', () => size(random, style, true)),
		...random.maybe(0.3, 'maximumVolumeSize', () => size(random, style, true)),
		...random.maybe(0.9, 'nodeTopology', () => labelSelector(random, words, oddness)),
	}));
}
