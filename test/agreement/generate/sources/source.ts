/** What a claim wants of its source, and what is made for it. */

import type { Manifest } from '../../manifest.ts';
import type { Random } from '../random.ts';
import type { Style } from '../style.ts';
import { affinity } from '../volumes.ts';
import { ACCESS_MODES } from '../words.ts';

/** A source is made to suit this, or just not to. */
export interface Wanted {
	/** Of the claim; the source is named after it. */
	readonly name: string;
	/** Where the source is to be. */
	readonly namespace: string;
	readonly className: string;
	readonly driver: string;
	readonly size: string | undefined;
	readonly volumeMode: string;
}

/** As a claim refers to it. */
export interface Source {
	readonly apiGroup?: string;
	readonly kind: string;
	readonly namespace: string;
	readonly name: string;
}

export interface Made {
	readonly source: Source;
	readonly manifests: readonly Manifest[];
}

/** Mostly as the claim wants it; otherwise with one of these flaws. */
export function flawOf<F extends string>(random: Random, flaws: readonly F[]): F | undefined {
	return random.chance(0.55) ? undefined : random.pick(flaws);
}

/** A size that the claim's own is mostly enough for. */
export function sizeFor(random: Random, style: Style, { size }: Wanted): string {
	return size !== undefined && random.chance(0.8) ? size : random.pick(style.sizes);
}

export function otherMode({ volumeMode }: Wanted): string {
	return volumeMode === 'Block' ? 'Filesystem' : 'Block';
}

export interface OriginVolume {
	readonly name: string;
	readonly className: string;
	readonly driver: string;
	readonly handle: string;
	readonly size: string;
	readonly spec?: object;
	readonly phase?: string;
}

/** The volume that the data is on. */
export function originVolume(random: Random, style: Style, volume: OriginVolume): Manifest {
	const { name, className, driver, handle, size, spec, phase = 'Bound' } = volume;
	return {
		apiVersion: 'v1',
		kind: 'PersistentVolume',
		metadata: { name, uid: `uid-${name}` },
		spec: {
			capacity: { storage: size },
			accessModes: random.some(ACCESS_MODES, 0.5),
			storageClassName: className,
			csi: { driver, volumeHandle: handle },
			...affinity(random, style),
			...spec,
		},
		status: { phase },
	};
}
