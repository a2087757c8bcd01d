/** The catalogue of refusals: stable codes, one message template each. docs/reasons.md is tested against it. */

const TEMPLATES = {
	UNKNOWN_NODE: 'the node is not known to topobind',
	CLAIM_MISSING: 'claim {claim} does not exist',
	CLAIM_NOT_CREATED: 'claim {claim} of an ephemeral volume has not been created yet',
	CLAIM_NOT_OWNED: 'claim {claim} of an ephemeral volume was not created for this pod',
	CLAIM_LOST: 'claim {claim} has lost its volume {volume}',
	CLAIM_DELETING: 'claim {claim} is being deleted',
	CLAIM_UNBOUND: 'claim {claim} is not bound yet and does not wait for a pod',
	CLAIM_INVALID: 'claim {claim} has a selector that cannot be used: {problem}',
	CLASS_MISSING: 'claim {claim} names class {class}, which does not exist',
	CLASS_INVALID: 'claim {claim} names class {class}, which has no volumeBindingMode',
	VOLUME_MISSING: 'claim {claim} is bound to volume {volume}, which does not exist',
	VOLUME_NODE_AFFINITY: 'claim {claim} is bound to volume {volume}, which needs {requirement}',
	VOLUME_UNTRANSLATABLE: 'claim {claim} is bound to volume {volume}, which cannot be migrated to CSI: {problem}',
	SELECTED_NODE: 'claim {claim} is already being provisioned for another node',
	NO_STATIC_VOLUME: 'claim {claim} finds no available volume of class {class} with {request}',
	SOURCE_NOT_READY: 'claim {claim} waits for its source, {source}: {problem}',
	SOURCE_INVALID: 'claim {claim} cannot be filled from its source, {source}: {problem}',
	SOURCE_UNREACHABLE: 'claim {claim} must go where its source, {source}, can be reached: {requirement}',
	CLASS_TOPOLOGY: 'claim {claim} is provisioned by class {class}, which allows {requirement}',
	CAPACITY: 'claim {claim} asks for {request}, more than class {class} has free',
	ZONE_LABEL: 'claim {claim} is bound to volume {volume}, whose labels need {requirement}',
} as const;

export type ReasonCode = keyof typeof TEMPLATES;

/** What fills a template; claims are named without their namespace, which is the pod's. */
export type ReasonDetails = Readonly<
	Partial<Record<'claim' | 'volume' | 'class' | 'requirement' | 'request' | 'problem' | 'source', string>>
>;

/** Why nodes are refused. The same cause always gives the same message; no message names a judged node. */
export interface Reason {
	readonly code: ReasonCode;
	readonly message: string;
	readonly details: ReasonDetails;
}

/** Code → template, as shown in docs/reasons.md. */
export const reasonTemplates: Readonly<Record<ReasonCode, string>> = TEMPLATES;

export function reason(code: ReasonCode, details: ReasonDetails = {}): Reason {
	const message = TEMPLATES[code].replace(/\{(\w+)\}/g, (_, name: keyof ReasonDetails) => details[name] ?? '?');
	return { code, message, details };
}
