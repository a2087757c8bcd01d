/**
 * The shapes that are read, as JSON schemas. `description` completes the sentence "… must be …" of the refusal
 * (see refusal.ts), so it stands on every schema.
 *
 * Only shapes are checked: a rule about a single node name belongs to the domain. Lengths are bounded where a text
 * comes back in messages, never on node names, where counting characters would cost more than reading the JSON.
 */

export interface Schema {
	readonly description: string;
	readonly type: JsonType | readonly JsonType[];
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly additionalProperties?: Schema;
	readonly required?: readonly string[];
	readonly items?: Schema;
	readonly maxItems?: number;
	readonly minLength?: number;
	readonly maxLength?: number;
}

type JsonType = 'object' | 'array' | 'string' | 'integer' | 'null';

// The longest name Kubernetes takes.
const NAME_LENGTH = 253;

/** Twenty of the largest clusters; an answer for as many short names as fit in a body would be too long for a string. */
const MOST_NODES = 100_000;

const claim = optional(
	object('a claim, with claimName', { claimName: name("a claim's name, of 1 to 253 characters") }, ['claimName']),
);

const volume = object(
	'a volume, with a name',
	{
		name: name("a volume's name, of 1 to 253 characters"),
		persistentVolumeClaim: claim,
		ephemeral: optional(object('an ephemeral volume', {})),
	},
	['name'],
);

const pod = object(
	'a pod',
	{
		metadata: object(
			'an object with the name of the pod',
			{
				name: name("the pod's name, of 1 to 253 characters"),
				namespace: text("the pod's namespace, of at most 253 characters"),
				uid: text("the pod's UID, of at most 253 characters"),
				resourceVersion: text('a string'),
				deletionTimestamp: text('a time'),
			},
			['name'],
		),
		spec: optional(
			object('an object', {
				nodeName: text("a node's name"),
				schedulerName: text("a scheduler's name"),
				volumes: optional(list('a list of volumes', volume)),
			}),
		),
	},
	['metadata'],
);

const node = object(
	'a node, with metadata.name',
	{
		metadata: object(
			'an object with the name of the node',
			{
				name: { type: 'string', description: "the node's name" },
				labels: optional(map('a map of strings', { type: 'string', description: 'a string' })),
			},
			['name'],
		),
	},
	['metadata'],
);

/** Body of filter and prioritize. */
export const extenderArgs = object(
	'an object: {"Pod": {…}, "NodeNames": [names]} or {"Pod": {…}, "Nodes": {"items": [nodes]}}',
	{
		Pod: pod,
		NodeNames: optional({
			...list(`a list of at most ${MOST_NODES} node names`, { type: 'string', description: "a node's name" }),
			maxItems: MOST_NODES,
		}),
		Nodes: optional(object('a NodeList, with items', { items: optional(list('a list of nodes', node)) }, ['items'])),
	},
	['Pod'],
);

/** Body of bind. */
export const extenderBindingArgs = object(
	'an object: {"PodName": name, "PodNamespace": namespace, "PodUID": uid, "Node": name}',
	{
		PodName: name("the pod's name, of 1 to 253 characters"),
		PodNamespace: name("the pod's namespace, of 1 to 253 characters"),
		PodUID: text("the pod's UID, of at most 253 characters"),
		Node: name("the node's name, of 1 to 253 characters"),
	},
	['PodName', 'PodNamespace', 'Node'],
);

const violations = optional<Schema>({ type: 'integer', description: 'a whole number' });

const victims = victimsOf(
	'a pod, with metadata.uid',
	object('a pod, with metadata.uid', {
		metadata: object('an object with the UID of the pod', { uid: { type: 'string', description: "the pod's UID" } }, [
			'uid',
		]),
	}),
	'metadata',
);

const metaVictims = victimsOf(
	'an object with UID',
	object('an object with UID', { UID: { type: 'string', description: "the pod's UID" } }),
	'UID',
);

/** Body of preempt. */
export const extenderPreemptionArgs = object(
	'an object: {"Pod": {…}, "NodeNameToMetaVictims": {node: victims}} or with NodeNameToVictims',
	{
		Pod: pod,
		NodeNameToVictims: optional(map('a map of node names to victims', victims)),
		NodeNameToMetaVictims: optional(map('a map of node names to victims', metaVictims)),
	},
	['Pod'],
);

function victimsOf(description: string, victim: Schema, required: string): Schema {
	return object(
		'an object with Pods and NumPDBViolations',
		{
			Pods: optional(list('a list of pods', { ...victim, description, required: [required] })),
			NumPDBViolations: violations,
		},
		['Pods'],
	);
}

function object(description: string, properties: Record<string, Schema>, required: readonly string[] = []): Schema {
	return { type: 'object', description, properties, required };
}

function map(description: string, additionalProperties: Schema): Schema {
	return { type: 'object', description, additionalProperties };
}

function list(description: string, items: Schema): Schema {
	return { type: 'array', description, items };
}

function name(description: string): Schema {
	return { type: 'string', description, minLength: 1, maxLength: NAME_LENGTH };
}

/** A string that may be absent or null, which Go reads as ''. */
function text(description: string): Schema {
	return optional({ type: 'string', description, maxLength: NAME_LENGTH });
}

function optional<T extends Schema>(schema: T): Schema {
	return { ...schema, type: [schema.type as JsonType, 'null'], description: `${schema.description}, or null` };
}
