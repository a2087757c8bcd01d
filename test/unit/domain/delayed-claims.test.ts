import { describe, expect, it } from 'vitest';
import { DelayedClaims } from '../../../src/domain/storage/delayed-claims.ts';
import {
	type ClaimOptions,
	claim,
	cluster,
	HOST,
	type Manifest,
	node,
	pod,
	project,
	storageClass,
	type VolumeOptions,
	volume,
} from './builders.ts';
import { feasible, reasons, verdicts } from './verdicts.ts';

const nodes = [node('n0'), node('n1'), node('n2')];
const local = storageClass('local');
const mounts = pod('p', 'data');

/** Which volume each claim gets on n0; those without one stand as undefined. */
function assigned(
	claims: readonly Manifest<'PersistentVolumeClaim'>[],
	volumes: readonly Manifest<'PersistentVolume'>[],
) {
	const state = cluster(...nodes, local, ...claims, ...volumes);
	const delayed = new DelayedClaims(claims.map(project), state);
	const { bindings, provisions } = delayed.assign(state.nodes.labelsOf(state.nodes.idOf('n0') as number));
	return [
		...bindings.map((binding) => [binding.claim.name, binding.volume.name]),
		...provisions.map(({ name }) => [name, undefined]),
	];
}

describe('a delayed claim without a provisioner', () => {
	it('goes where a volume of its class is', () => {
		const state = cluster(...nodes, local, claim('data'), volume('pv', { on: 'n1' }));
		expect(verdicts(mounts, state)).toEqual({ n0: 'NO_STATIC_VOLUME', n1: 'ok', n2: 'NO_STATIC_VOLUME' });
		expect(reasons(mounts, state).n0?.message).toBe('claim data finds no available volume of class local with 1Gi');
	});

	it('is refused everywhere where its class has no volume', () => {
		expect(feasible(mounts, cluster(...nodes, local, claim('data')))).toEqual([]);
	});

	it.each<[string, ClaimOptions, VolumeOptions]>([
		['a larger one', { size: '1Gi' }, { size: '10Ti' }],
		['one of the same size in other words', { size: '1024Mi' }, { size: '1Gi' }],
		['any size, where it asks for none', { size: '' }, { size: '500m' }],
		['a volume without a size, where it asks for none', { size: '' }, { spec: { capacity: {} } }],
		['Filesystem for nothing said', {}, { volumeMode: 'Filesystem' }],
		['nothing said for Filesystem', { volumeMode: 'Filesystem' }, {}],
		['Block for Block', { volumeMode: 'Block' }, { volumeMode: 'Block' }],
		['the same attributes class', { attributesClass: 'gold' }, { attributesClass: 'gold' }],
		['an empty attributes class for none', { attributesClass: '' }, {}],
		['more access modes than it asks for', { modes: ['ReadWriteOnce'] }, { modes: ['ReadOnlyMany', 'ReadWriteOnce'] }],
		['any access modes, where it asks for none', { modes: [] }, { modes: [] }],
		['what its selector names', { selector: { matchLabels: { tier: 'a' } } }, { labels: { tier: 'a' } }],
		['anything, with an empty selector', { selector: {} }, {}],
		['a class by the beta annotation of the volume', {}, { class: 'another', betaClass: 'local' }],
		['one that is reserved for it', {}, { claimRef: { name: 'data' } }],
		['one that is reserved for it by uid', {}, { claimRef: { name: 'data', uid: 'uid-data' } }],
	])('takes %s', (_, claimOptions, volumeOptions) => {
		const state = cluster(...nodes, local, claim('data', claimOptions), volume('pv', { on: 'n1', ...volumeOptions }));
		expect(feasible(mounts, state)).toEqual(['n1']);
	});

	it.each<[string, ClaimOptions, VolumeOptions]>([
		['a smaller one', { size: '1Gi' }, { size: '1023Mi' }],
		['one that is smaller by less than a byte', { size: '1' }, { size: '999999999n' }],
		['half a byte for a byte', { size: '1' }, { size: '500m' }],
		['10Gi for 5E, which is exa', { size: '5E' }, { size: '10Gi' }],
		['one without a size', {}, { spec: { capacity: {} } }],
		['Block for Filesystem', { volumeMode: 'Filesystem' }, { volumeMode: 'Block' }],
		['Filesystem for Block', { volumeMode: 'Block' }, {}],
		['an attributes class it did not ask for', {}, { attributesClass: 'gold' }],
		['none for an attributes class', { attributesClass: 'gold' }, {}],
		['fewer access modes', { modes: ['ReadWriteOnce', 'ReadOnlyMany'] }, { modes: ['ReadWriteOnce'] }],
		['what its selector does not name', { selector: { matchLabels: { tier: 'a' } } }, { labels: { tier: 'b' } }],
		['another class', {}, { class: 'another' }],
		['another class by the beta annotation', {}, { betaClass: 'another' }],
		['one that is being deleted', {}, { deleting: true }],
		['a Released one', {}, { phase: 'Released' }],
		['a Pending one', {}, { phase: 'Pending' }],
		['a Bound one', {}, { phase: 'Bound' }],
		['a Failed one', {}, { phase: 'Failed' }],
		['one without a phase', {}, { phase: '' }],
		['one that is reserved for another', {}, { claimRef: { name: 'another' } }],
		['one that is reserved for its namesake elsewhere', {}, { claimRef: { name: 'data', namespace: 'elsewhere' } }],
		['one that is reserved for a former claim of its name', {}, { claimRef: { name: 'data', uid: 'former' } }],
		['one with an empty claimRef', {}, { spec: { claimRef: {} } }],
	])('does not take %s', (_, claimOptions, volumeOptions) => {
		const state = cluster(...nodes, local, claim('data', claimOptions), volume('pv', { on: 'n1', ...volumeOptions }));
		expect(feasible(mounts, state)).toEqual([]);
	});
});

