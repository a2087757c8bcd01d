/** Turns what ajv found into sentences: where, what was expected, what was found. */

import type { ErrorObject } from 'ajv';
import { addressProblem } from './address.ts';
import type { Path } from './file.ts';
import { nearest } from './nearest.ts';
import { configSchema, type FieldSchema } from './schema.ts';

export interface Problem {
	/** The field it is about, which the file may lack. */
	readonly path: Path;
	/** What to call it where nothing better is known, such as the flag that set it. */
	readonly subject: string;
	/** What follows the subject. */
	readonly text: string;
}

/** Fields that look as if they belonged into the file, and where they are given instead. */
const elsewhere: Readonly<Record<string, string>> = {
	kubeconfig: '--kubeconfig or TOPOBIND_KUBECONFIG',
	manifests: '--manifests or TOPOBIND_MANIFESTS',
};

/** One problem for each field at fault, in the order ajv met them. */
export function problemsOf(errors: readonly ErrorObject[]): Problem[] {
	const seen = new Set<string>();
	return errors.flatMap((error) => {
		const found = problemOf(error);
		// A value of the wrong type often breaks a second rule too: once is enough.
		const key = found.path.join('\0');
		if (seen.has(key)) return [];
		seen.add(key);
		return [found];
	});
}

function problemOf(error: ErrorObject): Problem {
	const path = pathOf(error.instancePath);
	const schema = error.parentSchema as FieldSchema;
	const { additionalProperty, missingProperty, propertyName } = error.params as Record<string, string | undefined>;

	if (additionalProperty !== undefined) {
		return problem([...path, additionalProperty], unknownField(path, additionalProperty, schema));
	}
	if (missingProperty !== undefined) {
		return problem(
			[...path, missingProperty],
			` is missing; expected ${expected(schema.properties?.[missingProperty])}`,
		);
	}
	const driver = error.propertyName ?? propertyName;
	if (driver !== undefined) return problem([...path, driver], ': this is not the name of a CSI driver');
	return problem(path, `: ${wrongValue(error.data, schema)}`);
}

export function problem(path: Path, text: string): Problem {
	return { path, subject: show(path), text };
}

function unknownField(parent: Path, name: string, schema: FieldSchema): string {
	if (parent.length === 0 && Object.hasOwn(elsewhere, name)) {
		return ` is not a field of the file; it is given by ${elsewhere[name]}`;
	}
	const known = Object.keys(schema.properties ?? {});
	const near = nearest(name, known);
	if (near !== undefined) return ` is not a known field; did you mean ${show([...parent, near])}?`;
	// Perhaps the right name under the wrong heading.
	const moved = allFields(configSchema).filter((path) => path.at(-1) === name);
	if (moved.length > 0) return ` is not a known field; did you mean ${moved.map(show).join(' or ')}?`;
	return ` is not a known field; known here: ${known.join(', ')}`;
}

function wrongValue(value: unknown, schema: FieldSchema): string {
	const found = `expected ${expected(schema)}, found ${shown(value)}`;
	if (typeof value !== 'string') return found;
	const near = nearest(value, schema.enum ?? (schema.const === undefined ? [] : [schema.const]));
	if (near !== undefined) return `${found}; did you mean ${near}?`;
	const detail = schema.format === 'host-port' ? addressProblem(value) : undefined;
	return detail === undefined ? found : `${found}: ${detail}`;
}

/** What would be right for a field, in words. */
export function expected(schema: FieldSchema | undefined): string {
	if (schema === undefined) return 'a value';
	if (schema.const !== undefined) return `"${schema.const}"`;
	if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
	if (schema.format === 'host-port') return 'HOST:PORT, such as 127.0.0.1:8888';
	switch (schema.type) {
		case 'object':
			return schema.properties === undefined
				? 'a mapping from names to settings'
				: `a mapping with ${Object.keys(schema.properties).join(', ')}`;
		case 'integer':
		case 'number': {
			const kind = schema.type === 'integer' ? 'a whole number' : 'a number';
			const unit = schema.unit === undefined ? '' : ` (${schema.unit})`;
			return `${kind} from ${schema.minimum} to ${schema.maximum}${unit}`;
		}
		case 'boolean':
			return 'true or false';
		default:
			return 'a text that is not empty';
	}
}

/** A value as a person wrote it; a number in quotes is told from a number. */
function shown(value: unknown): string {
	if (value === null || value === undefined) return 'nothing';
	if (Array.isArray(value)) return 'a list';
	if (typeof value === 'object') return 'a mapping';
	if (typeof value !== 'string') return String(value);
	return `the text "${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`;
}

/** Every field that the schema names, sections included; `<name>` stands for a free key. */
export function allFields(schema: FieldSchema, above: Path = []): Path[] {
	const named = Object.entries(schema.properties ?? {});
	const free =
		typeof schema.additionalProperties === 'object' ? [['<name>', schema.additionalProperties] as const] : [];
	return [...named, ...free].flatMap(([name, field]) => [[...above, name], ...allFields(field, [...above, name])]);
}

/** `bind.timeoutSeconds`, `sources.drivers["lvm.csi.example"].snapshots`. */
export function show(path: Path): string {
	if (path.length === 0) return 'the configuration';
	const steps = path.map((step) => (/^[A-Za-z_]\w*$/.test(String(step)) ? `.${step}` : `[${JSON.stringify(step)}]`));
	return steps.join('').replace(/^\./, '');
}

function pathOf(instancePath: string): Path {
	return instancePath
		.split('/')
		.slice(1)
		.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}
