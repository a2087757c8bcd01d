/**
 * Field names as Go's encoding/json takes them: one that differs only in case names the same field, of two the
 * later counts, and an unknown one is skipped. Nested Kubernetes objects are left as they came.
 */

const ARGS = fields('Pod', 'Nodes', 'NodeNames');
const BINDING_ARGS = fields('PodName', 'PodNamespace', 'PodUID', 'Node');
const PREEMPTION_ARGS = fields('Pod', 'NodeNameToVictims', 'NodeNameToMetaVictims');
const VICTIMS = fields('Pods', 'NumPDBViolations');
const META_POD = fields('UID');

/** Each takes any JSON value, and gives the same value with the fields named as in types.ts. */
export const nameFields = {
	args: (body: unknown): unknown => named(body, ARGS),

	bindingArgs: (body: unknown): unknown => named(body, BINDING_ARGS),

	preemptionArgs(body: unknown): unknown {
		const args = named(body, PREEMPTION_ARGS);
		if (!isObject(args)) return args;
		const victims = mapValues(args.NodeNameToVictims, (of) => named(of, VICTIMS));
		const metaVictims = mapValues(args.NodeNameToMetaVictims, namedMetaVictims);
		return { ...args, NodeNameToVictims: victims, NodeNameToMetaVictims: metaVictims };
	},
};

function namedMetaVictims(value: unknown): unknown {
	const victims = named(value, VICTIMS);
	if (!isObject(victims) || !Array.isArray(victims.Pods)) return victims;
	return { ...victims, Pods: victims.Pods.map((pod) => named(pod, META_POD)) };
}

/** Lower-case name → the name in Go. */
type Fields = ReadonlyMap<string, string>;

function fields(...names: string[]): Fields {
	return new Map(names.map((name) => [name.toLowerCase(), name]));
}

function named(value: unknown, known: Fields): unknown {
	if (!isObject(value)) return value;
	const result: Record<string, unknown> = {};
	for (const key of Object.keys(value)) {
		const name = known.get(key.toLowerCase());
		if (name !== undefined) result[name] = value[key];
	}
	return result;
}

function mapValues(value: unknown, change: (value: unknown) => unknown): unknown {
	if (!isObject(value)) return value;
	// No prototype: a node called __proto__ must stay an ordinary key.
	const result: Record<string, unknown> = Object.create(null);
	for (const key of Object.keys(value)) result[key] = change(value[key]);
	return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