describe('a volume that is reserved for the claim', () => {
	const reserved = (options: VolumeOptions) => volume('reserved', { on: 'n0', claimRef: { name: 'data' }, ...options });

	it.each<[string, ClaimOptions, VolumeOptions]>([
		['Released', {}, { phase: 'Released' }],
		['Bound', {}, { phase: 'Bound' }],
		['without the access modes', { modes: ['ReadWriteMany'] }, { modes: [] }],
		['not what the selector names', { selector: { matchLabels: { tier: 'a' } } }, {}],
	])('is taken although it is %s', (_, claimOptions, volumeOptions) => {
		const state = cluster(...nodes, local, claim('data', claimOptions), reserved(volumeOptions));
		expect(feasible(mounts, state)).toEqual(['n0']);
	});

	it.each<[string, ClaimOptions, VolumeOptions]>([
		['too small', { size: '2Gi' }, {}],
		['of another mode', {}, { volumeMode: 'Block' }],
		['of another attributes class', {}, { attributesClass: 'gold' }],
		['of another class', {}, { class: 'another' }],
		['being deleted', {}, { deleting: true }],
	])('is left where it is %s, and another is looked for', (_, claimOptions, volumeOptions) => {
		const other = volume('other', { size: '10Gi', on: 'n1' });
		const state = cluster(...nodes, local, claim('data', claimOptions), reserved(volumeOptions), other);
		expect(feasible(mounts, state)).toEqual(['n1']);
	});

	it('keeps the claim from every other volume, also where it cannot be reached', () => {
		const free = ['n0', 'n1', 'n2'].map((name) => volume(`free-${name}`, { on: name }));
		const state = cluster(...nodes, local, claim('data'), reserved({ size: '10Gi' }), ...free);
		expect(feasible(mounts, state)).toEqual(['n0']);
		expect(assigned([claim('data')], [reserved({ size: '10Gi' }), ...free])).toEqual([['data', 'reserved']]);
	});

	it('may be provisioned around where it cannot be reached', () => {
		const csi = storageClass('csi', { provisioner: 'driver' });
		const state = cluster(...nodes, csi, claim('data', { class: 'csi' }), reserved({ class: 'csi' }));
		expect(feasible(mounts, state)).toEqual(['n0', 'n1', 'n2']);
	});
});

