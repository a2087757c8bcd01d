/**
 * Claims that can never be provisioned where they are pinned. Nothing but external-provisioner takes a pin back, and that
 * only on ResourceExhausted and where it cannot find the CSINode: rescheduleProvisioning in
 * sig-storage-lib-external-provisioner/controller/controller.go, prepareProvision in
 * external-provisioner/pkg/controller/controller.go. Capacity is therefore no reason here.
 */

import type { ClusterState } from '../cluster/state.ts';
import { type Claim, objectKey, type StorageClass } from '../domain/model.ts';
import { isProblem } from '../domain/storage/sources/problem.ts';
import { judgeSource, sourceName } from '../domain/storage/sources.ts';
import { type PinFinding, pinFinding } from './findings.ts';

const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/** All of them, in the order of their namespaces and names. Reads what the watches said, not what was assumed. */
export function diagnosePins(state: ClusterState): PinFinding[] {
	const reserved = lazily(() => claimsWithVolume(state));
	return judgedPins(state)
		.flatMap(({ finding }) => finding ?? [])
		.filter(({ claim }) => !hasVolume(claim, state, reserved()))
		.sort(byClaim);
}

export interface WaitingClaim {
	readonly claim: Claim;
	/** The class's provisioner. */
	readonly driver: string;
}

/** The other pinned claims without a volume: those that only a provisioner's silence can be wrong with, see silence.ts. */
export function waitingPins(state: ClusterState): WaitingClaim[] {
	const reserved = lazily(() => claimsWithVolume(state));
	return judgedPins(state)
		.filter(({ claim, storageClass, finding }) => !finding && isForProvisioner(claim, storageClass, state))
		.filter(({ claim }) => !hasVolume(claim, state, reserved()))
		.map(({ claim, storageClass }) => ({ claim, driver: storageClass.provisioner }))
		.sort(byClaim);
}

interface JudgedPin {
	readonly claim: Claim;
	readonly storageClass: StorageClass;
	readonly finding: PinFinding | undefined;
}

function judgedPins(state: ClusterState): JudgedPin[] {
	const drivers = lazily(() => knownDrivers(state));
	return [...state.all('PersistentVolumeClaim').values()].flatMap((claim) => {
		const storageClass = pinnedClass(claim, state);
		return storageClass ? { claim, storageClass, finding: judgePin(claim, storageClass, state, drivers) } : [];
	});
}

/** One claim as it is now; undefined where there is nothing wrong with its pin. */
export function diagnosePin(namespace: string, name: string, state: ClusterState): PinFinding | undefined {
	const claim = state.seen('PersistentVolumeClaim', `${namespace}/${name}`);
	const storageClass = claim && pinnedClass(claim, state);
	if (!storageClass || hasVolume(claim, state, claimsWithVolume(state))) return undefined;
	return judgePin(claim, storageClass, state, () => knownDrivers(state));
}

/**
 * The class of a claim that is pinned and has no volume; undefined for any other. Without its class nobody can tell
 * whether the pin matters: that claim lacks a class first of all.
 *
 * With --node-deployment, provisioners pin claims that wait for no consumer as well: becomeOwner in
 * external-provisioner/pkg/controller/controller.go. To those an empty pin is none, and a volume that is there is bound all the same.
 */
function pinnedClass(claim: Claim, state: ClusterState): StorageClass | undefined {
	const { selectedNode, volumeName, bindCompleted, deleting, phase } = claim;
	if (selectedNode === undefined || volumeName !== '' || bindCompleted) return undefined;
	if (deleting || phase === 'Lost') return undefined;
	const storageClass = state.storageClass(claim.className);
	if (storageClass?.bindingMode === 'WaitForFirstConsumer') return storageClass;
	return storageClass && selectedNode !== '' && provisions(storageClass) ? storageClass : undefined;
}

function provisions({ provisioner }: StorageClass): boolean {
	return provisioner !== '' && provisioner !== NO_PROVISIONER;
}

