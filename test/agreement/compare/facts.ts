/**
 * What topobind's messages claim of a cluster beyond kube-scheduler's reasons, which tell no claim from another. Each must
 * be so, read from the manifests: so that of several codes with one reason the right one is told, and of the right claim.
 */

import type { ReasonCode } from '../../../src/domain/decision/reasons.ts';
import { BETA_CLASS, BIND_COMPLETED, NO_PROVISIONER, SELECTED_NODE } from '../generate/words.ts';
import { keyOf, type Manifest, ofKind } from '../manifest.ts';
import type { Said } from './messages.ts';

/** A claim with what it names. */
interface Case {
	readonly className: string;
	/** Empty where it names none. */
	readonly volumeName: string;
	readonly isBound: boolean;
	/** For which node it is being provisioned. */
	readonly selectedNode: string | undefined;
	readonly class: Manifest | undefined;
	readonly volume: Manifest | undefined;
	/** The driver of its class does. */
	readonly tellsCapacity: boolean;
}

type Fact = (given: Case, node: string) => boolean;

const isOfVolume: Fact = ({ isBound, volume }) => isBound && volume !== undefined;
/** A volume can be made for it on the node. */
const isProvisioned: Fact = (given, node) => waits(given) && !isPinned(given, node) && hasProvisioner(given);

/** By code; what is not there is said in as many words by kube-scheduler. */
const FACTS: Readonly<Partial<Record<ReasonCode, Fact>>> = {
	CLAIM_UNBOUND: (given) => !given.isBound && !waits(given) && !isClassMissing(given) && !isModeMissing(given),
	CLASS_MISSING: isClassMissing,
	CLASS_INVALID: (given) => !given.isBound && isModeMissing(given),
	VOLUME_MISSING: ({ isBound, volume }) => isBound && volume === undefined,
	VOLUME_NODE_AFFINITY: isOfVolume,
	VOLUME_UNTRANSLATABLE: isOfVolume,
	ZONE_LABEL: isOfVolume,
	SELECTED_NODE: (given, node) => waits(given) && isPinned(given, node),
	NO_STATIC_VOLUME: (given, node) => waits(given) && !isPinned(given, node) && !hasProvisioner(given),
	CLASS_TOPOLOGY: (given, node) => isProvisioned(given, node) && isLimited(given),
	CAPACITY: (given, node) => isProvisioned(given, node) && given.tellsCapacity,
	SOURCE_NOT_READY: isProvisioned,
	SOURCE_INVALID: isProvisioned,
	SOURCE_UNREACHABLE: isProvisioned,
};

export class Facts {
	/** By namespace/name. */
	readonly #claims: ReadonlyMap<string, Manifest>;
	readonly #volumes: ReadonlyMap<string, Manifest>;
	readonly #classes: ReadonlyMap<string, Manifest>;
	readonly #tellingCapacity: ReadonlySet<unknown>;

	constructor(manifests: readonly Manifest[]) {
		const byKey = (kind: string) => new Map(ofKind(manifests, kind).map((manifest) => [keyOf(manifest), manifest]));
		this.#claims = byKey('PersistentVolumeClaim');
		this.#volumes = byKey('PersistentVolume');
		this.#classes = byKey('StorageClass');
		const drivers = ofKind(manifests, 'CSIDriver').filter(
			({ spec }) => (spec as { storageCapacity?: boolean }).storageCapacity,
		);
		this.#tellingCapacity = new Set(drivers.map(keyOf));
	}

	/** Whether what topobind says of the pod on the node is so, and of a claim that the pod mounts. */
	hold(pod: Manifest, node: string, { code, details }: Said): boolean {
		const { claim = '' } = details;
		if (!claimsOf(pod).includes(claim)) return false;
		const fact = FACTS[code];
		if (!fact) return true;
		const given = this.#case(`${pod.metadata.namespace}/${claim}`);
		if (given === undefined || !fact(given, node)) return false;
		const { className, volumeName } = given;
		return (details.class ?? className) === className && (details.volume ?? volumeName) === volumeName;
	}

	/** A claim of the pod is being provisioned for another node. */
	isPinned(pod: Manifest, node: string): boolean {
		const given = claimsOf(pod).map((name) => this.#case(`${pod.metadata.namespace}/${name}`));
		return given.some((one) => one !== undefined && !one.isBound && isPinned(one, node));
	}

	#case(key: string): Case | undefined {
		const claim = this.#claims.get(key);
		if (!claim) return undefined;
		const annotations = (claim.metadata.annotations ?? {}) as Readonly<Record<string, string>>;
		const spec = (claim.spec ?? {}) as { readonly storageClassName?: string; readonly volumeName?: string };
		const className = annotations[BETA_CLASS] ?? spec.storageClassName ?? '';
		const { volumeName = '' } = spec;
		const storageClass = this.#classes.get(className);
		return {
			className,
			volumeName,
			isBound: volumeName !== '' && annotations[BIND_COMPLETED] !== undefined,
			selectedNode: annotations[SELECTED_NODE],
			class: storageClass,
			volume: this.#volumes.get(volumeName),
			tellsCapacity: this.#tellingCapacity.has(storageClass?.provisioner),
		};
	}
}

/** The names of the claims that the pod mounts. */
function claimsOf({ metadata, spec }: Manifest): string[] {
	const { volumes = [] } = (spec ?? {}) as {
		volumes?: readonly { name: string; persistentVolumeClaim?: { claimName: string }; ephemeral?: object }[];
	};
	return volumes.flatMap(({ name, persistentVolumeClaim, ephemeral }) =>
		persistentVolumeClaim ? [persistentVolumeClaim.claimName] : ephemeral ? [`${metadata.name}-${name}`] : [],
	);
}

function waits({ class: storageClass, volumeName }: Case): boolean {
	return storageClass?.volumeBindingMode === 'WaitForFirstConsumer' && volumeName === '';
}

function isPinned({ selectedNode }: Case, node: string): boolean {
	return selectedNode !== undefined && selectedNode !== node;
}

function isClassMissing({ class: storageClass, className, volumeName }: Case): boolean {
	return volumeName === '' && className !== '' && storageClass === undefined;
}

function isModeMissing({ class: storageClass }: Case): boolean {
	return storageClass !== undefined && storageClass.volumeBindingMode === undefined;
}

function hasProvisioner({ class: storageClass }: Case): boolean {
	return (storageClass?.provisioner ?? '') !== '' && storageClass?.provisioner !== NO_PROVISIONER;
}

function isLimited({ class: storageClass }: Case): boolean {
	return ((storageClass?.allowedTopologies ?? []) as readonly unknown[]).length > 0;
}
