/** external-provisioner's part, for every driver: makes volumes for claims that ask for one. */

import type { DriverSettings } from '../../cluster/state.ts';
import { wholeUnits, ZERO } from '../../domain/storage/quantity.ts';
import { referenceTo } from '../binding.ts';
import type { SandboxLogger } from '../logger.ts';
import { claimOf } from '../project.ts';
import { annotate, keyOf, type RawClaim, type RawStorageClass, SELECTED_NODE } from '../raw.ts';
import type { ObjectStore, StoreEvent } from '../store.ts';
import { takeCapacity } from './capacity.ts';
import { STORAGE_PROVISIONER } from './claims.ts';
import { Hold, Reconciler } from './reconciler.ts';
import { checkSource } from './sources.ts';
import { affinityOf, type Place, placeOfNode, placesForAnyNode } from './topology.ts';

export class Provisioner {
	readonly #store: ObjectStore;
	readonly #logger: SandboxLogger;
	readonly #drivers: DriverSettings;
	readonly #claims: Reconciler;

	constructor(store: ObjectStore, logger: SandboxLogger, delayMs: number, drivers: DriverSettings) {
		this.#store = store;
		this.#drivers = drivers;
		this.#logger = logger;
		this.#claims = new Reconciler({ name: 'provisioner', delayMs, logger, reconcile: (key) => this.#reconcile(key) });
	}

	start(): void {
		for (const claim of this.#store.list('PersistentVolumeClaim')) this.#look(claim);
	}

	observe(event: StoreEvent): void {
		this.#claims.observe(event);
		if (event.kind === 'PersistentVolumeClaim' && event.current) this.#look(event.current as RawClaim);
	}

	stop(): void {
		this.#claims.stop();
	}

	#look(claim: RawClaim): void {
		if (asksForVolume(claim)) this.#claims.add(keyOf(claim));
	}

	#reconcile(key: string): void {
		const claim = this.#store.get('PersistentVolumeClaim', key);
		if (!claim || !asksForVolume(claim)) return;
		const { className, selectedNode } = claimOf(claim);
		const storageClass = this.#store.get('StorageClass', className);
		if (!storageClass) throw new Hold(`class ${className} does not exist`, [`StorageClass ${className}`]);
		// Taken back: the claim waits for another node. An empty name is none to the provisioner, though one to kube-scheduler.
		if (storageClass.volumeBindingMode === 'WaitForFirstConsumer' && !selectedNode) return;
		if (this.#store.get('PersistentVolume', volumeName(claim))) return;
		if (claim.spec.selector) throw new Hold('a claim with a selector cannot be provisioned', []);
		if (selectedNode === undefined) this.#provisionAnywhere(claim, storageClass);
		else this.#provisionFor(claim, storageClass, selectedNode);
	}

	#provisionFor(claim: RawClaim, storageClass: RawStorageClass, nodeName: string): void {
		const node = this.#store.get('Node', nodeName);
		if (!node) {
			this.#giveBack(claim, `selected node ${nodeName} does not exist`);
			return;
		}
		const reach = checkSource(this.#store, claim, storageClass, this.#drivers);
		const place = placeOfNode(this.#store, storageClass, node, reach);
		if (this.#take(claim, storageClass, place)) this.#create(claim, storageClass, place);
		else this.#giveBack(claim, `ResourceExhausted: not enough storage at selected node ${nodeName}`);
	}

	#provisionAnywhere(claim: RawClaim, storageClass: RawStorageClass): void {
		const reach = checkSource(this.#store, claim, storageClass, this.#drivers);
		for (const place of placesForAnyNode(this.#store, storageClass, reach)) {
			if (!this.#take(claim, storageClass, place)) continue;
			this.#create(claim, storageClass, place);
			return;
		}
		throw new Hold('no node has a place for the volume', ['Node', 'CSINode', 'CSIStorageCapacity']);
	}

	#take(claim: RawClaim, storageClass: RawStorageClass, { nodeLabels }: Place): boolean {
		return takeCapacity(this.#store, keyOf(storageClass), nodeLabels, wholeUnits(claimOf(claim).request ?? ZERO));
	}

	#create(claim: RawClaim, storageClass: RawStorageClass, { segment }: Place): void {
		const { provisioner, reclaimPolicy } = storageClass;
		const { accessModes, resources, volumeMode, volumeAttributesClassName } = claim.spec;
		const name = volumeName(claim);
		this.#store.create('PersistentVolume', {
			apiVersion: 'v1',
			kind: 'PersistentVolume',
			metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
			spec: {
				capacity: { storage: resources?.requests?.storage ?? '0' },
				accessModes,
				claimRef: referenceTo(claimOf(claim)),
				csi: { driver: provisioner, volumeHandle: `volume-${claim.metadata.uid}` },
				nodeAffinity: affinityOf(segment),
				persistentVolumeReclaimPolicy: reclaimPolicy,
				storageClassName: keyOf(storageClass),
				volumeMode,
				volumeAttributesClassName,
			},
			status: { phase: 'Pending' },
		});
		this.#logger.info(
			{ claim: keyOf(claim), volume: name, segment: Object.fromEntries(segment) },
			'volume provisioned',
		);
	}

	/** The signal to choose another node. */
	#giveBack(claim: RawClaim, why: string): void {
		this.#logger.warn({ controller: 'provisioner', object: keyOf(claim) }, why);
		this.#store.update('PersistentVolumeClaim', annotate(claim, { [SELECTED_NODE]: undefined }));
	}
}

function asksForVolume({ metadata, spec }: RawClaim): boolean {
	return (
		metadata.annotations?.[STORAGE_PROVISIONER] !== undefined &&
		!spec.volumeName &&
		metadata.deletionTimestamp === undefined
	);
}

function volumeName({ metadata }: RawClaim): string {
	return `pvc-${metadata.uid}`;
}
