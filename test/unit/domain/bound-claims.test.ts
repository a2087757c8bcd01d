import { describe, expect, it } from 'vitest';
import {
	claim,
	cluster,
	csiNode,
	HOST,
	type Manifest,
	node,
	pod,
	storageClass,
	terms,
	type VolumeOptions,
	volume,
	ZONE,
} from './builders.ts';
import { reasons, verdicts } from './verdicts.ts';

const nodes = [node('n0', { [ZONE]: 'a' }), node('n1', { [ZONE]: 'b' }), node('n2')];
const bound = claim('data', { bound: 'pv' });
const mounts = pod('p', 'data');

function judged(options: VolumeOptions, ...more: Manifest[]) {
	return verdicts(mounts, cluster(...nodes, storageClass('local'), bound, volume('pv', options), ...more));
}

const OK = { n0: 'ok', n1: 'ok', n2: 'ok' };
const REFUSED = 'VOLUME_NODE_AFFINITY';

describe('a bound claim', () => {
	it('goes where its volume is', () => {
		expect(judged({ affinity: terms([ZONE, 'In', 'a']) })).toEqual({ n0: 'ok', n1: REFUSED, n2: REFUSED });
	});

	it('goes anywhere with a volume that says nothing', () => {
		expect(judged({})).toEqual(OK);
		expect(judged({ spec: { nodeAffinity: {} } })).toEqual(OK);
		expect(judged({ spec: { nodeAffinity: null } })).toEqual(OK);
	});

	it('goes nowhere with an affinity that has no terms', () => {
		expect(judged({ affinity: {} })).toEqual({ n0: REFUSED, n1: REFUSED, n2: REFUSED });
	});

	it('goes by labels alone: fields are not judged', () => {
		const onField = {
			nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n9'] }] }],
		};
		expect(judged({ affinity: onField })).toEqual(OK);
	});

	it('goes nowhere with a volume that does not exist', () => {
		const state = cluster(...nodes, bound);
		expect(reasons(mounts, state).n0?.message).toBe('claim data is bound to volume pv, which does not exist');
		expect(new Set(Object.values(verdicts(mounts, state)))).toEqual(new Set(['VOLUME_MISSING']));
	});

	it('is told to be in another zone last, as kube-scheduler tells it', () => {
		const labelled = [claim('a', { bound: 'pv-a' }), volume('pv-a', { labels: { [ZONE]: 'a' } })];
		const affine = [claim('b', { bound: 'pv-b' }), volume('pv-b', { affinity: terms([ZONE, 'In', 'a']) })];
		const waiting = [claim('c', { class: 'empty' }), storageClass('empty')];
		const state = cluster(...nodes, ...labelled, ...affine, ...waiting);
		expect(verdicts(pod('p', 'a'), state)).toEqual({ n0: 'ok', n1: 'ZONE_LABEL', n2: 'ok' });
		expect(verdicts(pod('p', 'a', 'b'), state)).toEqual({ n0: 'ok', n1: REFUSED, n2: REFUSED });
		expect(verdicts(pod('p', 'a', 'c'), state).n1).toBe('NO_STATIC_VOLUME');
	});

	it('tells of a volume that does not exist before it tells of those that do', () => {
		const elsewhere = [claim('a', { bound: 'pv-a' }), volume('pv-a', { affinity: terms([ZONE, 'In', 'a']) })];
		const state = cluster(...nodes, ...elsewhere, claim('b', { bound: 'gone' }));
		expect(verdicts(pod('p', 'a', 'b'), state)).toEqual({
			n0: 'VOLUME_MISSING',
			n1: 'VOLUME_MISSING',
			n2: 'VOLUME_MISSING',
		});
	});

	it('tells of an ephemeral claim’s volume that does not exist when its turn comes', () => {
		const elsewhere = [claim('a', { bound: 'pv-a' }), volume('pv-a', { affinity: terms([ZONE, 'In', 'a']) })];
		const owned = claim('p-scratch', { bound: 'gone', owners: [{ uid: 'uid-p', controller: true }] });
		const state = cluster(...nodes, ...elsewhere, owned);
		const expected = { n0: 'VOLUME_MISSING', n1: REFUSED, n2: REFUSED };
		expect(verdicts(pod('p', 'a', { ephemeral: 'scratch' }), state)).toEqual(expected);
	});

	it.each<[string, VolumeOptions]>([
		['is being deleted', { deleting: true }],
		['is Released', { phase: 'Released' }],
		['is claimed by another', { claimRef: { name: 'another', uid: 'another' } }],
		['is too small', { size: '1' }],
		['is of another class', { class: 'another' }],
		['is of another mode', { volumeMode: 'Block', modes: [] }],
	])('does not mind that its volume %s', (_, options) => expect(judged(options)).toEqual(OK));

	it('names the claim, the volume and what it needs, and never the node', () => {
		const state = cluster(...nodes, bound, volume('pv', { affinity: terms([ZONE, 'In', 'b']) }));
		const messages = Object.values(reasons(mounts, state)).map((why) => why?.message);
		const text = `claim data is bound to volume pv, which needs ${ZONE} in (b)`;
		expect(messages).toEqual([text, undefined, text]);
	});

	it('is refused where any of several is', () => {
		const claims = [claim('a', { bound: 'pv-a' }), claim('b', { bound: 'pv-b' })];
		const volumes = [
			volume('pv-a', { affinity: terms([HOST, 'In', 'n0', 'n1']) }),
			volume('pv-b', { affinity: terms([HOST, 'In', 'n1', 'n2']) }),
		];
		const state = cluster(...nodes, ...claims, ...volumes);
		expect(verdicts(pod('p', 'a', 'b'), state)).toEqual({ n0: REFUSED, n1: 'ok', n2: REFUSED });
		expect(reasons(pod('p', 'a', 'b'), state).n0?.details.claim).toBe('b');
	});

	it('follows a volume whose affinity changes, and a node whose labels do', () => {
		const state = cluster(...nodes, bound, volume('pv', { affinity: terms([ZONE, 'In', 'a']) }));
		state.upsert('PersistentVolume', { ...state.volume('pv'), affinity: undefined, resourceVersion: '2' } as never);
		expect(verdicts(mounts, state)).toEqual(OK);
		const again = cluster(
			...nodes,
			bound,
			volume('pv', { affinity: terms([ZONE, 'In', 'a']) }),
			node('n2', { [ZONE]: 'a' }),
		);
		expect(verdicts(mounts, again).n2).toBe('ok');
	});
});

