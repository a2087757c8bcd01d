/** The PV controller's part: ties claims to volumes, and asks for provisioning where there is none to tie. */

import type { Claim, Volume } from '../../domain/model.ts';
import { compareQuantities, ZERO } from '../../domain/storage/quantity.ts';
import { matchesRequirement } from '../../domain/topology/requirement.ts';
import { isClaimedBy, withClaim, withVolume } from '../binding.ts';
import type { SandboxLogger } from '../logger.ts';
import { claimOf, volumeOf } from '../project.ts';
import {
	annotate,
	BIND_COMPLETED,
	hasAnnotation,
	keyOf,
	type RawClaim,
	type RawStorageClass,
	type RawVolume,
} from '../raw.ts';
import type { ObjectStore, StoreEvent } from '../store.ts';
import { Hold, Reconciler } from './reconciler.ts';
import { classOf, VolumeIndex } from './volume-index.ts';

/** Both names are written: old provisioners know only the second. */
export const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
const BETA_STORAGE_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner';
const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

export class ClaimController {
	readonly #store: ObjectStore;
	readonly #volumes: VolumeIndex;
	readonly #claims: Reconciler;

	constructor(store: ObjectStore, logger: SandboxLogger, delayMs: number) {
		this.#store = store;
		this.#volumes = new VolumeIndex(store);
		this.#claims = new Reconciler({ name: 'pv-controller', delayMs, logger, reconcile: (key) => this.#reconcile(key) });
	}

	start(): void {
		for (const volume of this.#store.list('PersistentVolume')) this.#release(volume.metadata.name);
		for (const claim of this.#store.list('PersistentVolumeClaim')) this.#claims.add(keyOf(claim));
	}

	observe(event: StoreEvent): void {
		this.#volumes.observe(event);
		this.#claims.observe(event);
		if (event.kind === 'PersistentVolumeClaim') {
			if (event.current) this.#claims.add(event.key);
			else for (const { metadata } of this.#volumes.claimedBy(event.key)) this.#release(metadata.name);
		}
		if (event.kind === 'PersistentVolume') {
			const volume = (event.current ?? event.previous) as RawVolume;
			const { claimRef } = volume.spec;
			if (claimRef) this.#claims.add(`${claimRef.namespace}/${claimRef.name}`);
			else this.#claims.wake(freeVolumeOf(classOf(volume)));
		}
	}

	stop(): void {
		this.#claims.stop();
	}

	#reconcile(key: string): void {
		const claim = this.#store.get('PersistentVolumeClaim', key);
		if (!claim || claim.metadata.deletionTimestamp !== undefined) return;
		if (hasAnnotation(claim, BIND_COMPLETED)) this.#keepBound(claim);
		else if (claim.spec.volumeName) this.#bindRequested(claim, claim.spec.volumeName);
		else this.#findVolume(claim);
	}

	#keepBound(claim: RawClaim): void {
		const volume = this.#store.get('PersistentVolume', claim.spec.volumeName ?? '');
		if (volume && (!volume.spec.claimRef || isClaimedBy(volume, claim.metadata as Claim))) {
			this.#bind(volume, claim);
		} else if (claim.status?.phase !== 'Lost') {
			this.#store.update('PersistentVolumeClaim', { ...claim, status: { ...claim.status, phase: 'Lost' } });
		}
	}

	#bindRequested(claim: RawClaim, volumeName: string): void {
		const volume = this.#store.get('PersistentVolume', volumeName);
		const retry = [`PersistentVolume ${volumeName}`];
		if (!volume) throw new Hold(`names volume ${volumeName}, which does not exist`, retry);
		const wanted = claimOf(claim);
		if (volume.spec.claimRef && !isClaimedBy(volume, wanted)) {
			throw new Hold(`names volume ${volumeName}, which is claimed by another`, retry);
		}
		const misfit = volume.spec.claimRef ? undefined : misfitWithClass(wanted, volumeOf(volume));
		if (misfit) throw new Hold(`cannot be bound to volume ${volumeName}: ${misfit}`, retry);
		this.#bind(volume, claim);
	}

