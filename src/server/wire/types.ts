/**
 * What kube-scheduler and an extender say to each other, named and shaped as in Go.
 *
 * Source: https://github.com/kubernetes/kube-scheduler/blob/master/extender/v1/types.go
 *
 * The Go types carry no JSON tags, so every field is written capitalised and none is left out when empty; what Go
 * does not use arrives as null. Nested Kubernetes objects are ordinary camelCase. Optional here is what a person
 * with curl may leave out.
 */

/** A pod as the API server gives it; src/cluster/projections.ts reads it. */
export interface RawPod {
	readonly metadata: { readonly name: string; readonly namespace?: string | null; readonly uid?: string | null };
	readonly spec?: object | null;
}

/** A node sent whole: only its name and labels are read, the rest goes back as it came. */
export interface RawNode {
	readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> | null };
}

export interface NodeList {
	readonly items: readonly RawNode[] | null;
}

/** In of filter and prioritize. */
export interface ExtenderArgs {
	readonly Pod: RawPod;
	/** Null where the scheduler's entry says nodeCacheCapable. */
	readonly Nodes?: NodeList | null;
	/** Null where it does not. */
	readonly NodeNames?: readonly string[] | null;
}

/** Node name → message. */
export type FailedNodesMap = Readonly<Record<string, string>>;

/** Out of filter. Both lists null means that no node fits. */
export interface ExtenderFilterResult {
	readonly Nodes: { readonly metadata: object; readonly items: readonly RawNode[] } | null;
	readonly NodeNames: readonly string[] | null;
	readonly FailedNodes: FailedNodesMap;
	readonly FailedAndUnresolvableNodes: FailedNodesMap;
	readonly Error: string;
}

export interface HostPriority {
	readonly Host: string;
	/** An int64 in Go: a fraction fails decoding. */
	readonly Score: number;
}

/** Out of prioritize. */
export type HostPriorityList = readonly HostPriority[];

/** In of bind. */
export interface ExtenderBindingArgs {
	readonly PodName: string;
	readonly PodNamespace: string;
	readonly PodUID?: string | null;
	readonly Node: string;
}

/** Out of bind, and of every call that fails. */
export interface ExtenderBindingResult {
	readonly Error: string;
}

export interface MetaPod {
	readonly UID: string;
}

export interface MetaVictims {
	readonly Pods: readonly MetaPod[] | null;
	readonly NumPDBViolations?: number | null;
}

export interface Victims {
	readonly Pods: readonly { readonly metadata: { readonly uid: string } }[] | null;
	readonly NumPDBViolations?: number | null;
}

/** In of preempt. */
export interface ExtenderPreemptionArgs {
	readonly Pod: RawPod;
	/** Null where the scheduler's entry says nodeCacheCapable. */
	readonly NodeNameToVictims?: Readonly<Record<string, Victims>> | null;
	/** Null where it does not. */
	readonly NodeNameToMetaVictims?: Readonly<Record<string, MetaVictims>> | null;
}

/** Out of preempt: always the Meta form. */
export interface ExtenderPreemptionResult {
	readonly NodeNameToMetaVictims: Readonly<Record<string, MetaVictims>>;
}
