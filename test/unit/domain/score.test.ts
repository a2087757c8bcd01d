import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { score } from '../../../src/domain/decision/score.ts';
import { scenario } from './arbitraries.ts';
import {
	capacity,
	claim,
	cluster,
	csiDriver,
	HOST,
	type Manifest,
	node,
	pod,
	project,
	storageClass,
	volume,
} from './builders.ts';

const WEIGHTS = { staticBonus: 4, fit: 6, capacity: 3 };
const base = [
	...['n0', 'n1', 'n2', 'n3'].map((name) => node(name)),
	storageClass('local'),
	storageClass('csi', { provisioner: 'driver' }),
	csiDriver('driver', true),
];

function scores(of: Manifest<'Pod'>, state: ClusterState, weights = WEIGHTS): number[] {
	return score(
		project(of),
		state,
		['n0', 'n1', 'n2', 'n3'].map((name) => state.nodes.idOf(name) as number),
		weights,
	);
}

const on = (name: string, size: string, options = {}) => volume(`v-${name}`, { on: name, size, ...options });
const room = (name: string, size: string, options = {}) =>
	capacity(`c-${name}`, { capacity: size, nodes: { matchLabels: { [HOST]: name } }, ...options });

describe('the score of a node', () => {
	it('is higher the less of a volume is wasted: the 2Gi one before the one of 1TiB', () => {
		const state = cluster(...base, claim('data'), on('n0', '1Gi'), on('n1', '2Gi'), on('n2', '1Ti'), on('n3', '2Ti'));
		expect(scores(pod('p', 'data'), state)).toEqual([10, 9, 4, 4]);
	});

	it('is higher for a volume that is there than for one to be made', () => {
		const state = cluster(
			...base,
			claim('data', { class: 'csi' }),
			on('n0', '1Ti', { class: 'csi' }),
			room('n1', '10Ti'),
		);
		expect(scores(pod('p', 'data'), state)).toEqual([4, 3, 0, 0]);
	});

	it('grows with the free capacity, measured by the roomiest node asked about', () => {
		const state = cluster(
			...base,
			claim('data', { class: 'csi' }),
			room('n0', '30Gi'),
			room('n1', '10Gi'),
			room('n2', '20Gi'),
			room('n3', '1Mi'),
		);
		expect(scores(pod('p', 'data'), state)).toEqual([3, 1, 2, 0]);
		const some = ['n1', 'n2'].map((name) => state.nodes.idOf(name) as number);
		expect(score(project(pod('p', 'data')), state, some, WEIGHTS)).toEqual([2, 3]);
	});

	it('counts the largest segment of a node, and its capacity before its largest volume', () => {
		const small = capacity('s', { capacity: '5Gi' });
		const state = cluster(...base, claim('data', { class: 'csi' }), small, room('n0', '15Gi', { maximum: '1Gi' }));
		expect(scores(pod('p', 'data'), state)).toEqual([3, 1, 1, 1]);
	});

	it('is the mean over the delayed claims', () => {
		const claims = [claim('a'), claim('b', { class: 'csi' }), claim('c', { bound: 'v-n0' })];
		const state = cluster(...base, ...claims, volume('v', {}), on('n0', '1Gi', { phase: 'Bound' }), room('n1', '1Ti'));
		expect(scores(pod('p', 'a', 'b', 'c'), state)).toEqual([5, 7, 5, 5]);
	});

	it('is 0 where nothing is to be decided', () => {
		const state = cluster(...base, claim('done', { bound: 'v-n0' }), claim('now', { class: '' }), on('n0', '1Gi'));
		for (const of of [pod('p'), pod('p', 'done'), pod('p', 'now'), pod('p', 'missing')]) {
			expect(scores(of, state)).toEqual([0, 0, 0, 0]);
		}
	});

	it('earns nothing for the fit where nothing is asked for', () => {
		const state = cluster(...base, claim('data', { size: '' }), on('n0', '1Gi'));
		expect(scores(pod('p', 'data'), state)[0]).toBe(4);
	});

	it('earns nothing for a volume of no size that nothing is asked of', () => {
		const state = cluster(...base, claim('data', { size: '' }), on('n0', '0'));
		expect(scores(pod('p', 'data'), state)[0]).toBe(4);
	});

	it('earns a little for a volume that is 512 times too large', () => {
		const state = cluster(...base, claim('data'), on('n0', '512Gi'), on('n1', '1Ti'));
		expect(scores(pod('p', 'data'), state, { staticBonus: 0, fit: 10, capacity: 0 })).toEqual([1, 0, 0, 0]);
	});

	it('follows the weights', () => {
		const state = cluster(...base, claim('data'), on('n0', '1Gi'), on('n1', '1Ti'));
		expect(scores(pod('p', 'data'), state, { staticBonus: 10, fit: 0, capacity: 0 })).toEqual([10, 10, 0, 0]);
		expect(scores(pod('p', 'data'), state, { staticBonus: 0, fit: 10, capacity: 0 })).toEqual([10, 0, 0, 0]);
	});

	it('is an integer from 0 to 10, whatever is asked', () => {
		const weight = fc.double({ min: 0, max: 10, noNaN: true });
		const weights = fc.record({ staticBonus: weight, fit: weight, capacity: weight });
		fc.assert(
			fc.property(scenario, weights, ({ nodes, volumes, others, pod: of }, given) => {
				for (const points of scores(of, cluster(...nodes, ...volumes, ...others), given)) {
					expect(Number.isInteger(points) && points >= 0 && points <= 10).toBe(true);
				}
			}),
		);
	});
});
