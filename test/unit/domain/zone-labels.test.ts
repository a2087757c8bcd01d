import { describe, expect, it } from 'vitest';
import { matchesZone, zoneRequirementsOf } from '../../../src/domain/storage/zone-labels.ts';
import { REGION, ZONE } from './builders.ts';

const BETA_ZONE = 'failure-domain.beta.kubernetes.io/zone';
const BETA_REGION = 'failure-domain.beta.kubernetes.io/region';

type Labels = Record<string, string>;

function fits(volume: Labels, node: Labels): boolean {
	return zoneRequirementsOf(volume).every((zone) => matchesZone(zone, node));
}

describe('the zone labels of a volume against a node', () => {
	it.each<[string, Labels, Labels, boolean]>([
		['the same zone', { [ZONE]: 'a' }, { [ZONE]: 'a' }, true],
		['another zone', { [ZONE]: 'a' }, { [ZONE]: 'b' }, false],
		['one of several zones', { [ZONE]: 'a__b' }, { [ZONE]: 'b' }, true],
		['none of several zones', { [ZONE]: 'a__b' }, { [ZONE]: 'c' }, false],
		['no label on the volume', {}, { [ZONE]: 'a' }, true],
		['no label on the node', { [ZONE]: 'a' }, { disk: 'ssd' }, true],
		['a node with a region only', { [ZONE]: 'a' }, { [REGION]: 'r' }, false],
		['the same zone, another region', { [ZONE]: 'a', [REGION]: 'r' }, { [ZONE]: 'a', [REGION]: 's' }, false],
		['the same zone, region unknown', { [ZONE]: 'a', [REGION]: 'r' }, { [ZONE]: 'a' }, false],
		['beta on the volume, GA on the node', { [BETA_ZONE]: 'a' }, { [ZONE]: 'a' }, true],
		['beta region on the volume, GA on the node', { [BETA_REGION]: 'r' }, { [REGION]: 's' }, false],
		['beta region on the volume, the same GA on the node', { [BETA_REGION]: 'r' }, { [REGION]: 'r' }, true],
		['a space beside the separator', { [ZONE]: 'a__ b' }, { [ZONE]: 'b' }, true],
		['GA on the volume, beta on the node', { [ZONE]: 'a' }, { [BETA_ZONE]: 'a' }, false],
		['beta on both, before GA', { [BETA_ZONE]: 'a' }, { [BETA_ZONE]: 'a', [ZONE]: 'b' }, true],
		['beta on both, which differs', { [BETA_ZONE]: 'a' }, { [BETA_ZONE]: 'b', [ZONE]: 'a' }, false],
		['an empty label on the node', { [ZONE]: 'a' }, { [ZONE]: '' }, false],
		['an empty beta label on the node', { [BETA_ZONE]: 'a' }, { [BETA_ZONE]: '', [ZONE]: 'a' }, false],
		['three underscores', { [ZONE]: 'a___b' }, { [ZONE]: '_b' }, true],
	])('%s', (_, volume, node, expected) => expect(fits(volume, node)).toBe(expected));

	it.each(['a____b', 'a__', '__a', '', '__'])('ignore the label %j', (value) => {
		expect(zoneRequirementsOf({ [ZONE]: value })).toEqual([]);
		expect(zoneRequirementsOf({ [ZONE]: value, [REGION]: 'r' })).toHaveLength(1);
	});
});
