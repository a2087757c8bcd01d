/** The class of a claim that names none, as the DefaultStorageClass admission plugin gives it when a claim is created. */

import type { RawClaim, RawStorageClass } from './raw.ts';

/** The API server still reads the beta one: IsDefaultAnnotation in pkg/volume/util/storageclass.go. */
const DEFAULT_CLASS = [
	'storageclass.kubernetes.io/is-default-class',
	'storageclass.beta.kubernetes.io/is-default-class',
];
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** Of several, the newest, then the first by name. */
export function findDefaultClass(classes: Iterable<RawStorageClass>): string | undefined {
	const marked = [...classes].filter(({ metadata: { annotations } }) =>
		DEFAULT_CLASS.some((name) => annotations?.[name] === 'true'),
	);
	const created = ({ metadata }: RawStorageClass): number => Date.parse(metadata.creationTimestamp ?? '') || 0;
	marked.sort((a, b) => created(b) - created(a) || (a.metadata.name < b.metadata.name ? -1 : 1));
	return marked[0]?.metadata.name;
}

/** The same claim where it has a class, or there is no default. A class of '' is a choice: no class. */
export function withDefaultClass<T extends Pick<RawClaim, 'spec'> & { readonly metadata: Annotated }>(
	claim: T,
	storageClassName: string | undefined,
): T {
	if (storageClassName === undefined || claim.spec.storageClassName !== undefined) return claim;
	if (claim.metadata.annotations?.[BETA_CLASS] !== undefined) return claim;
	return { ...claim, spec: { ...claim.spec, storageClassName } };
}

type Annotated = Pick<RawClaim['metadata'], 'annotations'>;
