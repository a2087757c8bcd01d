/**
 * What a node's (or a volume's) labels must meet: terms ORed, the expressions of a term ANDed.
 * All three selector forms of Kubernetes compile to this one.
 */

import { compileExpression, describeExpression, type Expression, matchesExpression } from './expression.ts';
import type { Labels } from './labels.ts';

/** A term without expressions matches everything; a form in which it matches nothing leaves it out. */
export type Term = readonly Expression[];

export interface Requirement {
	/** No terms match nothing. */
	readonly terms: readonly Term[];
	/** Equal keys mean equal requirements. */
	readonly key: string;
	/** For a person, the same text each time. */
	readonly text: string;
	/** Why Kubernetes cannot use (part of) it. */
	readonly invalid?: string;
}

export interface RawExpression {
	readonly key: string;
	readonly operator: string;
	readonly values?: readonly string[] | null;
}

export interface RawNodeSelector {
	readonly nodeSelectorTerms?:
		| readonly {
				readonly matchExpressions?: readonly RawExpression[] | null;
				readonly matchFields?: readonly RawExpression[] | null;
		  }[]
		| null;
}

/**
 * A volume's node affinity: NewLazyErrorNodeSelector in component-helpers/scheduling/corev1/nodeaffinity, on labels only.
 * A term with a bad expression matches nothing; matchFields are parsed but never judged.
 */
export function requirementOfNodeSelector(selector: RawNodeSelector): Requirement {
	const problems: string[] = [];
	const terms: Term[] = [];
	for (const { matchExpressions, matchFields } of selector.nodeSelectorTerms ?? []) {
		if (!matchExpressions?.length && !matchFields?.length) continue;
		const term = attempt(() => {
			for (const field of matchFields ?? []) checkField(field);
			return compileTerm(matchExpressions ?? []);
		}, problems);
		if (term) terms.push(term);
	}
	return requirement(terms, problems[0]);
}

export interface RawTopologySelectorTerm {
	readonly matchLabelExpressions?:
		| readonly { readonly key: string; readonly values?: readonly string[] | null }[]
		| null;
}

/** allowedTopologies: MatchTopologySelectorTerms in pkg/apis/core/v1/helper. Undefined for an empty list, which allows all. */
export function requirementOfTopologyTerms(
	raw: readonly RawTopologySelectorTerm[] | null | undefined,
): Requirement | undefined {
	if (!raw?.length) return undefined;
	const problems: string[] = [];
	const terms: Term[] = [];
	for (const { matchLabelExpressions } of raw) {
		if (!matchLabelExpressions?.length) continue;
		const expressions = matchLabelExpressions.map(({ key, values }) => ({ key, operator: 'In', values: values ?? [] }));
		const term = attempt(() => compileTerm(expressions), problems);
		if (term) terms.push(term);
	}
	return requirement(terms, problems[0]);
}

export interface RawLabelSelector {
	readonly matchLabels?: Readonly<Record<string, string>> | null;
	readonly matchExpressions?: readonly RawExpression[] | null;
}

/** LabelSelectorAsSelector in apimachinery/pkg/apis/meta/v1/helpers.go. An empty selector matches everything; a bad one nothing. */
export function requirementOfLabelSelector({ matchLabels, matchExpressions }: RawLabelSelector): Requirement {
	const problems: string[] = [];
	const equalities = Object.entries(matchLabels ?? {}).map(([key, value]) => ({
		key,
		operator: 'In',
		values: [value],
	}));
	const term = attempt(() => compileTerm([...equalities, ...(matchExpressions ?? []).map(withoutBounds)]), problems);
	return requirement(term ? [term] : [], problems[0]);
}

/** A requirement for one value of each key, as a topology segment states it. */
export function requirementOfSegment(segment: Labels): Requirement {
	return requirement([
		compileTerm(Object.entries(segment).map(([key, value]) => ({ key, operator: 'In', values: [value] }))),
	]);
}

export function matchesRequirement({ terms }: Requirement, labels: Labels): boolean {
	return terms.some((term) => term.every((expression) => matchesExpression(expression, labels)));
}

/** Builds the requirement of compiled terms; for rules that rewrite one, such as CSI migration. */
export function requirement(terms: readonly Term[], invalid?: string): Requirement {
	const described = terms.map((term) => term.map(describeExpression).join(' and ') || 'nothing');
	const text =
		described.join(' or ') || (invalid ? `something that cannot be met (${invalid})` : 'something that cannot be met');
	const key = JSON.stringify(
		terms.map((term) => term.map(({ key, operator, values }) => [key, operator, [...values].sort()])),
	);
	return invalid === undefined ? { terms, key, text } : { terms, key, text, invalid };
}

function compileTerm(expressions: readonly RawExpression[]): Term {
	return expressions.map(({ key, operator, values }) => compileExpression(key, operator, values ?? []));
}

/** Label selectors of API objects have no Gt and Lt; node selectors do. */
function withoutBounds(expression: RawExpression): RawExpression {
	if (expression.operator !== 'Gt' && expression.operator !== 'Lt') return expression;
	throw new Error(`${JSON.stringify(expression.operator)} is not an operator of a label selector`);
}

function checkField({ operator, values }: RawExpression): void {
	if (operator !== 'In' && operator !== 'NotIn')
		throw new Error(`${JSON.stringify(operator)} is not an operator of matchFields`);
	if (values?.length !== 1) throw new Error('matchFields takes exactly one value');
}

function attempt<T>(make: () => T, problems: string[]): T | undefined {
	try {
		return make();
	} catch (error) {
		problems.push((error as Error).message);
		return undefined;
	}
}
