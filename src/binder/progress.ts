/** How far the claims of a written plan are: checkBindings in volumebinding/binder.go, on what the watches show. */

import type { ClusterState } from '../cluster/state.ts';
import type { Plan } from '../domain/decision/plan.ts';
import type { Claim, Volume } from '../domain/model.ts';
import { objectKey } from '../domain/model.ts';
import { isBound } from '../domain/storage/pod-claims.ts';
import { isReservedFor } from '../domain/storage/static-volumes.ts';
import { matchesRequirement } from '../domain/topology/requirement.ts';
import { isStillBound } from './bound-claims.ts';

/**
 * bound: every claim is. waiting: `what` is not there yet. failed: the plan cannot come true any more.
 * undone: it came otherwise than planned, as where another pod that shares the claim did not write it; plan again.
 */
export type Progress =
	| { readonly state: 'bound' }
	| { readonly state: 'waiting'; readonly what: string }
	| { readonly state: 'undone' }
	| { readonly state: 'failed'; readonly why: string };

/**
 * `own` holds the keys of the volumes and claims that this bind wrote itself. `later` are claims of the plan whose turn has not
 * come: they are not waited for, but what has become of them counts all the same.
 */
export function progressOf(
	plan: Plan,
	cluster: ClusterState,
	own: ReadonlySet<string>,
	later: ReadonlySet<Claim> = NONE,
): Progress {
	if (cluster.nodes.idOf(plan.node) === undefined) return failed('the node no longer exists');
	const inTurn = (claim: Claim, written: boolean, volume: Volume | undefined, progress: () => Progress) => {
		if (!later.has(claim)) return progress();
		return written ? unawaited(progress()) : unwrittenProgress(claim, volume, cluster);
	};
	const all = [
		...plan.claims.filter(isBound).map((claim) => boundProgress(claim, cluster)),
		...plan.bindings.map(({ claim, volume, written }) =>
			inTurn(claim, written, volume, () => bindingProgress(claim, volume, plan.node, cluster, own)),
		),
		...plan.provisions.map(({ claim, written }) =>
			inTurn(claim, written, undefined, () => provisionProgress(claim, plan.node, cluster, own)),
		),
	];
	// Who plans again for the one cause would not know of the other: a node that was taken back would be selected once more.
	const of = (state: Progress['state']) => all.find((progress) => progress.state === state);
	return of('failed') ?? of('undone') ?? of('waiting') ?? BOUND;
}

const NONE: ReadonlySet<never> = new Set();
const BOUND: Progress = { state: 'bound' };

function unawaited(progress: Progress): Progress {
	return progress.state === 'waiting' ? BOUND : progress;
}

/** Any change ends what was assumed, so it has to be planned for anew. */
function unwrittenProgress(claim: Claim, volume: Volume | undefined, cluster: ClusterState): Progress {
	const now = cluster.claim(claim.namespace, claim.name);
	if (now?.uid !== claim.uid) return failed(`claim ${claim.name} no longer exists`);
	if (now.resourceVersion !== claim.resourceVersion) return { state: 'undone' };
	if (volume && cluster.volume(volume.name)?.resourceVersion !== volume.resourceVersion) return { state: 'undone' };
	return BOUND;
}

/** A claim that was bound when the plan was made may be deleted, and made anew, while the others are waited for. */
function boundProgress(planned: Claim, cluster: ClusterState): Progress {
	const claim = cluster.seen('PersistentVolumeClaim', objectKey(planned));
	return isStillBound(planned, claim) ? { state: 'bound' } : { state: 'undone' };
}

function bindingProgress(
	planned: Claim,
	{ name }: Volume,
	node: string,
	cluster: ClusterState,
	own: ReadonlySet<string>,
): Progress {
	const volume = cluster.seen('PersistentVolume', name);
	const claim = cluster.seen('PersistentVolumeClaim', objectKey(planned));
	if (!volume) return failed(`volume ${name} no longer exists`);
	if (!claim || claim.uid !== planned.uid) return failed(`claim ${planned.name} no longer exists`);
	if (cluster.isAssumed('PersistentVolume', name)) return waiting(`volume ${name} to show its claim`);
	const misplaced = misplacement(volume, node, cluster);
	if (misplaced) return failed(misplaced);
	if (volume.claimRef?.uid !== claim.uid || !isReservedFor(volume, claim)) {
		return own.has(name) ? failed(`volume ${name} was taken away from claim ${claim.name}`) : { state: 'undone' };
	}
	if (!isBound(claim)) return waiting(`claim ${claim.name} to be bound to volume ${name}`);
	// The PV controller may have found another volume reserved for the claim: whether that one will do is judged anew.
	return claim.volumeName === name ? { state: 'bound' } : { state: 'undone' };
}

function provisionProgress(planned: Claim, node: string, cluster: ClusterState, own: ReadonlySet<string>): Progress {
	const key = objectKey(planned);
	const claim = cluster.seen('PersistentVolumeClaim', key);
	if (!claim || claim.uid !== planned.uid) return failed(`claim ${planned.name} no longer exists`);
	if (cluster.isAssumed('PersistentVolumeClaim', key)) return waiting(`claim ${claim.name} to show its selected node`);
	if (claim.selectedNode !== node) {
		if (!own.has(key)) return { state: 'undone' };
		return failed(`the selected node of claim ${claim.name} was taken back`);
	}
	if (claim.volumeName !== '') {
		const volume = cluster.seen('PersistentVolume', claim.volumeName);
		if (!volume) return waiting(`volume ${claim.volumeName} of claim ${claim.name} to appear`);
		const misplaced = misplacement(volume, node, cluster);
		if (misplaced) return failed(misplaced);
	}
	return isBound(claim)
		? { state: 'bound' }
		: waiting(`claim ${claim.name} to be provisioned by class ${claim.className}`);
}

/** Why the node cannot reach the volume; a migrated volume is judged as its CSI driver sees it. */
function misplacement(volume: Volume, node: string, cluster: ClusterState): string | undefined {
	const { migration } = volume;
	const migrated = migration && cluster.csiNode(node)?.migratedPlugins.includes(migration.plugin);
	if (migrated && migration.problem) return `volume ${volume.name} cannot be migrated to CSI: ${migration.problem}`;
	const affinity = migrated ? migration.affinity : volume.affinity;
	const labels = cluster.nodes.labelsOf(cluster.nodes.idOf(node) ?? -1);
	if (!affinity || matchesRequirement(affinity, labels)) return undefined;
	return `volume ${volume.name} needs ${affinity.text}, which the selected node does not have`;
}

function failed(why: string): Progress {
	return { state: 'failed', why };
}

function waiting(what: string): Progress {
	return { state: 'waiting', what };
}
