import { describe, expect, it } from 'vitest';
import { type ReasonCode, reason } from '../../../src/domain/decision/reasons.ts';
import { DIFFERENCES } from '../../agreement/compare/differences.ts';
import { Facts } from '../../agreement/compare/facts.ts';
import { read } from '../../agreement/compare/messages.ts';
import { Sources } from '../../agreement/compare/sources.ts';

const BIND = "node(s) didn't find available persistent volumes to bind";
const AFFINITY = "node(s) didn't match PersistentVolume's node affinity";
const GONE = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';
const SELECTOR =
	'error creating internal label selector for claim: shop/data: "Has" is not a valid label selector operator';

/** Which differences allow topobind to tell this; `bound` is what kube-scheduler says of bound claims alone. */
function allowed(theirs: readonly string[], code: ReasonCode, bound: readonly string[] = []): string[] {
	const situation = {
		pod: { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'shop', name: 'web' } },
		node: 'n1',
		ours: read(reason(code, { claim: 'data', volume: 'pv' }).message),
		theirs,
		judgement: { boundOnly: { n1: { VolumeBinding: { reasons: bound } } } },
		facts: new Facts([]),
		sources: new Sources([]),
	};
	return DIFFERENCES.filter(({ applies }) => applies(situation)).map(({ what }) => what);
}

describe('another reason than the first of kube-scheduler’s', () => {
	it('is told of bound claims, where the error of one that waits has hidden it', () => {
		expect(allowed([SELECTOR], 'VOLUME_NODE_AFFINITY', [AFFINITY])).toEqual([expect.stringMatching(/bound claim/)]);
		expect(allowed([SELECTOR], 'VOLUME_NODE_AFFINITY', [GONE, AFFINITY])).toEqual([]);
		expect(allowed([SELECTOR], 'VOLUME_NODE_AFFINITY')).toEqual([]);
		expect(allowed([BIND], 'VOLUME_NODE_AFFINITY', [AFFINITY])).toEqual([]);
	});

	it('is told of a volume that is gone, where a claim that waits finds nothing', () => {
		expect(allowed([BIND, GONE], 'VOLUME_MISSING')).toEqual([expect.stringMatching(/missing volume/)]);
		expect(allowed([AFFINITY, GONE], 'VOLUME_MISSING')).toEqual([]);
		expect(allowed([BIND], 'VOLUME_MISSING')).toEqual([]);
		expect(allowed([BIND, GONE], 'ZONE_LABEL')).toEqual([]);
	});

	it('is not told anywhere else', () => {
		expect(allowed([AFFINITY, BIND], 'NO_STATIC_VOLUME')).toEqual([]);
		expect(allowed([], 'CAPACITY')).toEqual([]);
		expect(allowed([], 'SOURCE_INVALID')).toEqual([]);
	});
});
