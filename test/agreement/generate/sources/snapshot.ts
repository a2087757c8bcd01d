/** A snapshot, its content and the volume that it was taken of. */

import type { Manifest } from '../../manifest.ts';
import type { Random } from '../random.ts';
import { allowedTopologies } from '../selectors.ts';
import type { Style } from '../style.ts';
import { HOSTNAME, MISSING } from '../words.ts';
import { flawOf, type Made, originVolume, otherMode, sizeFor, type Wanted } from './source.ts';

const GROUP = 'snapshot.storage.k8s.io';
const REACH = 'topobind.dev/snapshot-reach';
/** The last one is a typing error. */
const REACHES = ['anywhere', 'source-volume', 'managed-by-node', 'source-volumes'];

const FLAWS = [
	'missing',
	'being deleted',
	'being deleted and restored',
	'without status',
	'without content',
	'content missing',
	'content of another name',
	'content of another uid',
	'content without uid',
	'of another driver',
	'not ready',
	'without handle',
	'larger',
	'of another mode',
	'of another mode, which is allowed',
] as const;

export function snapshotOf(random: Random, style: Style, wanted: Wanted): Made {
	const { namespace } = wanted;
	const name = `snapshot-${wanted.name}`;
	const flaw = flawOf(random, FLAWS);
	const has = (...flaws: (typeof FLAWS)[number][]) => flaw !== undefined && flaws.includes(flaw);
	const source = { apiGroup: GROUP, kind: 'VolumeSnapshot', namespace, name };
	if (has('missing')) return { source, manifests: [] };

	const contentName = `content-${namespace}-${wanted.name}`;
	const restoreSize = has('larger') ? '9Ti' : sizeFor(random, style, wanted);
	const snapshot: Manifest = {
		apiVersion: `${GROUP}/v1`,
		kind: 'VolumeSnapshot',
		metadata: {
			namespace,
			name,
			uid: `uid-${namespace}-${name}`,
			...(has('being deleted', 'being deleted and restored') && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
			...(has('being deleted and restored') && {
				finalizers: ['provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection'],
			}),
		},
		spec: { source: { persistentVolumeClaimName: 'origin' } },
		...(!has('without status') && {
			status: {
				...(!has('without content') && { boundVolumeSnapshotContentName: contentName }),
				readyToUse: !has('not ready'),
				...random.maybe(0.9, 'restoreSize', () => restoreSize),
			},
		}),
	};
	if (has('without status', 'without content', 'content missing')) return { source, manifests: [snapshot] };

	const reference = {
		namespace,
		name: has('content of another name') ? 'another' : name,
		...(!has('content without uid') && {
			uid: has('content of another uid') ? 'uid-before' : `uid-${namespace}-${name}`,
		}),
	};
	const taken = takenOf(random, style, wanted);
	const content: Manifest = {
		apiVersion: `${GROUP}/v1`,
		kind: 'VolumeSnapshotContent',
		metadata: {
			name: contentName,
			uid: `uid-${contentName}`,
			...random.maybe(0.5, 'labels', () => managedBy(random, style)),
			annotations: {
				...random.maybe(0.25, REACH, () => random.pick(REACHES)),
				...(has('of another mode, which is allowed') && {
					'snapshot.storage.kubernetes.io/allow-volume-mode-change': random.pick(['true', 'T', '1']),
				}),
			},
		},
		spec: {
			driver: has('of another driver') ? 'another.csi.example.com' : wanted.driver,
			deletionPolicy: 'Delete',
			volumeSnapshotClassName: random.pick(['plain', 'annotated', MISSING]),
			volumeSnapshotRef: reference,
			source: taken.source,
			...modeOf(random, wanted, has('of another mode', 'of another mode, which is allowed')),
			// An empty list limits nothing.
			...random.maybe(0.15, 'nodeAffinity', () => allowedTopologies(random, style.words, style.oddness)),
		},
		...(!has('without handle') && { status: { snapshotHandle: `handle-${contentName}` } }),
	};
	return { source, manifests: [snapshot, content, ...taken.volumes] };
}

function modeOf(random: Random, wanted: Wanted, isOther: boolean): object {
	if (isOther) return { sourceVolumeMode: otherMode(wanted) };
	return random.maybe(0.7, 'sourceVolumeMode', () => wanted.volumeMode);
}

/** The volume may be gone, and a snapshot that was there before Kubernetes knew of it does not tell its volume. */
function takenOf(random: Random, style: Style, wanted: Wanted): { source: object; volumes: Manifest[] } {
	const name = `pv-taken-${wanted.namespace}-${wanted.name}`;
	const handle = `handle-${name}`;
	const volume = () => {
		const { className, driver } = wanted;
		return originVolume(random, style, { name, className, driver, handle, size: '1Gi', phase: 'Released' });
	};
	switch (random.weighted({ there: 6, gone: 2, untold: 2 })) {
		case 'there':
			return { source: { volumeHandle: handle }, volumes: [volume()] };
		case 'gone':
			return { source: { volumeHandle: handle }, volumes: [] };
		default:
			return { source: { snapshotHandle: 'made-by-hand' }, volumes: [] };
	}
}

function managedBy(random: Random, { words }: Style): object {
	return { 'snapshot.storage.kubernetes.io/managed-by': random.pick([...(words[HOSTNAME] ?? []), MISSING]) };
}

export function snapshotClasses(random: Random): Manifest[] {
	const snapshotClass = (name: string, annotations?: object): Manifest => ({
		apiVersion: `${GROUP}/v1`,
		kind: 'VolumeSnapshotClass',
		metadata: { name, ...(annotations && { annotations }) },
		driver: 'any.csi.example.com',
		deletionPolicy: 'Delete',
	});
	return [snapshotClass('plain'), snapshotClass('annotated', { [REACH]: random.pick(REACHES) })];
}
