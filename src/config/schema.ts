/**
 * The configuration file as a JSON schema: the one place that knows every field, its range and its default.
 *
 * `unit` is not JSON schema's; it is there for messages. docs/configuration.md is compared to this file by a test.
 */

import { API_VERSION, KIND } from './config.ts';

/** As much of JSON schema as is used here. */
export interface FieldSchema {
	readonly type?: 'object' | 'string' | 'integer' | 'number' | 'boolean';
	readonly const?: string;
	readonly enum?: readonly string[];
	readonly format?: string;
	readonly pattern?: string;
	readonly minLength?: number;
	readonly maxLength?: number;
	readonly minimum?: number;
	readonly maximum?: number;
	readonly unit?: string;
	readonly default?: unknown;
	readonly required?: readonly string[];
	readonly properties?: Readonly<Record<string, FieldSchema>>;
	readonly propertyNames?: FieldSchema;
	readonly additionalProperties?: false | FieldSchema;
}

const MIB = 1024 * 1024;

export const configSchema: FieldSchema = {
	type: 'object',
	additionalProperties: false,
	required: ['apiVersion', 'kind'],
	properties: {
		apiVersion: { const: API_VERSION },
		kind: { const: KIND },

		// No default: it is companion for a cluster and delegate for the sandbox.
		mode: { enum: ['companion', 'delegate'] },

		listen: { type: 'string', format: 'host-port', default: '127.0.0.1:8888' },
		adminListen: { type: 'string', format: 'host-port', default: '127.0.0.1:8889' },
		tls: section({ certFile: file(), keyFile: file(), clientCAFile: file() }, ['certFile', 'keyFile']),

		// 5,000 whole Node objects are 37 MB. More than the maximum would not fit into one JavaScript string.
		bodyLimitBytes: whole({ from: 1024, to: 500 * MIB, unit: 'bytes', default: 256 * MIB }),

		bind: defaulted(
			section({
				timeoutSeconds: whole({ from: 1, to: 3600, unit: 'seconds', default: 290 }),
				schedulerHttpTimeoutSeconds: whole({ from: 2, to: 3601, unit: 'seconds', default: 300 }),
			}),
		),

		scoring: defaulted(section({ staticBonus: points(4), fit: points(6), capacity: points(3) })),

		sources: defaulted(
			section({
				nudge: { type: 'boolean', default: true },
				drivers: {
					type: 'object',
					default: {},
					// The form of a CSI driver's name, so that a typo such as a slash is found here.
					propertyNames: { type: 'string', maxLength: 63, pattern: '^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$' },
					additionalProperties: section({ snapshots: { enum: ['anywhere', 'source-volume', 'managed-by-node'] } }, [
						'snapshots',
					]),
				},
			}),
		),

		events: defaulted(section({ pods: { type: 'boolean', default: true } })),

		doctor: defaulted(
			section({
				events: { type: 'boolean', default: true },
				repair: { type: 'boolean', default: false },
				intervalSeconds: whole({ from: 1, to: 3600, unit: 'seconds', default: 60 }),
				silenceSeconds: whole({ from: 0, to: 86_400, unit: 'seconds', default: 660 }),
			}),
		),

		decisions: defaulted(
			section({
				max: whole({ from: 1, to: 100_000, unit: 'decisions', default: 1000 }),
				ttlSeconds: whole({ from: 1, to: 604_800, unit: 'seconds', default: 3600 }),
			}),
		),

		log: defaulted(
			section({ level: { enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], default: 'info' } }),
		),
	},
};

function section(properties: Record<string, FieldSchema>, required: readonly string[] = []): FieldSchema {
	return { type: 'object', additionalProperties: false, required, properties };
}

/** A section that may be left out: its fields' defaults then apply. */
function defaulted(schema: FieldSchema): FieldSchema {
	return { ...schema, default: {} };
}

function file(): FieldSchema {
	return { type: 'string', minLength: 1 };
}

function whole(range: { from: number; to: number; unit: string; default: number }): FieldSchema {
	return { type: 'integer', minimum: range.from, maximum: range.to, unit: range.unit, default: range.default };
}

/** A part of a score: kube-scheduler takes 0 to 10 from an extender. */
function points(value: number): FieldSchema {
	return { type: 'number', minimum: 0, maximum: 10, default: value };
}
