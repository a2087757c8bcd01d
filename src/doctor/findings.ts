/** What the pin doctor finds: stable codes, each with what is wrong. docs/doctor.md is tested against it. */

import type { Claim } from '../domain/model.ts';

const TEMPLATES = {
	PIN_NODE_EMPTY: 'its selected-node is empty, which every node is refused for and no provisioner answers',
	PIN_NO_PROVISIONER:
		'class {class} has no provisioner, so nothing makes its volume, and none that is there is looked for',
	PIN_NODE_GONE: 'node {node} does not exist',
	PIN_CSINODE_GONE: 'node {node} has no CSINode, so driver {driver} is not there',
	PIN_DRIVER_MISSING: 'driver {driver} is not registered on node {node}',
	PIN_SOURCE_INVALID: 'it cannot be filled from its source, {source}: {problem}',
	PIN_SOURCE_UNREACHABLE: 'its source, {source}, cannot be reached from node {node}, but from {requirement}',
	PIN_CLASS_TOPOLOGY: 'class {class} does not allow node {node}, but {requirement}',
	PIN_PROVISIONER_SILENT:
		'{driver} was asked for its volume on node {node}, and no event on record tells of an attempt since {since}',
} as const;

const MENDS: Readonly<Record<PinCode, string>> = {
	PIN_NODE_EMPTY: 'remove the annotation; nothing else can move the claim',
	PIN_NO_PROVISIONER: 'remove the annotation, so that the claim can be bound to a volume that is there',
	PIN_NODE_GONE: 'bring the node back, or have another chosen',
	PIN_CSINODE_GONE: 'start the kubelet and the driver on the node, or have another chosen',
	PIN_DRIVER_MISSING:
		'start the driver on the node (it is absent for a moment while it restarts), or have another chosen',
	PIN_SOURCE_INVALID: 'what the text ends with; the pin alone is not what keeps the claim',
	PIN_SOURCE_UNREACHABLE: 'have a node chosen that reaches the source',
	PIN_CLASS_TOPOLOGY: 'allow the node in the class, or have another chosen',
	PIN_PROVISIONER_SILENT:
		'see that a provisioner of that name runs, serves the node (with --node-deployment, by running there) and may write events; start or restart it',
};

export type PinCode = keyof typeof TEMPLATES;
export const PIN_CODES = Object.keys(TEMPLATES) as readonly PinCode[];
export const pinTemplates: Readonly<Record<PinCode, string>> = TEMPLATES;

export type PinDetails = Readonly<
	Partial<Record<'node' | 'class' | 'driver' | 'source' | 'problem' | 'requirement' | 'since', string>>
>;

/** A claim that can never be provisioned on the node it is pinned to, or that nobody seems to provision there. */
export interface PinFinding {
	readonly code: PinCode;
	/** As it was judged: its resourceVersion is the one that a repair insists on. */
	readonly claim: Claim;
	readonly node: string;
	/** The class's provisioner. */
	readonly driver: string;
	readonly message: string;
	/** What would mend it, whoever does it. */
	readonly mend: string;
}

export function pinFinding(code: PinCode, claim: Claim, driver: string, details: PinDetails = {}): PinFinding {
	const node = claim.selectedNode ?? '';
	const all: PinDetails = { node, class: claim.className, driver, ...details };
	const message = TEMPLATES[code].replace(/\{(\w+)\}/g, (_, name: keyof PinDetails) => all[name] ?? '?');
	return { code, claim, node, driver, message, mend: MENDS[code] };
}
