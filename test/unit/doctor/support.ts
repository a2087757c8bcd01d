/** Pinned claims, and what the API server says of them. */

import type { ClusterEvent, EventSubject, EventWriter } from '../../../src/cluster/event-writer.ts';
import type { PinnedClaim, PinTrace, ProvisionerWord } from '../../../src/cluster/pin-trace.ts';
import type { PinWriter } from '../../../src/cluster/pin-writer.ts';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { waitingPins } from '../../../src/doctor/diagnose.ts';
import { PIN_CODES, type PinCode, type PinFinding } from '../../../src/doctor/findings.ts';
import { listenTo } from '../../../src/doctor/silence.ts';
import type { Patient } from '../../../src/doctor/treat.ts';
import type { Claim } from '../../../src/domain/model.ts';
import { type ClaimOptions, claim, csiDriver, type Manifest, topologies, volume } from '../domain/builders.ts';
import { clone, content, DRIVER, origin, restore, scene, snapshot } from '../domain/source-builders.ts';

export const PINNED_AT = Date.parse('2026-11-01T10:00:00Z');
export const LATER = PINNED_AT + 60_000;

export function csiNode(name: string, ...drivers: readonly string[]): Manifest<'CSINode'> {
	return {
		kind: 'CSINode',
		metadata: { name, resourceVersion: '1' },
		spec: { drivers: drivers.map((name) => ({ name })) },
	};
}

export function pinned(name: string, node: string, options: ClaimOptions = {}): Manifest<'PersistentVolumeClaim'> {
	return claim(name, { class: 'csi', selectedNode: node, ...options });
}

/** The nodes n1, n2 (zone a) and n3 (zone b) of `scene`, the driver on each of them. */
export function cluster(...objects: readonly Manifest[]) {
	return scene([csiDriver(DRIVER), ...['n1', 'n2', 'n3'].map((name) => csiNode(name, DRIVER)), ...objects]);
}

export const csiClass = (
	options: { provisioner?: string; zone?: string; mode?: string } = {},
): Manifest<'StorageClass'> => ({
	kind: 'StorageClass',
	metadata: { name: 'csi', resourceVersion: '2' },
	provisioner: options.provisioner ?? DRIVER,
	volumeBindingMode: options.mode ?? 'WaitForFirstConsumer',
	...(options.zone !== undefined && { allowedTopologies: topologies({ zone: [options.zone] }) }),
});

/** What the watches do not tell: that nobody says anything of a claim. */
type UnseenCode = 'PIN_PROVISIONER_SILENT';
export type SeenCode = Exclude<PinCode, UnseenCode>;
export const SEEN_CODES = PIN_CODES.filter((code): code is SeenCode => code !== 'PIN_PROVISIONER_SILENT');

/** One cluster for each of these codes in which `ns/data` is pinned to n1 in vain. */
export const SCENES: Readonly<Record<SeenCode, () => ClusterState>> = {
	PIN_NODE_EMPTY: () => cluster(pinned('data', '')),
	PIN_NO_PROVISIONER: () => cluster(pinned('data', 'n1'), csiClass({ provisioner: 'kubernetes.io/no-provisioner' })),
	PIN_NODE_GONE: () => cluster(pinned('data', 'n9')),
	PIN_CSINODE_GONE: () => {
		const state = cluster(pinned('data', 'n1'));
		state.remove('CSINode', 'n1');
		return state;
	},
	PIN_DRIVER_MISSING: () => cluster(pinned('data', 'n1'), csiNode('n1', 'other.example.com')),
	PIN_SOURCE_INVALID: () =>
		cluster(
			snapshot('snap', { status: { restoreSize: '5Gi' } }),
			content('snap'),
			restore('data', 'snap', { selectedNode: 'n1' }),
		),
	PIN_SOURCE_UNREACHABLE: () => cluster(...origin(), clone('data', 'origin', { selectedNode: 'n1' })),
	PIN_CLASS_TOPOLOGY: () => cluster(pinned('data', 'n1'), csiClass({ zone: 'b' })),
};

/** `ns/data` on n1, which its driver's provisioner was asked for long ago, and says nothing of. */
export async function silentFinding(): Promise<PinFinding> {
	const writer = new FakePinWriter();
	writer.trace_ = (judged) => traceFor(judged);
	const [waiting] = waitingPins(cluster(pinned('data', 'n1')));
	const { finding } = waiting ? await listenTo(waiting, writer, 1000) : {};
	if (!finding) throw new Error('not silent');
	return finding;
}

/** A volume that was made for the claim. */
export const volumeFor = (name: string, uid?: string) =>
	volume('made', { class: 'csi', claimRef: { name, ...(uid !== undefined && { uid }) } });

export function traceFor(judged: Claim, trace: Partial<PinTrace> = {}): PinTrace {
	const { uid, resourceVersion } = judged;
	return {
		...{ uid, resourceVersion, provisioner: DRIVER, pinnedAt: PINNED_AT, askedAt: PINNED_AT },
		...{ lastWord: undefined, lastSign: undefined, ...trace },
	};
}

export function answered(code: string | undefined, word: Partial<ProvisionerWord> = {}): Partial<PinTrace> {
	return { lastWord: { reason: 'ProvisioningFailed', code, at: LATER, ...word } };
}

/** Records what it is asked to write; `before` runs ahead of each call. */
export class FakePinWriter implements PinWriter, EventWriter {
	readonly calls: string[] = [];
	readonly events: ClusterEvent[] = [];
	trace_: (claim: Claim) => PinTrace | undefined = (judged) => traceFor(judged, { provisioner: undefined });
	remove: () => boolean = () => true;
	told: () => void = () => {};

	async read(judged: Claim): Promise<PinnedClaim | undefined> {
		this.calls.push(`read ${judged.name}`);
		return this.trace_(judged);
	}

	async trace(judged: Claim): Promise<PinTrace | undefined> {
		this.calls.push(`trace ${judged.name}`);
		return this.trace_(judged);
	}

	async removePin({ name, resourceVersion }: Claim): Promise<boolean> {
		this.calls.push(`remove ${name} at ${resourceVersion}`);
		return this.remove();
	}

	async tell({ name }: EventSubject, event: ClusterEvent): Promise<void> {
		this.calls.push(`tell ${name}`);
		this.told();
		this.events.push(event);
	}
}

/** What the doctor examines, all of its writes recorded. */
export function patient(state: ClusterState, writer: FakePinWriter): Patient {
	return { state, pins: writer, events: writer };
}