function judgePin(
	claim: Claim,
	storageClass: StorageClass,
	state: ClusterState,
	drivers: () => ReadonlySet<string>,
): PinFinding | undefined {
	const { provisioner: driver, allowedTopologies } = storageClass;
	const node = claim.selectedNode ?? '';
	if (node === '') return pinFinding('PIN_NODE_EMPTY', claim, driver);
	if (!provisions(storageClass)) return pinFinding('PIN_NO_PROVISIONER', claim, driver);
	const id = state.nodes.idOf(node);
	if (id === undefined) return pinFinding('PIN_NODE_GONE', claim, driver);
	// A provisioner that is no CSI driver registers nowhere, and an in-tree name is not what its driver registers as.
	if (drivers().has(driver)) {
		const csiNode = state.csiNode(node);
		if (!csiNode) return pinFinding('PIN_CSINODE_GONE', claim, driver);
		if (!csiNode.drivers.some(({ name }) => name === driver)) return pinFinding('PIN_DRIVER_MISSING', claim, driver);
	}
	const bySource = judgeReach(claim, storageClass, state, id);
	if (bySource) return bySource;
	if (allowedTopologies && !state.nodes.select(allowedTopologies).has(id)) {
		return pinFinding('PIN_CLASS_TOPOLOGY', claim, driver, { requirement: allowedTopologies.text });
	}
	return undefined;
}

/** A populator fills the claim, and in-tree provisioners are the PV controller's own: neither says a word of it. */
function isForProvisioner(claim: Claim, storageClass: StorageClass, state: ClusterState): boolean {
	if (storageClass.provisioner.startsWith('kubernetes.io/')) return false;
	return !claim.source || judgeSource(claim, claim.source, storageClass, state) !== undefined;
}

/** A source that is not ready yet is no reason: the claim is provisioned when it is. */
function judgeReach(
	claim: Claim,
	storageClass: StorageClass,
	state: ClusterState,
	node: number,
): PinFinding | undefined {
	const found = claim.source && judgeSource(claim, claim.source, storageClass, state);
	if (!claim.source || !found) return undefined;
	const source = sourceName(claim, claim.source);
	const { provisioner: driver } = storageClass;
	if (isProblem(found)) {
		if (found.code !== 'SOURCE_INVALID') return undefined;
		return pinFinding('PIN_SOURCE_INVALID', claim, driver, { source, problem: found.problem });
	}
	if (!found.limit || found.limit.nodes(state.nodes).has(node)) return undefined;
	return pinFinding('PIN_SOURCE_UNREACHABLE', claim, driver, { source, requirement: found.limit.text });
}

/** CSI drivers that the cluster knows: those with a CSIDriver object, which is optional, or on any node. */
function knownDrivers(state: ClusterState): ReadonlySet<string> {
	const names = new Set(state.all('CSIDriver').keys());
	for (const { drivers } of state.all('CSINode').values()) for (const { name } of drivers) names.add(name);
	return names;
}

/** Whom the volumes are for: a claim's uid, or its key where the volume was reserved by name. */
function claimsWithVolume(state: ClusterState): ReadonlySet<string> {
	const claims = new Set<string>();
	for (const { claimRef } of state.all('PersistentVolume').values()) {
		if (claimRef) claims.add(claimRef.uid || `${claimRef.namespace}/${claimRef.name}`);
	}
	return claims;
}

/** Then the PV controller is about to bind the two, whatever the pin says. The name is the one that provisioners give. */
function hasVolume({ uid, namespace, name }: Claim, state: ClusterState, reserved: ReadonlySet<string>): boolean {
	if (state.seen('PersistentVolume', `pvc-${uid}`)) return true;
	return reserved.has(uid) || reserved.has(`${namespace}/${name}`);
}

export function byClaim(a: { readonly claim: Claim }, b: { readonly claim: Claim }): number {
	return objectKey(a.claim) < objectKey(b.claim) ? -1 : 1;
}

function lazily<T>(make: () => T): () => T {
	let made: { readonly value: T } | undefined;
	return () => {
		made ??= { value: make() };
		return made.value;
	};
}
