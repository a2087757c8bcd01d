/** The one deliberate difference that clusters show by themselves: what a claim is filled from. */

import { keyOf, type Manifest, ofKind } from '../manifest.ts';
import type { Said } from './messages.ts';

export const SOURCE_CODES = ['SOURCE_NOT_READY', 'SOURCE_INVALID', 'SOURCE_UNREACHABLE'] as const;

export type SourceCode = (typeof SOURCE_CODES)[number];

interface ClaimSpec {
	readonly storageClassName?: string;
	readonly volumeName?: string;
	readonly dataSource?: Reference;
	readonly dataSourceRef?: Reference;
}

interface Reference {
	readonly apiGroup?: string;
	readonly kind: string;
}

/** The claims of a cluster that have a source which topobind judges. Where there are none, there is nothing to allow for. */
export class Sources {
	/** By namespace/name. */
	readonly #claims: ReadonlyMap<string, ClaimSpec>;
	readonly #classesOfVolumes: ReadonlySet<unknown>;

	constructor(manifests: readonly Manifest[]) {
		const claims = ofKind(manifests, 'PersistentVolumeClaim').filter(hasJudgedSource);
		this.#claims = new Map(claims.map((claim) => [keyOf(claim), claim.spec as ClaimSpec]));
		const volumes = ofKind(manifests, 'PersistentVolume').filter(isAvailable);
		this.#classesOfVolumes = new Set(volumes.map(({ spec }) => (spec as ClaimSpec | undefined)?.storageClassName));
	}

	get areNone(): boolean {
		return this.#claims.size === 0;
	}

	/** The code of what topobind says, where it is about the source of such a claim. */
	codeOf({ metadata: { namespace } }: Manifest, { code, details }: Said): SourceCode | undefined {
		const isSource = (SOURCE_CODES as readonly string[]).includes(code);
		return isSource && this.#claims.has(`${namespace}/${details.claim}`) ? (code as SourceCode) : undefined;
	}

	/** The pod has a claim with such a source for which there can be no other volume. */
	mustFill({ metadata: { namespace }, spec }: Manifest): boolean {
		const { volumes = [] } = (spec ?? {}) as {
			volumes?: readonly { persistentVolumeClaim?: { claimName: string } }[];
		};
		return volumes.some(({ persistentVolumeClaim }) => {
			const claim = persistentVolumeClaim && this.#claims.get(`${namespace}/${persistentVolumeClaim.claimName}`);
			if (claim?.storageClassName === undefined || claim.volumeName !== undefined) return false;
			return !this.#classesOfVolumes.has(claim.storageClassName);
		});
	}
}

function isAvailable({ status }: Manifest): boolean {
	return (status as { phase?: string } | undefined)?.phase === 'Available';
}

function hasJudgedSource({ spec }: Manifest): boolean {
	const { dataSource, dataSourceRef } = (spec ?? {}) as ClaimSpec;
	const { apiGroup = '', kind = '' } = dataSource ?? dataSourceRef ?? {};
	if (kind === 'VolumeSnapshot') return apiGroup === 'snapshot.storage.k8s.io';
	return kind === 'PersistentVolumeClaim' && apiGroup === '';
}
