import type { Reason } from '../decision/reasons.ts';
import type { NodeSet } from '../topology/node-set.ts';

/** One thing that provisioning needs: the nodes that have it, and why the others are refused. */
export interface ProvisioningStep {
	readonly allowed: NodeSet;
	readonly reason: Reason;
}
