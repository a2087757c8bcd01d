/** The documents of one file: JSON, or YAML as Kubernetes reads it. */

import { isMap, isPair, isSeq, LineCounter, type Node, parseAllDocuments, type Document as YamlDocument } from 'yaml';
import { describePlace, type Path, type Place } from './place.ts';
import type { Problems } from './problems.ts';

export interface ManifestDocument {
	readonly value: unknown;
	readonly place: Place;
}

/** Documents that cannot be read are reported, empty ones left out. */
export function* parseDocuments(file: string, text: string, problems: Problems): Iterable<ManifestDocument> {
	if (file.endsWith('.json')) {
		// A fleet comes as JSON: a YAML parser would take minutes for what JSON.parse does in one second.
		const value = parseJson(file, text, problems);
		if (value !== undefined) yield { value, place: { file, document: 1, lineOf: () => undefined } };
	} else {
		yield* parseYaml(file, text, problems);
	}
}

function parseJson(file: string, text: string, problems: Problems): unknown {
	try {
		return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
	} catch (error) {
		problems.add(`${file}: ${(error as Error).message}`);
		return undefined;
	}
}

/** Tags of YAML 1.1 that Kubernetes leaves alone: a date stays text, and 1:30 is no number. */
const FOREIGN_TAG = /:(?:timestamp|binary|omap|pairs|set)$/;

function* parseYaml(file: string, text: string, problems: Problems): Iterable<ManifestDocument> {
	const lineCounter = new LineCounter();
	const documents = parseAllDocuments(text, {
		// Kubernetes reads YAML 1.1: an annotation of `yes` without quotes is a boolean, and thus an error.
		version: '1.1',
		customTags: (tags) =>
			tags.filter((tag) => typeof tag === 'object' && !FOREIGN_TAG.test(tag.tag) && tag.format !== 'TIME'),
		stringKeys: true,
		prettyErrors: false,
		lineCounter,
		logLevel: 'silent',
	});
	let number = 0;
	for (const document of documents) {
		number++;
		const place: Place = { file, document: number, lineOf: (path) => lineOfPath(document, path, lineCounter) };
		const fault = document.errors[0] ?? document.warnings[0];
		if (fault) {
			const { line } = lineCounter.linePos(fault.pos[0]);
			problems.add(`${file}:${line}: document ${number}: ${toldOf(fault)}`);
		} else if (document.contents !== null) {
			const value = toPlain(document, place, problems);
			if (value !== null && value !== undefined) yield { value, place };
		}
	}
}

/** The parser reports the end of its stack as it comes. */
function toldOf({ message }: Error): string {
	return message.startsWith('Maximum call stack') ? 'is nested too deeply' : message;
}

type Parsed = YamlDocument | YamlDocument.Parsed;

function toPlain(document: Parsed, place: Place, problems: Problems): unknown {
	try {
		return document.toJS() as unknown;
	} catch (error) {
		// The stack's end is the caller's to tell of; else it is too many aliases, or one to an anchor that does not exist.
		if (error instanceof RangeError) throw error;
		problems.add(`${describePlace(place, '')}: ${(error as Error).message}`);
		return undefined;
	}
}

/** Follows the path as far as it goes. */
function lineOfPath(document: Parsed, path: Path, lines: LineCounter): number | undefined {
	let node: unknown = document.contents;
	let offset = (node as Node | null)?.range?.[0];
	for (const part of path) {
		if (isMap(node)) {
			const pair = node.items.find((item) => isPair(item) && (item.key as { value?: unknown }).value === part);
			if (!pair) break;
			offset = (pair.key as Node).range?.[0] ?? offset;
			node = pair.value;
		} else if (isSeq(node) && typeof part === 'number') {
			node = node.items[part];
			offset = (node as Node | undefined)?.range?.[0] ?? offset;
		} else break;
	}
	return offset === undefined ? undefined : lines.linePos(offset).line;
}
