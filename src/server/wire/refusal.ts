/** Says what is wrong with a body: which field, what was found, what would be right. */

/** As much of an ajv error as is read; `verbose` must be on. */
export interface ShapeError {
	readonly instancePath: string;
	readonly keyword: string;
	readonly params: Readonly<Record<string, unknown>>;
	readonly data?: unknown;
	readonly parentSchema?: object;
}

interface Described {
	readonly description?: string;
	readonly properties?: Readonly<Record<string, Described>>;
}

/** One sentence about the first thing that is wrong, of bounded length. */
export function describeShapeError(error: ShapeError): string {
	const schema = (error.parentSchema ?? {}) as Described;
	const field = fieldAt(error.instancePath);
	if (error.keyword === 'required') {
		const missing = String(error.params.missingProperty);
		const expected = schema.properties?.[missing]?.description ?? 'set';
		return `${field === '' ? missing : `${field}.${missing}`} is missing, must be ${expected}`;
	}
	return `${field === '' ? 'the body' : field} is ${found(error.data)}, must be ${schema.description ?? 'something else'}`;
}

/** JSON pointer → the field as a person writes it: NodeNames[3], Pod.metadata.name, labels["a/b"]. */
function fieldAt(pointer: string): string {
	return pointer
		.split('/')
		.slice(1)
		.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
		.map((part, depth) => {
			if (/^\d+$/.test(part)) return `[${clip(part)}]`;
			if (!/^\w+$/.test(part)) return `[${JSON.stringify(clip(part))}]`;
			return depth === 0 ? clip(part) : `.${clip(part)}`;
		})
		.join('');
}

function found(value: unknown): string {
	if (value === null) return 'null';
	if (value === undefined) return 'missing';
	if (Array.isArray(value)) return value.length > CLIP ? `a list of ${value.length}` : 'a list';
	if (typeof value === 'object') return 'an object';
	if (typeof value !== 'string') return `the ${typeof value} ${String(value)}`;
	return value.length > CLIP ? `a string of ${value.length} characters` : `the string ${JSON.stringify(value)}`;
}

const CLIP = 63;

function clip(text: string): string {
	return text.length > CLIP ? `${text.slice(0, CLIP)}…` : text;
}
