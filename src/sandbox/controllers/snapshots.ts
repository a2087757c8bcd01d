/** The snapshot controller's and csi-snapshotter's part, for every driver. */

import { parseQuantity, quantityOfBytes, wholeUnits } from '../../domain/storage/quantity.ts';
import type { SandboxLogger } from '../logger.ts';
import { claimOf } from '../project.ts';
import { keyOf, type RawSnapshot, type RawSnapshotClass, type RawSnapshotContent, type RawVolume } from '../raw.ts';
import { SNAPSHOT_GROUP } from '../snapshot-group.ts';
import type { ObjectStore, StoreEvent } from '../store.ts';
import { Hold, Reconciler } from './reconciler.ts';

const DEFAULT_CLASS = 'snapshot.storage.kubernetes.io/is-default-class';
/** On a VolumeSnapshot: the restoreSize that the sandbox's driver tells, as drivers do that count data and not disk. */
export const RESTORE_SIZE = 'topobind.dev/sandbox-restore-size';

/** A snapshot gets its content at once, and is ready when the time to cut it has passed. */
export class Snapshotter {
	readonly #store: ObjectStore;
	readonly #logger: SandboxLogger;
	readonly #bind: Reconciler;
	readonly #cut: Reconciler;

	constructor(store: ObjectStore, logger: SandboxLogger, delayMs: number) {
		this.#store = store;
		this.#logger = logger;
		const name = 'snapshotter';
		this.#bind = new Reconciler({ name, delayMs: 0, logger, reconcile: (key) => this.#bindContent(key) });
		this.#cut = new Reconciler({ name, delayMs, logger, reconcile: (key) => this.#makeReady(key) });
	}

	start(): void {
		for (const snapshot of this.#store.list('VolumeSnapshot')) this.#bind.add(keyOf(snapshot));
	}

	observe(event: StoreEvent): void {
		this.#bind.observe(event);
		if (event.kind === 'VolumeSnapshot' && event.current) this.#bind.add(event.key);
	}

	stop(): void {
		this.#bind.stop();
		this.#cut.stop();
	}

	#bindContent(key: string): void {
		const snapshot = this.#store.get('VolumeSnapshot', key);
		if (!snapshot || snapshot.metadata.deletionTimestamp !== undefined || snapshot.status?.readyToUse) return;
		if (snapshot.status?.boundVolumeSnapshotContentName) this.#cut.add(key);
		else this.#bindNew(snapshot);
	}