describe('zone labels of a bound volume', () => {
	const zoned = (label: string, value: string) => ({ labels: { [label]: value } });

	it('refuse the nodes of other zones, but not nodes without zones', () => {
		expect(judged(zoned(ZONE, 'a'))).toEqual({ n0: 'ok', n1: 'ZONE_LABEL', n2: 'ok' });
		expect(judged(zoned(ZONE, 'a__b'))).toEqual(OK);
	});

	it('do not count for the claim of an ephemeral volume', () => {
		const owned = claim('p-scratch', { bound: 'pv', owners: [{ uid: 'uid-p', controller: true }] });
		const state = cluster(...nodes, owned, volume('pv', zoned(ZONE, 'a')));
		expect(verdicts(pod('p', { ephemeral: 'scratch' }), state)).toEqual(OK);
		expect(verdicts(pod('p', 'p-scratch'), state).n1).toBe('ZONE_LABEL');
	});

	it('do not count for a volume that is yet to be bound', () => {
		const state = cluster(...nodes, storageClass('local'), claim('data'), volume('pv', zoned(ZONE, 'a')));
		expect(verdicts(mounts, state)).toEqual(OK);
	});

	it('stand behind the affinity', () => {
		const both = { ...zoned(ZONE, 'a'), affinity: terms([ZONE, 'In', 'a']) };
		expect(judged(both)).toEqual({ n0: 'ok', n1: REFUSED, n2: REFUSED });
	});

	it('are told by what they need', () => {
		const state = cluster(...nodes, bound, volume('pv', zoned(ZONE, 'c__a')));
		expect(reasons(mounts, state).n1?.message).toBe(
			`claim data is bound to volume pv, whose labels need ${ZONE} in (a, c)`,
		);
	});
});

describe('an in-tree volume', () => {
	const EBS_ZONE = 'topology.ebs.csi.aws.com/zone';
	const ebs = (volumeID: string) => ({ awsElasticBlockStore: { volumeID } });
	const onA = terms([ZONE, 'In', 'a']);
	const migrating = [node('n0', { [ZONE]: 'a', [EBS_ZONE]: 'b' }), node('n1', { [ZONE]: 'b', [EBS_ZONE]: 'a' })];

	function migrated(options: VolumeOptions, ...csiNodes: Manifest[]) {
		return verdicts(mounts, cluster(...migrating, bound, volume('pv', options), ...csiNodes));
	}

	it('is judged by the driver key on nodes that have migrated its plugin, by its own on the rest', () => {
		const options = { affinity: onA, spec: ebs('vol-1') };
		expect(migrated(options)).toEqual({ n0: 'ok', n1: REFUSED });
		expect(migrated(options, csiNode('n0', 'kubernetes.io/aws-ebs'))).toEqual({ n0: REFUSED, n1: REFUSED });
		expect(migrated(options, csiNode('n1', 'x,kubernetes.io/aws-ebs'))).toEqual({ n0: 'ok', n1: 'ok' });
	});

	it.each(['', 'kubernetes.io/gce-pd', ' kubernetes.io/aws-ebs', 'kubernetes.io/aws-ebs '])(
		'is not migrated by the annotation %j',
		(plugins) => {
			const options = { affinity: onA, spec: ebs('vol-1') };
			expect(migrated(options, csiNode('n1', plugins))).toEqual({ n0: 'ok', n1: REFUSED });
		},
	);

	it('is refused where it cannot be translated, and only there', () => {
		const state = cluster(
			...migrating,
			bound,
			volume('pv', { spec: ebs('aws:///x') }),
			csiNode('n1', 'kubernetes.io/aws-ebs'),
		);
		expect(reasons(mounts, state)).toMatchObject({ n0: undefined, n1: { code: 'VOLUME_UNTRANSLATABLE' } });
		expect(reasons(mounts, state).n1?.message).toBe(
			'claim data is bound to volume pv, which cannot be migrated to CSI: "aws:///x" is not the id of an EBS volume',
		);
	});

	it('is not translated for a claim that is yet to be bound', () => {
		const volumes = [volume('pv', { affinity: onA, spec: ebs('aws:///x') })];
		const csiNodes = migrating.map(({ metadata }) => csiNode(metadata.name, 'kubernetes.io/aws-ebs'));
		const state = cluster(...migrating, storageClass('local'), claim('data'), ...volumes, ...csiNodes);
		expect(verdicts(mounts, state)).toEqual({ n0: 'ok', n1: 'NO_STATIC_VOLUME' });
	});
});