	#findVolume(claim: RawClaim): void {
		const wanted = claimOf(claim);
		const storageClass = this.#store.get('StorageClass', wanted.className);
		const delayed = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
		const volume = this.#reserved(wanted) ?? (delayed ? undefined : this.#smallest(wanted));
		if (volume) this.#bind(volume, claim);
		else if (!delayed || wanted.selectedNode !== undefined) this.#askForVolume(claim, wanted, storageClass);
	}

	#askForVolume(claim: RawClaim, wanted: Claim, storageClass: RawStorageClass | undefined): void {
		const retry = [freeVolumeOf(wanted.className), `StorageClass ${wanted.className}`];
		if (wanted.className === '') throw new Hold('no volume fits, and the claim names no class', retry);
		if (!storageClass) throw new Hold(`class ${wanted.className} does not exist`, retry);
		const { provisioner } = storageClass;
		if (provisioner === NO_PROVISIONER) throw new Hold(`no volume of class ${wanted.className} fits`, retry);
		if (claim.metadata.annotations?.[STORAGE_PROVISIONER] === provisioner) return;
		const asked = annotate(claim, { [STORAGE_PROVISIONER]: provisioner, [BETA_STORAGE_PROVISIONER]: provisioner });
		this.#store.update('PersistentVolumeClaim', asked);
	}

	/** A volume whose claimRef names the claim: written by a person, by topobind or by a provisioner. */
	#reserved(claim: Claim): RawVolume | undefined {
		return this.#volumes
			.claimedBy(`${claim.namespace}/${claim.name}`)
			.find((volume) => isClaimedBy(volume, claim) && misfitOf(claim, volumeOf(volume)) === undefined);
	}

	/** Equal sizes: the first by name. */
	#smallest(claim: Claim): RawVolume | undefined {
		const fitting = this.#volumes
			.free(claim.className)
			.map((raw) => ({ raw, volume: volumeOf(raw) }))
			.filter(({ volume }) => volume.phase === 'Available' && misfitWithClass(claim, volume) === undefined)
			.filter(({ volume }) => !claim.selector || matchesRequirement(claim.selector, volume.labels))
			.sort(
				(a, b) => compareQuantities(a.volume.capacity, b.volume.capacity) || (a.volume.name < b.volume.name ? -1 : 1),
			);
		return fitting[0]?.raw;
	}

	/** The volume first, then the claim, as the PV controller does: the claim's word is the last. */
	#bind(volume: RawVolume, claim: RawClaim): void {
		let tied = withClaim(volume, claimOf(claim));
		if (tied.status?.phase !== 'Bound') tied = { ...tied, status: { ...tied.status, phase: 'Bound' } };
		if (tied !== volume) this.#store.update('PersistentVolume', tied);
		const bound = withVolume(claim, tied);
		if (bound !== claim) this.#store.update('PersistentVolumeClaim', bound);
	}

	/** A volume whose claim is gone, or is another of the same name. Its data stays: the sandbox reclaims nothing. */
	#release(name: string): void {
		const volume = this.#store.get('PersistentVolume', name);
		const { claimRef } = volume?.spec ?? {};
		if (!volume || !claimRef?.uid || volume.status?.phase === 'Released') return;
		const claim = this.#store.get('PersistentVolumeClaim', `${claimRef.namespace}/${claimRef.name}`);
		if (claim?.metadata.uid === claimRef.uid) return;
		this.#store.update('PersistentVolume', { ...volume, status: { ...volume.status, phase: 'Released' } });
	}
}

/** What a claim waits for that finds no volume. */
function freeVolumeOf(className: string): string {
	return `a volume of class ${className}`;
}

/** Why a volume that is not reserved for the claim cannot serve it (checkVolumeSatisfyClaim). */
function misfitWithClass(claim: Claim, volume: Volume): string | undefined {
	return volume.className === claim.className ? misfitOf(claim, volume) : 'its class differs';
}

/** Why not even a volume that is reserved for the claim can serve it. */
function misfitOf(claim: Claim, volume: Volume): string | undefined {
	if (volume.deleting) return 'it is being deleted';
	if (compareQuantities(volume.capacity, claim.request ?? ZERO) < 0) return 'it is too small';
	if (volume.attributesClass !== claim.attributesClass) return 'its volumeAttributesClassName differs';
	if (volume.volumeMode !== claim.volumeMode) return 'its volumeMode differs';
	if (!claim.accessModes.every((mode) => volume.accessModes.includes(mode))) return 'it lacks an access mode';
	return undefined;
}
