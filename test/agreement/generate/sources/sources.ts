/** Claims that are to be filled from a snapshot or another claim: good ones, such as are not ready, invalid or out of reach. */

import type { Manifest } from '../../manifest.ts';
import type { Random } from '../random.ts';
import { allowedTopologies } from '../selectors.ts';
import type { Style } from '../style.ts';
import { BETA_CLASS, DRIVERS, HUGE_SIZES, NAMESPACES, NO_PROVISIONER, WELL_KNOWN_DRIVERS } from '../words.ts';
import { origin } from './clone.ts';
import { grant } from './grant.ts';
import { snapshotClasses, snapshotOf } from './snapshot.ts';
import type { Source, Wanted } from './source.ts';

/** No volume is of this class: its claims are provisioned, or the pod has to wait. */
const RESTORES = 'restores';

/** The same cluster, in which about half of the claims that wait for a pod have a source. */
export function withSources(random: Random, style: Style, manifests: readonly Manifest[]): Manifest[] {
	const maker = new SourceMaker(random, style, manifests);
	const filled = manifests.map((manifest) =>
		isOpenClaim(manifest) && random.chance(0.5) ? maker.fill(manifest) : manifest,
	);
	return [...filled, ...maker.manifests];
}

function isOpenClaim({ kind, spec }: Manifest): boolean {
	return kind === 'PersistentVolumeClaim' && (spec as { volumeName?: string }).volumeName === undefined;
}

class SourceMaker {
	/** What has to be added to the cluster. */
	readonly manifests: Manifest[] = [];
	readonly #random: Random;
	readonly #style: Style;
	readonly #claims: readonly Manifest[];
	/** Class → provisioner, of those that provision once there is a pod. */
	readonly #provisioners: ReadonlyMap<string, string>;
	readonly #made: Source[] = [];

	constructor(random: Random, style: Style, manifests: readonly Manifest[]) {
		this.#random = random;
		this.#style = style;
		this.#claims = manifests.filter(({ kind }) => kind === 'PersistentVolumeClaim');
		this.manifests.push(restoresClass(random, style), ...snapshotClasses(random));
		const classes = [...manifests, ...this.manifests].filter(isProvisioning);
		this.#provisioners = new Map(
			classes.map(({ metadata, provisioner }): [string, string] => [metadata.name, provisioner as string]),
		);
	}

	/** The claim with a source, and mostly of a class that can provision from one. */
	fill(claim: Manifest): Manifest {
		const random = this.#random;
		const moved = ofClass(random, claim, this.#classFor(claim));
		const source = this.#sourceFor(wantedBy(moved, this.#provisioners));
		const { selector, ...spec } = moved.spec as { selector?: object };
		return { ...moved, spec: { ...spec, ...(selector && random.chance(0.15) && { selector }), ...source } };
	}

	#classFor(claim: Manifest): string {
		const random = this.#random;
		const { className, size } = wantedBy(claim, this.#provisioners);
		// Told capacity is compared with what fits an int64 only; see words.ts.
		const classes = HUGE_SIZES.includes(size ?? '') ? [RESTORES] : [...this.#provisioners.keys()];
		const choice = random.weighted({ own: 2, restores: 4, any: 4 });
		return choice === 'own' ? className : choice === 'restores' ? RESTORES : random.pick(classes);
	}

	#sourceFor(wanted: Wanted): object {
		const random = this.#random;
		const { namespace } = wanted;
		const known = this.#made.filter((source) => source.namespace === namespace);
		switch (random.weighted({ snapshot: 10, clone: 7, again: 1, any: 1, other: 1 })) {
			case 'again':
				if (known.length > 0) return inSpec(random, random.pick(known));
				break;
			case 'any': {
				const claims = this.#claims.filter(({ metadata }) => metadata.namespace === namespace);
				return inSpec(random, claimSource(random.pick(claims)));
			}
			case 'other':
				return inSpec(random, populated(random, namespace));
			case 'clone':
				return this.#make(origin, wanted);
			default:
		}
		return this.#make(snapshotOf, wanted);
	}

	#make(make: typeof snapshotOf, wanted: Wanted): object {
		const random = this.#random;
		const elsewhere = random.chance(0.15);
		const namespace = elsewhere
			? (NAMESPACES.find((name) => name !== wanted.namespace) ?? wanted.namespace)
			: wanted.namespace;
		const { source, manifests } = make(random, this.#style, { ...wanted, namespace });
		this.manifests.push(...manifests);
		if (!elsewhere) this.#made.push(source);
		else if (random.chance(0.7)) this.manifests.push(grant(random, source, wanted.namespace));
		return inSpec(random, source, elsewhere);
	}
}

