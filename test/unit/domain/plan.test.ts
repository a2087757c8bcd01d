import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { allBound, isReason, type Plan, planBinding } from '../../../src/domain/decision/plan.ts';
import {
	type ClaimOptions,
	claim,
	cluster,
	type Manifest,
	node,
	pod,
	project,
	storageClass,
	type VolumeOptions,
	volume,
	ZONE,
} from './builders.ts';

const base = [node('n0'), node('n1'), storageClass('local'), storageClass('csi', { provisioner: 'driver' })];

function planned(of: ReturnType<typeof pod>, state: ClusterState, on = 'n0'): Plan {
	const plan = planBinding(project(of), state, on);
	if (isReason(plan)) throw new Error(plan.message);
	return plan;
}

/** The plan in names: `claim → volume`, provisions; what is already written in brackets. */
function inWords({ bindings, provisions }: Plan): string[] {
	const mark = (text: string, written: boolean) => (written ? `(${text})` : text);
	return [
		...bindings.map(({ claim, volume, written }) => mark(`${claim.name} → ${volume.name}`, written)),
		...provisions.map(({ claim, written }) => mark(claim.name, written)),
	];
}

describe('a plan', () => {
	it('binds volumes smallest request first, and provisions what was selected before the rest', () => {
		const claims = [
			claim('large', { size: '5Gi' }),
			claim('new', { class: 'csi', size: '1Mi' }),
			claim('begun', { class: 'csi', selectedNode: 'n0', size: '9Gi' }),
			claim('small'),
		];
		const state = cluster(...base, ...claims, volume('v1', { size: '2Gi' }), volume('v2', { size: '6Gi' }));
		const plan = planned(pod('p', 'large', 'new', 'begun', 'small'), state);
		expect(inWords(plan)).toEqual(['small → v1', 'large → v2', '(begun)', 'new']);
		expect(plan.node).toBe('n0');
		expect(allBound(plan)).toBe(false);
	});

	it('holds every claim once, bound ones among them', () => {
		const claims = [claim('done', { bound: 'pv' }), claim('data', { class: 'csi' })];
		const plan = planned(pod('p', 'done', 'data', 'data', 'done'), cluster(...base, ...claims, volume('pv')));
		expect(plan.claims.map(({ name }) => name)).toEqual(['done', 'data']);
		expect(inWords(plan)).toEqual(['data']);
	});

	it('has nothing to do where all is bound', () => {
		const plan = planned(pod('p', 'done'), cluster(...base, claim('done', { bound: 'pv' }), volume('pv')));
		expect([inWords(plan), allBound(plan)]).toEqual([[], true]);
		expect(allBound(planned(pod('p'), cluster(...base)))).toBe(true);
	});

	it.each<[string, VolumeOptions['claimRef'], string]>([
		['without a claimRef', undefined, 'data → pv'],
		['whose claimRef has no uid yet', { name: 'data' }, 'data → pv'],
		['whose claimRef is complete', { name: 'data', uid: 'uid-data' }, '(data → pv)'],
	])('knows whether a volume %s has to be written', (_, claimRef, words) => {
		const state = cluster(...base, claim('data'), volume('pv', claimRef ? { claimRef } : {}));
		expect(inWords(planned(pod('p', 'data'), state))).toEqual([words]);
	});

	it('gives a claim that is mounted twice one volume', () => {
		const state = cluster(...base, claim('data'), volume('v1'));
		expect(inWords(planned(pod('p', 'data', 'data'), state))).toEqual(['data → v1']);
	});

	it('asks of a claim that is named, and is an ephemeral one’s as well, what either mount asks', () => {
		const zoned = volume('pv', { labels: { [ZONE]: 'b' } });
		const owned = { owners: [{ uid: 'uid-p', controller: true }] };
		const both = pod('p', { ephemeral: 'data' }, 'p-data');
		const reversed = pod('p', 'p-data', { ephemeral: 'data' });
		const inZone = node('n0', { [ZONE]: 'a' });
		const [bound, foreign] = [claim('p-data', { bound: 'pv', ...owned }), claim('p-data', { bound: 'pv' })];
		for (const either of [both, reversed]) {
			const refusal = (...objects: Manifest[]) => planBinding(project(either), cluster(...base, ...objects), 'n0');
			expect(refusal(inZone, bound, zoned)).toMatchObject({ code: 'ZONE_LABEL' });
			expect(refusal(foreign, volume('pv'))).toMatchObject({ code: 'CLAIM_NOT_OWNED' });
			expect(refusal(bound, zoned)).toMatchObject({ claims: [{ name: 'p-data' }], bindings: [], provisions: [] });
		}
		const state = cluster(...base, claim('p-data', owned), volume('v1'));
		expect(inWords(planned(both, state))).toEqual(['p-data → v1']);
	});

	it('keeps the pod’s order among claims that ask for the same size, however many there are', () => {
		const names = Array.from({ length: 30 }, (_, at) => `c${at}`);
		const size = (name: string) => (Number(name.slice(1)) % 3 === 0 ? '2Gi' : '1Gi');
		const claims = names.map((name) => claim(name, { size: size(name) }));
		const volumes = names.map((name) => volume(`v-${name}`, { size: '3Gi' }));
		const { bindings } = planned(pod('p', ...names), cluster(...base, ...claims, ...volumes));
		const ofSize = (wanted: string) => names.filter((name) => size(name) === wanted);
		expect(bindings.map((binding) => binding.claim.name)).toEqual([...ofSize('1Gi'), ...ofSize('2Gi')]);
	});

	it('goes by the node it is for', () => {
		const state = cluster(...base, claim('data'), volume('v0', { on: 'n0' }), volume('v1', { on: 'n1' }));
		expect(['n0', 'n1'].map((on) => inWords(planned(pod('p', 'data'), state, on))[0])).toEqual([
			'data → v0',
			'data → v1',
		]);
	});

	it.each<[string, ClaimOptions, string, string]>([
		['an unknown node', {}, 'n9', 'UNKNOWN_NODE'],
		['a node without a volume', {}, 'n1', 'NO_STATIC_VOLUME'],
		['a claim that goes elsewhere', { class: 'csi', selectedNode: 'n1' }, 'n0', 'SELECTED_NODE'],
		['a claim that does not wait', { class: '' }, 'n0', 'CLAIM_UNBOUND'],
		['a claim that is going', { deleting: true }, 'n0', 'CLAIM_DELETING'],
		['a bound volume elsewhere', { bound: 'v0' }, 'n1', 'VOLUME_NODE_AFFINITY'],
	])('is refused for %s', (_, options, on, code) => {
		const state = cluster(...base, claim('data', options), volume('v0', { on: 'n0' }));
		expect(planBinding(project(pod('p', 'data')), state, on)).toMatchObject({ code });
	});

	it('sees what was assumed: a volume that another pod takes is gone', () => {
		const state = cluster(...base, claim('data'), claim('other'), volume('v1'), volume('v2'));
		const { bindings } = planned(pod('p', 'data'), state);
		const taken = bindings[0]?.volume;
		if (!taken) throw new Error('nothing was bound');
		state.assumeVolume({ ...taken, claimRef: { namespace: 'ns', name: 'data', uid: 'uid-data' } }, taken);
		expect(inWords(planned(pod('q', 'other'), state))).toEqual(['other → v2']);
		expect(inWords(planned(pod('r', 'data'), state))).toEqual(['(data → v1)']);
	});
});
