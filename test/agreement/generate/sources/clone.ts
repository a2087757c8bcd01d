/** A claim to clone, and the volume that it is on. */

import type { Manifest } from '../../manifest.ts';
import type { Random } from '../random.ts';
import type { Style } from '../style.ts';
import { BETA_CLASS, BIND_COMPLETED } from '../words.ts';
import { flawOf, type Made, originVolume, otherMode, sizeFor, type Wanted } from './source.ts';

const FLAWS = [
	'missing',
	'lost',
	'not bound',
	'being deleted',
	'without class',
	'of a class by annotation',
	'larger',
	'volume missing',
	'not CSI',
	'of another driver',
	'not referred to',
	'referred to without uid',
	'of another claim',
	'released',
	'of another mode',
] as const;

export function origin(random: Random, style: Style, wanted: Wanted): Made {
	const { namespace, className } = wanted;
	const name = `origin-${wanted.name}`;
	const flaw = flawOf(random, FLAWS);
	const has = (...flaws: (typeof FLAWS)[number][]) => flaw !== undefined && flaws.includes(flaw);
	const source = { kind: 'PersistentVolumeClaim', namespace, name };
	if (has('missing')) return { source, manifests: [] };

	const uid = `uid-${namespace}-${name}`;
	const volumeName = `pv-${namespace}-${name}`;
	const size = has('larger') ? '9Ti' : sizeFor(random, style, wanted);
	const noClassInSpec = has('without class', 'of a class by annotation');
	const claim: Manifest = {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		metadata: {
			namespace,
			name,
			uid,
			annotations: {
				[BIND_COMPLETED]: 'yes',
				...(has('of a class by annotation') && { [BETA_CLASS]: className }),
			},
			...(has('being deleted') && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
		},
		spec: {
			accessModes: ['ReadWriteOnce'],
			...random.maybe(0.97, 'resources', () => ({ requests: { storage: size } })),
			...(!noClassInSpec && { storageClassName: random.pick([className, className, 'another']) }),
			...(!has('not bound') && { volumeName }),
		},
		status: { phase: has('lost') ? 'Lost' : has('not bound') ? 'Pending' : 'Bound' },
	};
	if (has('not bound', 'volume missing')) return { source, manifests: [claim] };

	const other = has('of another claim');
	const claimRef = { namespace, name: other ? 'another' : name, uid: has('referred to without uid') ? '' : uid };
	const volume = originVolume(random, style, {
		name: volumeName,
		className,
		driver: has('of another driver') ? 'another.csi.example.com' : wanted.driver,
		handle: `handle-${volumeName}`,
		size,
		phase: has('released') ? 'Released' : 'Bound',
		spec: {
			volumeMode: has('of another mode') ? otherMode(wanted) : wanted.volumeMode,
			...(!has('not referred to') && { claimRef }),
		},
	});
	return { source, manifests: [claim, has('not CSI') ? withoutCsi(volume) : volume] };
}

function withoutCsi(volume: Manifest): Manifest {
	const { csi: _, ...spec } = volume.spec as { csi: object };
	return { ...volume, spec: { ...spec, nfs: { server: 'nfs.example.com', path: '/' } } };
}
