/** One label expression: labels.Requirement of k8s.io/apimachinery/pkg/labels/selector.go. */

import type { Labels } from './labels.ts';
import { isLabelKey, isLabelValue, parseInt64 } from './labels.ts';

export type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

export interface Expression {
	readonly key: string;
	readonly operator: Operator;
	readonly values: ReadonlySet<string>;
	/** The bound of Gt and Lt. */
	readonly bound: bigint | undefined;
}

/** Checks as labels.NewRequirement does. Throws an Error that says what a valid expression has. */
export function compileExpression(key: string, operator: string, values: readonly string[]): Expression {
	if (!isLabelKey(key)) throw new Error(`${JSON.stringify(key)} is not a label key`);
	const bound = checkValues(operator, values);
	for (const value of values) {
		if (!isLabelValue(value)) throw new Error(`${JSON.stringify(value)} is not a label value`);
	}
	return { key, operator: operator as Operator, values: new Set(values), bound };
}

function checkValues(operator: string, values: readonly string[]): bigint | undefined {
	switch (operator) {
		case 'In':
		case 'NotIn':
			if (values.length === 0) throw new Error(`${operator} needs at least one value`);
			return undefined;
		case 'Exists':
		case 'DoesNotExist':
			if (values.length > 0) throw new Error(`${operator} takes no values`);
			return undefined;
		case 'Gt':
		case 'Lt': {
			const bound = values.length === 1 ? parseInt64(values[0] as string) : undefined;
			if (bound === undefined) throw new Error(`${operator} needs exactly one integer`);
			return bound;
		}
		default:
			throw new Error(`${JSON.stringify(operator)} is not an operator`);
	}
}

/** As Requirement.Matches. Own properties only: a label may be called `constructor`. */
export function matchesExpression(expression: Expression, labels: Labels): boolean {
	const value = Object.hasOwn(labels, expression.key) ? labels[expression.key] : undefined;
	return matchesValue(expression, value);
}

/** Whether a node on which the key has this value (undefined: is absent) meets the expression. */
export function matchesValue({ operator, values, bound }: Expression, value: string | undefined): boolean {
	switch (operator) {
		case 'In':
			return value !== undefined && values.has(value);
		case 'NotIn':
			return value === undefined || !values.has(value);
		case 'Exists':
			return value !== undefined;
		case 'DoesNotExist':
			return value === undefined;
		default: {
			const integer = value === undefined ? undefined : parseInt64(value);
			if (integer === undefined || bound === undefined) return false;
			return operator === 'Gt' ? integer > bound : integer < bound;
		}
	}
}

const LISTED_VALUES = 3;

/** For a person: `zone in (a, b)`. Long lists are cut, always at the same place. */
export function describeExpression({ key, operator, values, bound }: Expression): string {
	switch (operator) {
		case 'In':
			return `${key} in (${listValues(values)})`;
		case 'NotIn':
			return `${key} not in (${listValues(values)})`;
		case 'Exists':
			return `label ${key}`;
		case 'DoesNotExist':
			return `no label ${key}`;
		default:
			return `${key} ${operator === 'Gt' ? '>' : '<'} ${bound}`;
	}
}

function listValues(values: ReadonlySet<string>): string {
	const sorted = [...values].sort().map((value) => (value === '' ? '""' : value));
	const shown = sorted.slice(0, LISTED_VALUES).join(', ');
	return sorted.length > LISTED_VALUES ? `${shown} and ${sorted.length - LISTED_VALUES} more` : shown;
}
