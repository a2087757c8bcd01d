/** Where in the manifests something stands, as errors name it. */

export type Path = readonly (string | number)[];

export interface Place {
	readonly file: string;
	/** Counted from 1. */
	readonly document: number;
	/** Place in a List, counted from 1. */
	readonly item?: number;
	/** Line of the field at this path, or of the nearest one around it; undefined where lines are not known (JSON). */
	readonly lineOf: (path: Path) => number | undefined;
}

/** `nodes.yaml:14: document 2 (Node node1)`; `what` says which object, as far as that is known. */
export function describePlace(place: Place, what: string, path: Path = []): string {
	const line = place.lineOf(path);
	const item = place.item === undefined ? '' : `, item ${place.item}`;
	return `${place.file}${line === undefined ? '' : `:${line}`}: document ${place.document}${item}${what && ` (${what})`}`;
}

/** The place of one item of the List at `place`. */
export function itemPlace(place: Place, index: number): Place {
	return { ...place, item: index + 1, lineOf: (path) => place.lineOf(['items', index, ...path]) };
}

const LONGEST = 80;

/** What was found in a file, for a message: neither endless nor able to write to a terminal what it likes. */
export function legible(text: string): string {
	const short = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
	return /[\u0000-\u001f\u007f-\u009f]/.test(short) ? JSON.stringify(short).replace(/[\u007f-\u009f]/g, '?') : short;
}

/** `spec.nodeSelectorTerms[0].key`, `metadata.labels["example.com/rack"]`. */
export function pathText(path: Path): string {
	let text = '';
	for (const part of path) {
		if (typeof part === 'number') text += `[${part}]`;
		else if (!/^[\w-]+$/.test(part)) text += `[${JSON.stringify(legible(part))}]`;
		else text += text === '' ? part : `.${part}`;
	}
	return text;
}