/** The API server keeps both fields the same; only dataSourceRef names another namespace, and dataSource is empty then. */
function inSpec(random: Random, { namespace, ...reference }: Source, elsewhere = false): object {
	if (elsewhere) return { dataSourceRef: { ...reference, namespace } };
	return random.pick([
		{ dataSource: reference },
		{ dataSourceRef: reference },
		{ dataSource: reference, dataSourceRef: reference },
	]);
}

function claimSource({ metadata: { namespace = '', name } }: Manifest): Source {
	return { kind: 'PersistentVolumeClaim', namespace, name };
}

/** Left to volume populators, or of a kind that the provisioner has for its own, in a group that is not. */
function populated(random: Random, namespace: string): Source {
	const [apiGroup, kind] = random.pick([
		['populators.example.com', 'Image'],
		['populators.example.com', 'VolumeSnapshot'],
		['snapshot.storage.k8s.io', 'PersistentVolumeClaim'],
	] as const);
	return { apiGroup, kind, namespace, name: 'alpine' };
}

function restoresClass(random: Random, { words, oddness }: Style): Manifest {
	const provisioners = [DRIVERS.silent, DRIVERS.undecided, DRIVERS.unknown, ...WELL_KNOWN_DRIVERS];
	return {
		apiVersion: 'storage.k8s.io/v1',
		kind: 'StorageClass',
		metadata: { name: RESTORES },
		provisioner: random.pick(provisioners),
		volumeBindingMode: 'WaitForFirstConsumer',
		...random.maybe(0.3, 'allowedTopologies', () => allowedTopologies(random, words, oddness)),
	};
}

function isProvisioning({ kind, provisioner, volumeBindingMode }: Manifest): boolean {
	if (kind !== 'StorageClass' || volumeBindingMode !== 'WaitForFirstConsumer') return false;
	return provisioner !== '' && provisioner !== NO_PROVISIONER;
}

function ofClass(random: Random, claim: Manifest, className: string): Manifest {
	const spec = claim.spec as { storageClassName?: string };
	const annotations = claim.metadata.annotations as Readonly<Record<string, string>> | undefined;
	if (annotations?.[BETA_CLASS] === undefined) return { ...claim, spec: { ...spec, storageClassName: className } };
	const { storageClassName, ...others } = spec;
	return {
		...claim,
		metadata: { ...claim.metadata, annotations: { ...annotations, [BETA_CLASS]: className } },
		// Cloning asks for a class in the spec, whatever the annotation says.
		spec: { ...others, ...(random.chance(0.5) && { storageClassName }) },
	};
}

interface ClaimSpec {
	readonly storageClassName?: string;
	readonly volumeMode?: string;
	readonly resources?: { readonly requests?: { readonly storage?: string } };
}

function wantedBy({ metadata, spec }: Manifest, provisioners: ReadonlyMap<string, string>): Wanted {
	const { storageClassName = '', volumeMode = 'Filesystem', resources } = spec as ClaimSpec;
	const annotations = metadata.annotations as Readonly<Record<string, string>> | undefined;
	const className = annotations?.[BETA_CLASS] ?? storageClassName;
	return {
		name: metadata.name,
		namespace: metadata.namespace ?? '',
		className,
		driver: provisioners.get(className) ?? DRIVERS.silent,
		size: resources?.requests?.storage,
		volumeMode,
	};
}