describe('the choice among volumes', () => {
	it('is the smallest that is large enough', () => {
		const volumes = [
			volume('large', { size: '5Gi' }),
			volume('fitting', { size: '2Gi' }),
			volume('small', { size: '1Gi' }),
		];
		expect(assigned([claim('data', { size: '2Gi' })], volumes)).toEqual([['data', 'fitting']]);
	});

	it('is the first by name among equal sizes, whatever their text and arrival', () => {
		const volumes = [
			volume('c', { size: '1Gi' }),
			volume('a', { size: '1024Mi' }),
			volume('b', { size: '1073741824' }),
		];
		expect(assigned([claim('data')], volumes)).toEqual([['data', 'a']]);
		expect(assigned([claim('data')], volumes.toReversed())).toEqual([['data', 'a']]);
	});

	it('is among what the node reaches', () => {
		const volumes = [
			volume('elsewhere', { on: 'n1' }),
			volume('here', {
				size: '9Gi',
				affinity: { nodeSelectorTerms: [{ matchExpressions: [{ key: HOST, operator: 'Exists' }] }] },
			}),
		];
		expect(assigned([claim('data')], volumes)).toEqual([['data', 'here']]);
	});
});

describe('several delayed claims', () => {
	it('get a volume each, the smallest request first', () => {
		const claims = [claim('large', { size: '5Gi' }), claim('small', { size: '1Gi' })];
		const volumes = [volume('v1', { size: '6Gi' }), volume('v2', { size: '5Gi' })];
		expect(assigned(claims, volumes)).toEqual([
			['small', 'v2'],
			['large', 'v1'],
		]);
	});

	it('keep the order of the pod where their requests are equal', () => {
		const claims = [claim('b'), claim('a'), claim('none', { size: '' })];
		const volumes = ['v1', 'v2', 'v3'].map((name) => volume(name));
		expect(assigned(claims, volumes)).toEqual([
			['none', 'v1'],
			['b', 'v2'],
			['a', 'v3'],
		]);
	});

	it('are served greedily: the small one may take the only volume that the large one could use', () => {
		const claims = [claim('large', { size: '5Gi' }), claim('small', { size: '1Gi', modes: ['ReadWriteMany'] })];
		const both = ['ReadWriteOnce', 'ReadWriteMany'];
		const state = cluster(...nodes, local, ...claims, volume('v', { size: '5Gi', modes: both }));
		expect(assigned(claims, [volume('v', { size: '5Gi', modes: both })])).toEqual([
			['small', 'v'],
			['large', undefined],
		]);
		expect(reasons(pod('p', 'large', 'small'), state).n0?.details.claim).toBe('large');
	});

	it('need a volume for each mount, also two of one claim', () => {
		const twice = pod('p', 'data', 'data');
		const one = cluster(...nodes, local, claim('data'), volume('v1'));
		expect(feasible(twice, one)).toEqual([]);
		expect(feasible(twice, cluster(...nodes, local, claim('data'), volume('v1'), volume('v2')))).toHaveLength(3);
		const reserved = volume('v1', { claimRef: { name: 'data' } });
		expect(feasible(twice, cluster(...nodes, local, claim('data'), reserved))).toEqual([]);
		expect(feasible(twice, cluster(...nodes, local, claim('data'), reserved, volume('v2')))).toHaveLength(3);
	});

	it('do not compete across classes', () => {
		const claims = [claim('a'), claim('b', { class: 'other' })];
		const state = cluster(
			...nodes,
			local,
			storageClass('other'),
			...claims,
			volume('v1'),
			volume('v2', { class: 'other' }),
		);
		expect(feasible(pod('p', 'a', 'b'), state)).toHaveLength(3);
	});

	it('are judged beside bound ones', () => {
		const claims = [claim('a', { bound: 'v0' }), claim('b')];
		const volumes = [volume('v0', { on: 'n0', phase: 'Bound' }), volume('v1', { on: 'n1' })];
		const state = cluster(...nodes, local, ...claims, ...volumes);
		expect(verdicts(pod('p', 'a', 'b'), state)).toEqual({
			n0: 'NO_STATIC_VOLUME',
			n1: 'VOLUME_NODE_AFFINITY',
			n2: 'VOLUME_NODE_AFFINITY',
		});
	});
});

