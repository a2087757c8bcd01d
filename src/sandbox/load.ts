/** Reads manifests into objects, as an API server would take them: checked, with defaults filled in. */

import { readFile } from 'node:fs/promises';
import { withDefaults } from './load/defaults.ts';
import { parseDocuments } from './load/documents.ts';
import { loadFields } from './load/fields.ts';
import { findManifests } from './load/files.ts';
import { recogniseKind } from './load/kinds.ts';
import { makeLean } from './load/lean.ts';
import { checkMetadata } from './load/metadata.ts';
import { describePlace, itemPlace, legible, type Path, type Place, pathText } from './load/place.ts';
import { Problems } from './load/problems.ts';
import { settle } from './load/settle.ts';
import { type Report, Validator } from './load/validate.ts';
import { keyOf, type RawObject } from './raw.ts';

export { ManifestError } from './load/problems.ts';

export interface Manifests {
	readonly objects: readonly RawObject[];
	readonly files: readonly string[];
	/** Objects by kind. */
	readonly counts: Readonly<Record<string, number>>;
	/** Objects of kinds that no storage decision needs, passed over; by kind. */
	readonly unused: Readonly<Record<string, number>>;
	/** Not wrong, but most likely not meant. */
	readonly warnings: readonly string[];
}

/**
 * Loads files and folders of .yaml, .yml and .json. Rejects with one ManifestError that tells of everything that is
 * wrong, each with its file, line, document and field.
 */
export async function loadManifests(paths: readonly string[]): Promise<Manifests> {
	const problems = new Problems();
	const [files, fieldsOf] = await Promise.all([findManifests(paths, problems), loadFields()]);
	const loading = new Loading(new Validator(fieldsOf), problems);
	for (const file of files) await loadFile(file, loading, problems);
	problems.throwIfAny();
	settle(loading.objects);
	return {
		objects: loading.objects,
		files,
		counts: Object.fromEntries(loading.counts),
		unused: Object.fromEntries(loading.unused),
		warnings: [...loading.warnings, ...newerWarning(loading.newer)],
	};
}

async function loadFile(file: string, loading: Loading, problems: Problems): Promise<void> {
	const before = loading.seen;
	try {
		const text = await readFile(file, 'utf8');
		for (const { value, place } of parseDocuments(file, text, problems)) loading.take(value, place);
	} catch (error) {
		// A RangeError is the stack's end: no real manifest is that deep.
		problems.add(`${file}: ${error instanceof RangeError ? 'is nested too deeply' : (error as Error).message}`);
	}
	if (loading.seen === before && problems.count === 0) loading.warnings.push(`${file}: holds no object`);
}

type Fields = Record<string, unknown>;

class Loading {
	readonly objects: RawObject[] = [];
	readonly counts = new Map<string, number>();
	readonly unused = new Map<string, number>();
	readonly warnings: string[] = [];
	/** Objects met so far, of any kind. */
	seen = 0;
	readonly #validator: Validator;
	readonly #problems: Problems;
	readonly #places = new Map<string, Place>();
	/** `Node status.nodeInfo.swap`: fields of the API server that are not known here. */
	readonly #newer = new Set<string>();

	constructor(validator: Validator, problems: Problems) {
		this.#validator = validator;
		this.#problems = problems;
	}

	get newer(): readonly string[] {
		return [...this.#newer];
	}

	/** Takes an object, or every item of a List. */
	take(value: unknown, place: Place, inherited?: Fields): void {
		if (typeof value !== 'object' || value === null || Array.isArray(value)) {
			this.#report(place, {}, [], 'is not an object');
			return;
		}
		const object = (inherited ? { ...inherited, ...value } : value) as Fields;
		const { kind, items = [] } = object;
		if (typeof kind !== 'string' || !kind.endsWith('List')) {
			this.seen++;
			this.#takeObject(object, place);
		} else if (Array.isArray(items)) {
			// Items of a typed list do not repeat what they are.
			const common =
				kind === 'List' ? undefined : { apiVersion: object.apiVersion, kind: kind.slice(0, -'List'.length) };
			for (const [index, item] of items.entries()) this.take(item, itemPlace(place, index), common);
		} else {
			this.#report(place, object, ['items'], 'is not a list');
		}
	}

	#takeObject(object: Fields, place: Place): void {
		const before = this.#problems.count;
		const report = (path: Path, message: string) => this.#report(place, object, path, message);
		const { apiVersion, kind } = object;
		if (typeof kind !== 'string' || kind === '') report(['kind'], 'is required');
		else if (typeof apiVersion !== 'string' || apiVersion === '') report(['apiVersion'], 'is required');
		else {
			const held = recogniseKind(apiVersion, kind);
			if (held === 'unused') count(this.unused, kind);
			else if ('problem' in held)
				this.#problems.add(`${describePlace(place, nameOf(object), ['kind'])}: ${held.problem}`);
			else {
				makeLean(object);
				this.#validator.validate(held.type, held.kind, object, report, this.#unknownOf(object, report));
				if (this.#problems.count === before) checkMetadata(object.metadata, report);
				if (this.#problems.count === before) this.#keep(withDefaults(object as unknown as RawObject, held), place);
			}
		}
	}

	/**
	 * What an API server has taken holds no mistyped field, so one that is not known here is newer than topobind: that
	 * is warned of once for each kind and field. Only an API server gives a UID.
	 */
	#unknownOf({ kind, metadata }: Fields, report: Report): Report {
		const { uid } = (typeof metadata === 'object' && metadata ? metadata : {}) as Fields;
		if (typeof uid !== 'string' || uid === '') return report;
		return (path) => {
			const field = pathText(path.map((part) => (typeof part === 'number' ? 0 : part))).replaceAll('[0]', '[]');
			this.#newer.add(`${kind} ${field}`);
		};
	}

	#keep(object: RawObject, place: Place): void {
		const key = `${object.kind} ${keyOf(object)}`;
		const first = this.#places.get(key);
		if (first) {
			this.#problems.add(`${describePlace(place, key)}: is there twice, first in ${describePlace(first, '')}`);
			return;
		}
		this.#places.set(key, place);
		this.objects.push(object);
		count(this.counts, object.kind);
	}

	#report(place: Place, object: Fields, path: Path, message: string): void {
		this.#problems.add(`${describePlace(place, nameOf(object), path)}: ${sentence(path, message)}`);
	}
}

function newerWarning(fields: readonly string[]): string[] {
	if (fields.length === 0) return [];
	const some = fields.slice(0, MOST_NAMED).join(', ');
	const more = fields.length > MOST_NAMED ? ` and ${fields.length - MOST_NAMED} more` : '';
	return [`passed over fields that are not known here, of a cluster that is newer than this topobind: ${some}${more}`];
}

const MOST_NAMED = 10;

/** The field, then what is wrong with it or, after a colon, with the value shown. */
function sentence(path: Path, message: string): string {
	if (path.length === 0) return message;
	return `${pathText(path)}${/^(?:is|needs) /.test(message) ? '' : ':'} ${message}`;
}

/** `PersistentVolume local-pv`, as much of it as is known. */
function nameOf({ kind, metadata }: Fields): string {
	const { name, namespace } = (typeof metadata === 'object' && metadata ? metadata : {}) as Fields;
	const full = typeof namespace === 'string' && typeof name === 'string' ? `${namespace}/${name}` : name;
	return [kind, full].flatMap((part) => (typeof part === 'string' ? legible(part) : [])).join(' ');
}

function count(counts: Map<string, number>, kind: string): void {
	counts.set(kind, (counts.get(kind) ?? 0) + 1);
}
