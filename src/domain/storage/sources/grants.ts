import type { ClaimSource } from '../../model.ts';
import type { ClusterView } from '../../view.ts';
import { invalid, type SourceProblem } from './problem.ts';

/**
 * Whether claims of a namespace may use the source: IsGranted in external-provisioner/pkg/controller/util.go.
 *
 * Asked before anything else of the source is looked at, so that without a grant nobody learns what there is in
 * another namespace. A missing grant is invalid and not just not ready: it is a permission, which somebody
 * has to decide on and nothing brings about by itself.
 */
export function problemOfGrant(source: ClaimSource, namespace: string, view: ClusterView): SourceProblem | undefined {
	if (source.namespace === namespace) return undefined;
	for (const { from, to } of view.referenceGrants(source.namespace)) {
		if (from.includes(namespace) && to.some((target) => covers(target, source))) return undefined;
	}
	return invalid(
		`no ReferenceGrant in namespace ${source.namespace} lets claims of namespace ${namespace} use it; create one there`,
	);
}

function covers(
	target: { readonly apiGroup: string; readonly kind: string; readonly name: string | undefined },
	{ apiGroup, kind, name }: ClaimSource,
): boolean {
	if (target.apiGroup !== apiGroup || target.kind !== kind) return false;
	return target.name === undefined || target.name === name;
}
