// A source that a claim cannot be filled from: how one comes to be so, what topobind says of it, and what mends it.

import { localClass } from '../objects.ts';
import type { Source } from '../shared.ts';
import type { RestoreOptions, Scene } from './scene.ts';

/** One case: a scene, the name of claim and pod, and where the data is. */
export interface Case {
	readonly scene: Scene;
	readonly name: string;
	/** What the claim is to be filled from. */
	readonly source: Source;
	/** The node of the data. */
	readonly node: string;
	/** Of a snapshot there. */
	readonly handle: string;
}

export interface Unfit {
	/** In few words: names are made of them. */
	readonly what: string;
	/** There is nothing to do but wait: SOURCE_NOT_READY. Else SOURCE_INVALID. */
	readonly waits?: true;
	/** The source is made along with the claim: where their pod prefers. */
	readonly along?: true;
	/** The claim is its own source. */
	readonly itself?: true;
	/** What the claim has other than usual. */
	readonly claim?: (of: Case) => RestoreOptions;
	readonly make: (of: Case) => Promise<unknown>;
	/** How the refusal goes on after it has named claim and source. */
	readonly says: (of: Case) => string;
	/** The pod is not touched, and the claim only where nothing else helps. */
	readonly mend: (of: Case) => Promise<unknown>;
}

/** Deletes an object and takes its finalizers off. */
export async function remove({ api }: Scene, path: string): Promise<void> {
	await api.delete(path);
	await release({ api }, path);
}

/** Has an object stay as one that is being deleted. */
export async function holdInDeletion({ api }: Scene, path: string): Promise<void> {
	const { metadata } = await api.get(path);
	await api.patch(path, { metadata: { finalizers: [...(metadata.finalizers ?? []), 'topobind.dev/test'] } });
	await api.delete(path);
}

/** Lets an object that is being deleted go. */
export async function release({ api }: Pick<Scene, 'api'>, path: string): Promise<void> {
	// It may be gone by itself by now.
	await api.patch(path, { metadata: { finalizers: null } }).catch(() => {});
	await api.waitFor(path, (object) => object === undefined);
}

/** The claim again, with the same name and source; its pod stays as it is. */
export async function claimAnew({ scene, name, source }: Case, options: RestoreOptions = {}): Promise<void> {
	await scene.api.deleteAndWait(scene.at.claim(name));
	await scene.claim(name, source, options);
}

/** Names its class by the older annotation alone. */
export const byAnnotation = ({ scene }: Case): RestoreOptions => ({
	metadata: { annotations: { 'volume.beta.kubernetes.io/storage-class': scene.driver.name } },
	spec: { storageClassName: undefined },
});

/** Sets the class that the claim at this path has by annotation alone. */
export const nameClass = ({ scene }: Case, path: string) =>
	scene.api.patch(path, { spec: { storageClassName: scene.driver.name } });

/** A driver that is not there. */
export const NOBODY = 'nobody.test';

/** A class of the case's own; classes are cluster-wide. */
export const ownClass = ({ scene, name }: Case): string => `${scene.namespace}-${name}`;

/** The own class, provisioning by this driver from now on. */
export async function provisionBy(of: Case, provisioner: string): Promise<void> {
	const { api } = of.scene;
	const name = ownClass(of);
	await api.deleteAndWait(`/apis/storage.k8s.io/v1/storageclasses/${name}`);
	await api.create({ ...localClass(name), provisioner });
}
