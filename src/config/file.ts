import { isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLError } from 'yaml';
import { API_VERSION, ConfigError, KIND } from './config.ts';

/** Where a value stands inside a document: keys and indexes from the top. */
export type Path = readonly (string | number)[];

/** A configuration file, read but not judged. */
export interface ConfigFile {
	readonly name: string;
	readonly content: unknown;
	/** `name:line` of the deepest part of the path that the file has. */
	at(path: Path): string;
}

/** Reads a YAML (or JSON) file. Throws a ConfigError if there is no reading it. */
export function readConfigFile(name: string, readFile: (path: string) => string): ConfigFile {
	const text = readText(name, readFile);
	const lines = new LineCounter();
	const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });

	const faults = [...document.errors, ...document.warnings];
	if (faults.length > 0) {
		throw new ConfigError(faults.map((fault) => `${name}:${lines.linePos(fault.pos[0]).line}: ${toldOf(fault)}`));
	}
	if (document.contents === null) {
		throw new ConfigError([`${name} is empty; it must begin with apiVersion: ${API_VERSION} and kind: ${KIND}`]);
	}
	return {
		name,
		content: plainContent(name, () => document.toJS()),
		at: (path) => {
			const offset = offsetOf(document.contents, path);
			return offset === undefined ? name : `${name}:${lines.linePos(offset).line}`;
		},
	};
}

/** The parser tells those who program with it of another function to call. */
function toldOf({ code, message }: YAMLError): string {
	return code === 'MULTIPLE_DOCS' ? 'a second document begins here; the configuration is one' : message;
}

function readText(name: string, readFile: (path: string) => string): string {
	try {
		return readFile(name);
	} catch (error) {
		throw new ConfigError([`the configuration file cannot be read: ${(error as Error).message}`]);
	}
}

/** The conversion fails on a document whose aliases multiply without end. */
function plainContent(name: string, convert: () => unknown): unknown {
	try {
		return convert();
	} catch (error) {
		throw new ConfigError([`${name}: ${(error as Error).message}`]);
	}
}

function offsetOf(contents: Node | null, path: Path): number | undefined {
	let node: unknown = contents;
	let offset: number | undefined;
	for (const step of path) {
		const [place, value] = stepInto(node, step);
		if (place === undefined) break;
		offset = place;
		node = value;
	}
	return offset;
}

/** The offset of a key (or of an item of a sequence) and the node below it. */
function stepInto(node: unknown, step: string | number): [number | undefined, unknown] {
	if (isMap(node)) {
		const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
		return isNode(pair?.key) ? [pair.key.range?.[0], pair.value] : [undefined, undefined];
	}
	const item = isSeq(node) ? node.items[Number(step)] : undefined;
	return isNode(item) ? [item.range?.[0], item] : [undefined, undefined];
}
