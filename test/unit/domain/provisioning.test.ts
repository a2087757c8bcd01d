import { describe, expect, it } from 'vitest';
import {
	type CapacityOptions,
	capacity,
	claim,
	cluster,
	csiDriver,
	HOST,
	type Manifest,
	node,
	pod,
	storageClass,
	topologies,
	volume,
	ZONE,
} from './builders.ts';
import { feasible, reasons, verdicts } from './verdicts.ts';

const nodes = [node('n0', { [ZONE]: 'a' }), node('n1', { [ZONE]: 'b' }), node('n2')];
const mounts = pod('p', 'data');
const csi = (zones?: readonly string[]) =>
	storageClass('csi', { provisioner: 'driver', ...(zones && { topologies: topologies({ [ZONE]: zones }) }) });

function judged(...manifests: Manifest[]) {
	return verdicts(mounts, cluster(...nodes, claim('data', { class: 'csi' }), ...manifests));
}

const OK = { n0: 'ok', n1: 'ok', n2: 'ok' };

describe('a claim that can be provisioned', () => {
	it('can be so anywhere, unless something says otherwise', () => {
		expect(judged(csi())).toEqual(OK);
	});

	it.each(['', 'kubernetes.io/no-provisioner'])('cannot be so by the provisioner %j', (provisioner) => {
		expect(judged(storageClass('csi', { provisioner })).n0).toBe('NO_STATIC_VOLUME');
	});

	it('keeps to the topologies that its class allows', () => {
		expect(judged(csi(['a']))).toEqual({ n0: 'ok', n1: 'CLASS_TOPOLOGY', n2: 'CLASS_TOPOLOGY' });
		const state = cluster(...nodes, claim('data', { class: 'csi' }), csi(['b', 'a']));
		expect(reasons(mounts, state).n2?.message).toBe(
			`claim data is provisioned by class csi, which allows ${ZONE} in (a, b)`,
		);
	});

	it('need not keep to them where a volume is there already', () => {
		expect(judged(csi(['a']), volume('pv', { class: 'csi', on: 'n1' }))).toEqual({
			n0: 'ok',
			n1: 'ok',
			n2: 'CLASS_TOPOLOGY',
		});
	});

	it('is refused for the first of several claims that fails', () => {
		const claims = [claim('b', { class: 'narrow' }), claim('data', { class: 'csi' })];
		const narrow = storageClass('narrow', { provisioner: 'driver', topologies: topologies({ [ZONE]: ['b'] }) });
		const state = cluster(...nodes, ...claims, csi(['a']), narrow);
		const told = reasons(pod('p', 'data', 'b'), state);
		expect(Object.values(told).map((why) => why?.details.claim)).toEqual(['b', 'data', 'data']);
	});
});

describe('capacity', () => {
	const driver = csiDriver('driver', true);
	const segment = (options: CapacityOptions = {}) => capacity('s', { capacity: '10Gi', ...options });

	it('is asked for only where the driver tells it', () => {
		expect(judged(csi())).toEqual(OK);
		expect(judged(csi(), csiDriver('driver'))).toEqual(OK);
		expect(judged(csi(), csiDriver('driver', false))).toEqual(OK);
		expect(judged(csi(), csiDriver('another', true))).toEqual(OK);
		expect(judged(csi(), driver)).toEqual({ n0: 'CAPACITY', n1: 'CAPACITY', n2: 'CAPACITY' });
	});

	it.each<[string, CapacityOptions, boolean]>([
		['more than enough', {}, true],
		['exactly enough', { capacity: '1Gi' }, true],
		['not enough', { capacity: '1023Mi' }, false],
		['none told', { capacity: '' }, false],
		['a maximum before the capacity', { maximum: '1Gi', capacity: '1' }, true],
		['a maximum that is too small', { maximum: '1Mi' }, false],
		['another class', { class: 'another' }, false],
		['no topology', { nodes: null }, false],
		['a bad topology', { nodes: { matchLabels: { 'bad key': 'x' } } }, false],
		['an object of any namespace', { metadata: { namespace: 'far away' } }, true],
	])('counts: %s', (_, { capacity: size, ...options }, enough) => {
		const manifest = capacity('s', { ...options, ...(size !== '' && { capacity: size ?? '10Gi' }) });
		expect(judged(csi(), driver, manifest)).toEqual(enough ? OK : { n0: 'CAPACITY', n1: 'CAPACITY', n2: 'CAPACITY' });
	});

	it('is that of the node: any of its segments will do', () => {
		const onA = segment({ nodes: { matchLabels: { [ZONE]: 'a' } } });
		const small = capacity('s2', { capacity: '1Mi', nodes: {} });
		const onHost = capacity('s3', {
			capacity: '2Gi',
			nodes: { matchExpressions: [{ key: HOST, operator: 'In', values: ['n2'] }] },
		});
		expect(judged(csi(), driver, onA, small, onHost)).toEqual({ n0: 'ok', n1: 'CAPACITY', n2: 'ok' });
	});

	it('compares whole bytes, both rounded up', () => {
		const asks = (size: string, has: string) =>
			feasible(
				mounts,
				cluster(...nodes, claim('data', { class: 'csi', size }), csi(), driver, capacity('s', { capacity: has })),
			).length;
		expect(asks('1', '500m')).toBe(3);
		expect(asks('1001m', '1500m')).toBe(3);
		expect(asks('1001m', '1')).toBe(0);
	});

	it('does not matter to a claim that asks for no size', () => {
		expect(feasible(mounts, cluster(...nodes, claim('data', { class: 'csi', size: '' }), csi(), driver))).toHaveLength(
			3,
		);
	});

	it('is looked at for one claim at a time, never for their sum', () => {
		const claims = [claim('a', { class: 'csi', size: '8Gi' }), claim('b', { class: 'csi', size: '8Gi' })];
		expect(feasible(pod('p', 'a', 'b'), cluster(...nodes, ...claims, csi(), driver, segment()))).toHaveLength(3);
	});

	it('stands behind the topology of the class', () => {
		expect(judged(csi(['a']), driver)).toEqual({ n0: 'CAPACITY', n1: 'CLASS_TOPOLOGY', n2: 'CLASS_TOPOLOGY' });
	});

	it('is not needed where a volume is there already', () => {
		expect(judged(csi(), driver, volume('pv', { class: 'csi', on: 'n1' }))).toEqual({
			n0: 'CAPACITY',
			n1: 'ok',
			n2: 'CAPACITY',
		});
	});

	it('is needed on the selected node too', () => {
		const pinned = claim('data', { class: 'csi', selectedNode: 'n0' });
		expect(verdicts(mounts, cluster(...nodes, pinned, csi(), driver)).n0).toBe('CAPACITY');
	});

	it('tells of what was asked and of the class', () => {
		const state = cluster(...nodes, claim('data', { class: 'csi', size: '3Gi' }), csi(), driver);
		expect(reasons(mounts, state).n0?.message).toBe('claim data asks for 3Gi, more than class csi has free');
	});
});
