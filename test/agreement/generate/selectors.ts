/** The three kinds of selectors, good ones and such as Kubernetes cannot use. */

import type { Random } from './random.ts';
import { HOSTNAME, NODE_LABELS, VOLUME_LABELS } from './words.ts';

type Words = Readonly<Record<string, readonly string[]>>;

interface Expression {
	readonly key: string;
	readonly operator: string;
	readonly values?: readonly string[];
}

/** What a node selector may speak of: node labels, and the hostnames there are. */
export function nodeWords(names: readonly string[]): Words {
	return { ...NODE_LABELS, [HOSTNAME]: names };
}

/** A volume's nodeAffinity.required, or what else may stand there. */
export function nodeSelector(random: Random, words: Words, oddness: number): object {
	if (random.chance(oddness / 4)) return random.pick([{}, { nodeSelectorTerms: [] }]);
	const terms = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => nodeSelectorTerm(random, words, oddness));
	return { nodeSelectorTerms: terms };
}

function nodeSelectorTerm(random: Random, words: Words, oddness: number): object {
	if (random.chance(oddness / 3)) return random.pick([{}, { matchExpressions: [] }, { matchFields: [] }]);
	const expressions = () =>
		expressionList(random, words, ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'], oddness);
	const fields = () => [field(random, words)];
	if (!random.chance(oddness / 3)) return { matchExpressions: expressions() };
	return random.chance(0.5) ? { matchFields: fields() } : { matchFields: fields(), matchExpressions: expressions() };
}

function field(random: Random, words: Words): Expression {
	const names = words[HOSTNAME] ?? [];
	const values = random.pick([[random.pick(names)], [random.pick(names)], [random.pick(names), 'other'], []]);
	const key = random.pick(['metadata.name', 'metadata.name', 'spec.podCIDR', '']);
	return { key, operator: random.pick(['In', 'In', 'NotIn', 'Exists', 'Gt']), values };
}

/** A label selector: of a claim over volumes, of a capacity segment over nodes. */
export function labelSelector(random: Random, words: Words, oddness: number): object {
	if (random.chance(0.1)) return {};
	const label = () => {
		const key = random.pick(Object.keys(words));
		const bad = random.chance(oddness / 3);
		return { matchLabels: { [bad ? badKey(random) : key]: bad ? badValue(random) : random.pick(words[key] ?? []) } };
	};
	const expressions = () => {
		const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'];
		return { matchExpressions: expressionList(random, words, operators, oddness) };
	};
	if (random.chance(0.5)) return label();
	return random.chance(0.8) ? expressions() : { ...label(), ...expressions() };
}

export function volumeSelector(random: Random, oddness: number): object {
	return labelSelector(random, VOLUME_LABELS, oddness);
}

/** A class's allowedTopologies. */
export function allowedTopologies(random: Random, words: Words, oddness: number): object[] {
	return Array.from({ length: random.pick([0, 1, 1, 2]) }, () => {
		if (random.chance(oddness)) return random.pick([{}, { matchLabelExpressions: [] }]);
		const expressions = expressionList(random, words, ['In'], oddness);
		return { matchLabelExpressions: expressions.map(({ key, values }) => ({ key, ...(values && { values }) })) };
	});
}

function expressionList(random: Random, words: Words, operators: readonly string[], oddness: number): Expression[] {
	return Array.from({ length: random.pick([1, 1, 2]) }, () => {
		const good = expression(random, words, random.pick(operators));
		return random.chance(oddness / 3) ? spoiled(random, good) : good;
	});
}

function expression(random: Random, words: Words, operator: string): Expression {
	const key = random.pick(Object.keys(words));
	const values = words[key] ?? [];
	if (operator === 'Exists' || operator === 'DoesNotExist') return { key, operator };
	if (operator === 'Gt' || operator === 'Lt') {
		return { key: 'example.com/slots', operator, values: [random.pick(['5', '6', '007', '0', '9223372036854775806'])] };
	}
	const chosen = random.some(values, 2 / Math.max(values.length, 3));
	return { key, operator, values: chosen.length > 0 ? chosen : [random.pick(values)] };
}

/** The same, made such that Kubernetes refuses it. */
function spoiled(random: Random, good: Expression): Expression {
	const { key, operator, values = [] } = good;
	return random.pick<() => Expression>([
		() => ({ ...good, key: badKey(random) }),
		() => ({ key, operator, values: [...values, badValue(random)] }),
		() => ({ key, operator: random.pick(['Has', 'in', '', 'Equals']), values }),
		() => ({ key, operator: 'In', values: [] }),
		() => ({ key, operator: 'NotIn' }),
		() => ({ key, operator: random.pick(['Exists', 'DoesNotExist']), values: ['x'] }),
		() => ({ key, operator: random.pick(['Gt', 'Lt']), values: random.pick([[], ['1', '2'], ['x'], ['-5'], ['5.5']]) }),
		() => ({ key, operator: 'Gt', values: ['9223372036854775808'] }),
		() => ({ key, operator: 'Lt', values: [random.pick(['6', '+6'])] }),
	])();
}

function badKey(random: Random): string {
	return random.pick(['', 'two words', '/name', 'a/b/c', 'UPPER.example.com/x', 'x'.repeat(64), '-x', 'x_', 'é']);
}

function badValue(random: Random): string {
	return random.pick(['two words', 'x'.repeat(64), '-x', 'x.', 'é', 'a/b']);
}
