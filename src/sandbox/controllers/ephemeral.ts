/** The ephemeral volume controller's part: a claim for each generic ephemeral volume of a pod. */

import { findDefaultClass, withDefaultClass } from '../default-class.ts';
import { claimSpecWithDefaults } from '../load/defaults.ts';
import type { SandboxLogger } from '../logger.ts';
import { keyOf, type RawPod } from '../raw.ts';
import type { ObjectStore, StoreEvent } from '../store.ts';
import { Hold, Reconciler } from './reconciler.ts';

export class EphemeralClaims {
	readonly #store: ObjectStore;
	readonly #pods: Reconciler;

	constructor(store: ObjectStore, logger: SandboxLogger, delayMs: number) {
		this.#store = store;
		this.#pods = new Reconciler({
			name: 'ephemeral-volumes',
			delayMs,
			logger,
			reconcile: (key) => this.#reconcile(key),
		});
	}

	start(): void {
		for (const pod of this.#store.list('Pod')) this.#look(pod);
	}

	observe(event: StoreEvent): void {
		this.#pods.observe(event);
		if (event.kind === 'Pod' && event.current) this.#look(event.current as RawPod);
	}

	stop(): void {
		this.#pods.stop();
	}

	#look(pod: RawPod): void {
		if (pod.spec.volumes?.some(({ ephemeral }) => ephemeral)) this.#pods.add(keyOf(pod));
	}

	#reconcile(key: string): void {
		const pod = this.#store.get('Pod', key);
		if (!pod || pod.metadata.deletionTimestamp !== undefined) return;
		for (const { name, ephemeral } of pod.spec.volumes ?? []) {
			if (ephemeral) this.#ensureClaim(pod, name, ephemeral.volumeClaimTemplate);
		}
	}

	#ensureClaim({ metadata }: RawPod, volume: string, template: Template): void {
		const { namespace, uid } = metadata;
		const name = `${metadata.name}-${volume}`;
		const key = `${namespace}/${name}`;
		const existing = this.#store.get('PersistentVolumeClaim', key);
		if (existing?.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === uid)) return;
		if (existing) throw new Hold(`claim ${key} exists and is not this pod's`, [`PersistentVolumeClaim ${key}`]);
		const { labels, annotations } = template.metadata ?? {};
		const owner = {
			apiVersion: 'v1',
			kind: 'Pod',
			name: metadata.name,
			uid,
			controller: true,
			blockOwnerDeletion: true,
		};
		const claim = {
			apiVersion: 'v1',
			kind: 'PersistentVolumeClaim',
			metadata: { name, namespace, labels, annotations, ownerReferences: [owner] },
			spec: claimSpecWithDefaults(template.spec),
			status: { phase: 'Pending' },
		} as const;
		const defaultClass = findDefaultClass(this.#store.list('StorageClass'));
		this.#store.create('PersistentVolumeClaim', withDefaultClass(claim, defaultClass));
	}
}

type Template = NonNullable<NonNullable<RawPod['spec']['volumes']>[number]['ephemeral']>['volumeClaimTemplate'];