describe('a selected node', () => {
	const csi = storageClass('csi', { provisioner: 'driver' });
	const selected = (name: string) => claim('data', { class: 'csi', selectedNode: name });

	it('refuses every other', () => {
		const state = cluster(...nodes, csi, selected('n1'));
		expect(verdicts(mounts, state)).toEqual({ n0: 'SELECTED_NODE', n1: 'ok', n2: 'SELECTED_NODE' });
		expect(reasons(mounts, state).n0?.message).toBe('claim data is already being provisioned for another node');
	});

	it.each(['', 'n9'])('refuses all where it is %j', (name) => {
		expect(feasible(mounts, cluster(...nodes, csi, selected(name)))).toEqual([]);
	});

	it('does not look at volumes there, not even at one that is reserved for the claim', () => {
		const state = cluster(
			...nodes,
			local,
			claim('data', { selectedNode: 'n1' }),
			volume('pv', { claimRef: { name: 'data' } }),
		);
		expect(verdicts(mounts, state)).toEqual({ n0: 'SELECTED_NODE', n1: 'NO_STATIC_VOLUME', n2: 'SELECTED_NODE' });
	});

	it('does not take a volume from the other claims', () => {
		const claims = [claim('data', { class: 'csi', selectedNode: 'n1' }), claim('b', { class: 'csi' })];
		const state = cluster(...nodes, csi, ...claims, volume('pv', { class: 'csi' }));
		const { bindings } = new DelayedClaims(claims.map(project), state).assign({});
		expect(bindings.map((binding) => binding.claim.name)).toEqual(['b']);
	});

	it('of two claims that differ leaves no node', () => {
		const claims = [claim('a', { class: 'csi', selectedNode: 'n0' }), claim('b', { class: 'csi', selectedNode: 'n1' })];
		expect(feasible(pod('p', 'a', 'b'), cluster(...nodes, csi, ...claims))).toEqual([]);
	});

	it('does not matter to a bound claim', () => {
		const state = cluster(...nodes, claim('data', { bound: 'pv', selectedNode: 'n1' }), volume('pv'));
		expect(feasible(mounts, state)).toHaveLength(3);
	});
});

describe('a selector that cannot be used', () => {
	const bad = { matchExpressions: [{ key: 'tier', operator: 'Gt', values: ['1'] }] };

	it('refuses every node, volumes or not', () => {
		const state = cluster(...nodes, local, claim('data', { selector: bad }));
		expect(new Set(Object.values(verdicts(mounts, state)))).toEqual(new Set(['CLAIM_INVALID']));
		expect(reasons(mounts, state).n0?.message).toBe(
			'claim data has a selector that cannot be used: "Gt" is not an operator of a label selector',
		);
	});

	it('stands behind a selected node of another claim, and is not looked at beside one of its own', () => {
		const csi = storageClass('csi', { provisioner: 'driver' });
		const claims = [claim('a', { class: 'csi', selectedNode: 'n1' }), claim('data', { class: 'csi', selector: bad })];
		const state = cluster(...nodes, csi, ...claims, claim('own', { class: 'csi', selector: bad, selectedNode: 'n1' }));
		expect(verdicts(pod('p', 'a', 'data'), state)).toEqual({
			n0: 'SELECTED_NODE',
			n1: 'CLAIM_INVALID',
			n2: 'SELECTED_NODE',
		});
		expect(feasible(pod('p', 'own'), state)).toEqual(['n1']);
	});
});