	#bindNew(snapshot: RawSnapshot): void {
		const contentName = snapshot.spec.source.volumeSnapshotContentName ?? this.#createContent(snapshot);
		this.#claimContent(snapshot, contentName);
		const status = { ...snapshot.status, boundVolumeSnapshotContentName: contentName, readyToUse: false };
		this.#store.update('VolumeSnapshot', { ...snapshot, status });
	}

	#createContent(snapshot: RawSnapshot): string {
		const volume = this.#sourceVolume(snapshot);
		const snapshotClass = this.#classFor(snapshot, volume.spec.csi?.driver);
		const { name, namespace, uid } = snapshot.metadata;
		const contentName = `snapcontent-${uid}`;
		if (this.#store.get('VolumeSnapshotContent', contentName)) return contentName;
		this.#store.create('VolumeSnapshotContent', {
			apiVersion: `${SNAPSHOT_GROUP}/v1`,
			kind: 'VolumeSnapshotContent',
			metadata: { name: contentName },
			spec: {
				deletionPolicy: snapshotClass.deletionPolicy,
				driver: snapshotClass.driver,
				source: { volumeHandle: volume.spec.csi?.volumeHandle ?? '' },
				sourceVolumeMode: volume.spec.volumeMode,
				volumeSnapshotClassName: keyOf(snapshotClass),
				volumeSnapshotRef: { apiVersion: `${SNAPSHOT_GROUP}/v1`, kind: 'VolumeSnapshot', namespace, name, uid },
			},
		});
		return contentName;
	}

	/** Ties a pre-provisioned content to its snapshot; one made for it is tied already. */
	#claimContent({ metadata }: RawSnapshot, contentName: string): void {
		const retry = [`VolumeSnapshotContent ${contentName}`];
		const content = this.#store.get('VolumeSnapshotContent', contentName);
		if (!content) throw new Hold(`content ${contentName} does not exist`, retry);
		const ref = content.spec.volumeSnapshotRef;
		const mine =
			ref.name === metadata.name && ref.namespace === metadata.namespace && (!ref.uid || ref.uid === metadata.uid);
		if (!mine) throw new Hold(`content ${contentName} belongs to another snapshot`, retry);
		if (ref.uid) return;
		const volumeSnapshotRef = { ...ref, uid: metadata.uid };
		this.#store.update('VolumeSnapshotContent', { ...content, spec: { ...content.spec, volumeSnapshotRef } });
	}

	#makeReady(key: string): void {
		const snapshot = this.#store.get('VolumeSnapshot', key);
		const content = this.#store.get('VolumeSnapshotContent', snapshot?.status?.boundVolumeSnapshotContentName ?? '');
		if (!snapshot || !content || snapshot.status?.readyToUse) return;
		const restoreSize = content.status?.restoreSize ?? this.#restoreSize(snapshot);
		this.#store.update('VolumeSnapshotContent', cut(content, restoreSize));
		const status = {
			...snapshot.status,
			readyToUse: true,
			creationTime: new Date().toISOString(),
			...(restoreSize !== undefined && { restoreSize: quantityOfBytes(BigInt(restoreSize)).text }),
		};
		this.#store.update('VolumeSnapshot', { ...snapshot, status });
		this.#logger.info({ snapshot: key, content: keyOf(content) }, 'snapshot ready');
	}

	/** In bytes: what the annotation says, else the size of the source volume; unknown for a pre-provisioned content. */
	#restoreSize({ metadata, spec }: RawSnapshot): number | undefined {
		const claim = this.#store.get(
			'PersistentVolumeClaim',
			`${metadata.namespace}/${spec.source.persistentVolumeClaimName}`,
		);
		const volume = this.#store.get('PersistentVolume', claim?.spec.volumeName ?? '');
		const text = metadata.annotations?.[RESTORE_SIZE] ?? volume?.spec.capacity?.storage;
		return text === undefined ? undefined : Number(wholeUnits(parseQuantity(text)));
	}

	#sourceVolume({ metadata, spec }: RawSnapshot): RawVolume {
		const key = `${metadata.namespace}/${spec.source.persistentVolumeClaimName}`;
		const retry = [`PersistentVolumeClaim ${key}`];
		const claim = this.#store.get('PersistentVolumeClaim', key);
		if (!claim) throw new Hold(`source claim ${key} does not exist`, retry);
		const { phase, volumeName } = claimOf(claim);
		const volume = this.#store.get('PersistentVolume', volumeName);
		if (phase !== 'Bound' || !volume) throw new Hold(`source claim ${key} is not bound yet`, retry, 'info');
		if (!volume.spec.csi) throw new Hold(`source claim ${key} is not on a CSI volume`, retry);
		return volume;
	}

	#classFor({ spec }: RawSnapshot, driver: string | undefined): RawSnapshotClass {
		const name = spec.volumeSnapshotClassName;
		const found =
			name === undefined
				? [...this.#store.list('VolumeSnapshotClass')].find(
						(one) => one.driver === driver && one.metadata.annotations?.[DEFAULT_CLASS] === 'true',
					)
				: this.#store.get('VolumeSnapshotClass', name);
		if (!found) {
			const what =
				name === undefined ? `no default VolumeSnapshotClass for driver ${driver}` : `class ${name} does not exist`;
			throw new Hold(what, ['VolumeSnapshotClass']);
		}
		if (found.driver !== driver) {
			throw new Hold(`class ${keyOf(found)} is of driver ${found.driver}, the source of ${driver}`, [
				'VolumeSnapshotClass',
			]);
		}
		return found;
	}
}

function cut(content: RawSnapshotContent, restoreSize: number | undefined): RawSnapshotContent {
	const snapshotHandle =
		content.status?.snapshotHandle ?? content.spec.source.snapshotHandle ?? `snapshot-${content.metadata.uid}`;
	const creationTime = Date.now() * 1_000_000;
	return { ...content, status: { ...content.status, snapshotHandle, readyToUse: true, creationTime, restoreSize } };
}
