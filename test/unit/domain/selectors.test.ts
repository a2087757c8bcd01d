import { describe, expect, it } from 'vitest';
import { isLabelKey, isLabelValue, parseInt64 } from '../../../src/domain/topology/labels.ts';
import { NodeIndex } from '../../../src/domain/topology/node-index.ts';
import {
	matchesRequirement,
	type RawLabelSelector,
	type RawNodeSelector,
	type RawTopologySelectorTerm,
	type Requirement,
	requirementOfLabelSelector,
	requirementOfNodeSelector,
	requirementOfSegment,
	requirementOfTopologyTerms,
} from '../../../src/domain/topology/requirement.ts';
import { expression, terms } from './builders.ts';
import labelSelectors from './fixtures/label-selectors.json' with { type: 'json' };
import labels from './fixtures/labels.json' with { type: 'json' };
import nodeSelectors from './fixtures/node-selectors.json' with { type: 'json' };
import topologies from './fixtures/topologies.json' with { type: 'json' };

type NodeLabels = Readonly<Record<string, string>>;

/** Which of the nodes meet the requirement, by either way that the domain has of finding out. */
function matching(requirement: Requirement, nodes: readonly NodeLabels[]): number[] {
	const oneByOne = nodes.flatMap((node, at) => (matchesRequirement(requirement, node) ? [at] : []));
	const index = new NodeIndex();
	nodes.forEach((node, at) => {
		index.upsert(`n${at}`, node);
	});
	expect([...index.select(requirement)]).toEqual(oneByOne);
	return oneByOne;
}

describe('labels', () => {
	it.each(labels.rows)('$text: key $key, value $value', ({ text, key, value }) => {
		expect([isLabelKey(text), isLabelValue(text)]).toEqual([key, value]);
	});

	it.each([
		['9223372036854775807', 2n ** 63n - 1n],
		['-9223372036854775808', -(2n ** 63n)],
		['+7', 7n],
		['007', 7n],
		['-0', 0n],
	])('reads %s as an integer', (text, value) => expect(parseInt64(text)).toBe(value));

	it.each(['9223372036854775808', '-9223372036854775809', '5.5', '7x', '2e1', '', '+', '1_0', ' 1', '0x1', '--1'])(
		'does not read %j as an integer',
		(text) => expect(parseInt64(text)).toBeUndefined(),
	);
});

describe('node selectors of volumes', () => {
	const { nodes } = nodeSelectors;
	it.each(nodeSelectors.cases)('$name', ({ selector, matches }) => {
		expect(matching(requirementOfNodeSelector(selector as RawNodeSelector), nodes as NodeLabels[])).toEqual(matches);
	});

	it('takes null for what is left out', () => {
		const selector = {
			nodeSelectorTerms: [{ matchExpressions: null, matchFields: [expression(['metadata.name', 'In', 'n1'])] }],
		};
		expect(matching(requirementOfNodeSelector(selector), [{}])).toEqual([0]);
		expect(matching(requirementOfNodeSelector({ nodeSelectorTerms: null }), [{}])).toEqual([]);
		const exists = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'Exists', values: null }] }] };
		expect(matching(requirementOfNodeSelector(exists), [{}, { zone: 'a' }])).toEqual([1]);
	});

	it.each<[string, string[], boolean]>([
		['In', ['n1'], true],
		['NotIn', ['n1'], true],
		['In', ['n1', 'n2'], false],
		['In', [], false],
		['Exists', [], false],
		['Exists', ['n1'], false],
		['Gt', ['1'], false],
	])('reads a field %s %j, and never judges it', (operator, values, isRead) => {
		const selector = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator, values }] }] };
		expect(matching(requirementOfNodeSelector(selector), [{}])).toEqual(isRead ? [0] : []);
	});

	it('says what is wrong with a bad term', () => {
		expect(requirementOfNodeSelector(terms(['zone', 'In'])).invalid).toBe('In needs at least one value');
		expect(requirementOfNodeSelector(terms(['zone', 'In', 'a'])).invalid).toBeUndefined();
	});
});

describe('topology selector terms of classes', () => {
	it.each(topologies.cases)('$name', ({ topologies: raw, matches }) => {
		const requirement = requirementOfTopologyTerms(raw as RawTopologySelectorTerm[]);
		const nodes = topologies.nodes as NodeLabels[];
		expect(requirement ? matching(requirement, nodes) : nodes.map((_, at) => at)).toEqual(matches);
	});

	it.each([null, undefined])('%s allows all', (raw) => expect(requirementOfTopologyTerms(raw)).toBeUndefined());
});

describe('label selectors', () => {
	it.each(labelSelectors.cases)('$name', ({ selector, matches }) => {
		const requirement = requirementOfLabelSelector(selector as RawLabelSelector);
		expect(requirement.invalid !== undefined).toBe(matches === 'invalid');
		expect(matching(requirement, labelSelectors.nodes as NodeLabels[])).toEqual(matches === 'invalid' ? [] : matches);
	});
});

describe('a requirement', () => {
	it('has the same key for the same terms, in whatever order the values stand', () => {
		const key = (...values: string[]) => requirementOfNodeSelector(terms(['zone', 'In', ...values])).key;
		expect(key('a', 'b')).toBe(key('b', 'a'));
		expect(key('a')).not.toBe(key('b'));
		expect(requirementOfSegment({ zone: 'a' }).key).toBe(key('a'));
	});

	it('tells In from NotIn, one term from two, and an empty list from an empty term', () => {
		const keys = [
			terms(['zone', 'In', 'a']),
			terms(['zone', 'NotIn', 'a']),
			terms(['zone', 'In', 'a'], ['disk', 'Exists']),
			terms([
				['zone', 'In', 'a'],
				['disk', 'Exists'],
			]),
			terms(['num', 'Gt', '1']),
			terms(['num', 'Lt', '1']),
			{},
			{ nodeSelectorTerms: [{ matchFields: [expression(['metadata.name', 'In', 'n1'])] }] },
		].map((selector) => requirementOfNodeSelector(selector).key);
		expect(new Set(keys).size).toBe(keys.length);
	});

	it.each([
		[terms(['zone', 'In', 'b', 'a']), 'zone in (a, b)'],
		[terms(['zone', 'In', 'e', 'd', 'c', 'b', 'a']), 'zone in (a, b, c and 2 more)'],
		[terms(['zone', 'NotIn', '']), 'zone not in ("")'],
		[
			terms([
				['zone', 'Exists'],
				['disk', 'DoesNotExist'],
			]),
			'label zone and no label disk',
		],
		[terms(['num', 'Gt', '007'], ['num', 'Lt', '3']), 'num > 7 or num < 3'],
		[{}, 'something that cannot be met'],
		[terms(['zone', 'In']), 'something that cannot be met (In needs at least one value)'],
	] as const)('is told to a person: %j', (selector, text) =>
		expect(requirementOfNodeSelector(selector).text).toBe(text),
	);
});
