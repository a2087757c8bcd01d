/** A claim with a source, of a class that has volumes too: who chooses between them, topobind or VolumeBinding? */

import { describe, expect, it } from 'vitest';
import { ClusterState } from '../../../src/cluster/state.ts';
import { claim, type Manifest, node, pod, put, storageClass, topologies, volume } from './builders.ts';
import { configured, content, DRIVER, origin, restore, snapshot } from './source-builders.ts';
import { verdicts } from './verdicts.ts';

function judged(choosesVolumes: boolean, ...objects: readonly Manifest[]) {
	const state = new ClusterState(configured('source-volume'), choosesVolumes);
	const nodes = ['n1', 'n2', 'n3'].map((name) => node(name));
	for (const object of [...nodes, storageClass('csi', { provisioner: DRIVER }), ...objects]) put(state, object);
	return (...claims: string[]) => verdicts(pod('p', ...claims), state);
}

const free = (name: string, on: string) => volume(name, { class: 'csi', on });
/** Reaches n2 only. */
const ready = [...origin(), snapshot('s'), content('s'), restore('r', 's')];
const missing = [restore('r', 'no-such-snapshot')];
const ALL_NOT_READY = { n1: 'SOURCE_NOT_READY', n2: 'SOURCE_NOT_READY', n3: 'SOURCE_NOT_READY' };

describe('where topobind chooses', () => {
	it('a volume that is there spares the source', () => {
		expect(judged(true, ...ready, free('v', 'n1'))('r')).toEqual({ n1: 'ok', n2: 'ok', n3: 'SOURCE_UNREACHABLE' });
		expect(judged(true, ...missing, free('v', 'n1'))('r')).toEqual({ ...ALL_NOT_READY, n1: 'ok' });
	});
});

describe('where VolumeBinding chooses', () => {
	it('a volume that is free may be taken by then: the source must do all the same', () => {
		expect(judged(false, ...ready, free('v', 'n1'), free('w', 'n2'))('r')).toEqual({
			...{ n1: 'SOURCE_UNREACHABLE', n2: 'ok', n3: 'SOURCE_UNREACHABLE' },
		});
		expect(judged(false, ...missing, free('v', 'n1'))('r')).toEqual(ALL_NOT_READY);
	});

	it('also where all claims of the pod are alike', () => {
		const objects = [...missing, restore('q', 'nor-this'), free('v', 'n1'), free('w', 'n1')];
		expect(judged(false, ...objects)('r', 'q')).toEqual(ALL_NOT_READY);
		expect(judged(true, ...objects)('r', 'q')).toEqual({ ...ALL_NOT_READY, n1: 'ok' });
	});

	it('one that is reserved for the claim is sure', () => {
		const reserved = volume('v', { class: 'csi', on: 'n1', claimRef: { name: 'r', uid: 'uid-r' } });
		expect(judged(false, ...missing, reserved)('r').n1).toBe('ok');
	});

	it('nothing but the source is asked: not where the class allows, or has room', () => {
		const narrow = storageClass('csi', { provisioner: DRIVER, topologies: topologies({ zone: ['elsewhere'] }) });
		expect(judged(false, ...ready, narrow, free('v', 'n2'))('r').n2).toBe('ok');
	});

	it('a claim without a source, and one of a class without provisioner, take what is there', () => {
		expect(judged(false, claim('r', { class: 'csi' }), free('v', 'n1'))('r').n1).toBe('ok');
		const bare = [storageClass('bare'), restore('r', 's', { class: 'bare' })];
		expect(judged(false, ...bare, volume('v', { class: 'bare', on: 'n1' }))('r')).toEqual({
			...{ n1: 'ok', n2: 'NO_STATIC_VOLUME', n3: 'NO_STATIC_VOLUME' },
		});
	});
});
