/** Checks objects against the field tables and rules. A type is compiled to a check once, when it is first met. */

import { nearest } from '../../config/nearest.ts';
import type { Fields, FieldsOf } from './fields.ts';
import { type Path, pathText } from './place.ts';
import { quantityFault } from './quantity-hint.ts';
import { RULES, type TypeRules } from './rules.ts';

/** Told of each problem, with the path it is at. */
export type Report = (path: Path, message: string) => void;

interface Context {
	/** Path of the value being checked; pushed and popped, so that a good object costs no allocation. */
	readonly path: (string | number)[];
	readonly kind: string;
	readonly report: Report;
	readonly unknown: Report;
}

/** Gives the value to keep in place of the one checked: the same, but for a quantity written as a number. */
type Check = (value: unknown, context: Context) => unknown;

export class Validator {
	readonly #fieldsOf: FieldsOf;
	readonly #checks = new Map<string, Check>();

	constructor(fieldsOf: FieldsOf) {
		this.#fieldsOf = fieldsOf;
	}

	/**
	 * Reports all that is wrong with an object of this type, and to `unknown` the fields that the type does not have.
	 * Turns quantities written as numbers into text, in place.
	 */
	validate(type: string, kind: string, object: unknown, report: Report, unknown: Report = report): void {
		this.#check(type)(object, { path: [], kind, report, unknown });
	}

	#check(type: string): Check {
		let check = this.#checks.get(type);
		if (!check) {
			check = this.#compile(type);
			this.#checks.set(type, check);
		}
		return check;
	}

	#compile(type: string): Check {
		const item = /^(?:Array|Set)<(.*)>$/.exec(type)?.[1];
		if (item) return listOf(this.#check(item));
		const entry = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
		if (entry) return mapOf(this.#check(entry));
		const simple = SIMPLE[type];
		if (simple) return simple;
		const fields = this.#fieldsOf(type);
		return fields ? this.#compileObject(type, fields) : anything;
	}

	#compileObject(type: string, fields: Fields): Check {
		const rules = RULES[type] ?? {};
		let checks: ReadonlyMap<string, Check> | undefined;
		return (value, context) => {
			// On first use: types contain themselves (JSONSchemaProps), or more than is ever met (a pod's).
			checks ??= new Map([...fields].map(([name, fieldType]) => [name, this.#compileField(name, fieldType, rules)]));
			if (!isObject(value)) return complain(value, 'an object', context);
			for (const name of Object.keys(value)) {
				context.path.push(name);
				const check = checks.get(name);
				if (check) value[name] = check(value[name], context);
				else context.unknown(context.path, this.#unknownField(name, type, fields, context));
				context.path.pop();
			}
			for (const name of rules.required ?? []) {
				if (value[name] === undefined) context.report([...context.path, name], 'is required');
			}
			const fault = rules.check?.(value);
			if (fault) context.report([...context.path, ...fault.at], fault.message);
			return value;
		};
	}

	#compileField(name: string, type: string, rules: TypeRules): Check {
		if (rules.quantities?.includes(name)) return type === 'string' ? quantity : mapOf(quantity);
		const words = rules.words?.[name];
		if (words) return type === 'string' ? oneOf(words) : listOf(oneOf(words));
		return this.#check(type);
	}

	#unknownField(name: string, type: string, fields: Fields, { path, kind }: Context): string {
		const around = path.slice(0, -1);
		const meant = nearest(name, fields.keys());
		const hint = meant ? pathText([...around, meant]) : this.#oneLevelDown(name, type, fields, around);
		return `is not a field of ${kind}${hint ? `; did you mean ${hint}?` : ''}`;
	}

	/** A field of spec written beside it, by wrong indentation. */
	#oneLevelDown(name: string, type: string, fields: Fields, around: Path): string | undefined {
		for (const [field, fieldType] of fields) {
			if (fieldType !== type && this.#fieldsOf(fieldType)?.has(name)) return pathText([...around, field, name]);
		}
		return undefined;
	}
}

const SIMPLE: Readonly<Record<string, Check>> = {
	string: (value, context) => (typeof value === 'string' ? value : complain(value, 'a string', context)),
	Date: (value, context) => (typeof value === 'string' ? value : complain(value, 'a date', context)),
	boolean: (value, context) => (typeof value === 'boolean' ? value : complain(value, 'true or false', context)),
	number: (value, context) => (typeof value === 'number' ? value : complain(value, 'a number', context)),
	IntOrString: (value, context) =>
		typeof value === 'string' || Number.isInteger(value) ? value : complain(value, 'a string or an integer', context),
};

const anything: Check = (value) => value;

const quantity: Check = (value, context) => {
	const text = typeof value === 'number' ? String(value) : value;
	if (typeof text !== 'string') return complain(value, 'a quantity', context);
	const fault = quantityFault(text);
	if (fault) context.report(context.path, fault);
	return text;
};

function oneOf(words: readonly string[]): Check {
	const known = new Set<unknown>(words);
	return (value, context) => {
		if (known.has(value)) return value;
		if (typeof value !== 'string') return complain(value, 'a string', context);
		const meant = nearest(value, words);
		context.report(
			context.path,
			`${shown(value)} is not one of ${words.join(', ')}${meant ? `; did you mean ${meant}?` : ''}`,
		);
		return value;
	};
}

function listOf(item: Check): Check {
	return (value, context) => {
		if (!Array.isArray(value)) return complain(value, 'a list', context);
		for (let i = 0; i < value.length; i++) {
			context.path.push(i);
			value[i] = item(value[i], context);
			context.path.pop();
		}
		return value;
	};
}

function mapOf(entry: Check): Check {
	return (value, context) => {
		if (!isObject(value)) return complain(value, 'an object', context);
		for (const key of Object.keys(value)) {
			context.path.push(key);
			value[key] = entry(value[key], context);
			context.path.pop();
		}
		return value;
	};
}

function complain(value: unknown, wanted: string, { path, report }: Context): unknown {
	const quote = wanted === 'a string' && ['number', 'boolean'].includes(typeof value) ? ' (put it in quotes)' : '';
	report(path, `${shown(value)} is not ${wanted}${quote}`);
	return value;
}

function shown(value: unknown): string {
	if (Array.isArray(value)) return 'a list';
	if (isObject(value)) return 'an object';
	const text = JSON.stringify(value);
	return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
