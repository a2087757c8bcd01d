/** Kubernetes objects as they stand in a manifest: only what is needed to tell one from the other is typed. */

export interface Manifest {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: Metadata;
	readonly [field: string]: unknown;
}

export interface Metadata {
	readonly name: string;
	readonly namespace?: string;
	readonly uid?: string;
	readonly [field: string]: unknown;
}

/** The key by which both sides name a pod. */
export function keyOf({ metadata }: Manifest): string {
	return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

export function ofKind(manifests: readonly Manifest[], kind: string): Manifest[] {
	return manifests.filter((manifest) => manifest.kind === kind);
}
