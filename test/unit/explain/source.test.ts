import { describe, expect, it } from 'vitest';
import { explainClaim, explainPod } from '../../../src/explain/explanation.ts';
import { claim, type Manifest, pod, project, storageClass, topologies } from '../domain/builders.ts';
import {
	clone,
	configured,
	content,
	DRIVER,
	origin,
	REACH,
	restore,
	scene,
	snapshot,
} from '../domain/source-builders.ts';

const explained = (objects: readonly Manifest[], drivers = {}) =>
	explainClaim('ns', 'r', scene(objects, drivers))?.source;

it('a claim without a source has none to explain, nor has one that is bound', () => {
	expect(explained([claim('r', { class: 'csi' })])).toBeUndefined();
	expect(explained([restore('r', 's', { bound: 'pv' })])).toBeUndefined();
	expect(explained([restore('r', 's', { class: 'missing' })])).toBeUndefined();
});

it('says that a source of another kind is left to its populator', () => {
	expect(explained([restore('r', 'b', { kind: 'Backup', apiGroup: 'backups.example.com' })])).toEqual({
		name: 'Backup b',
		basis: 'it is of a kind that is left to its volume populator, which has to be installed',
	});
});

describe('a clone that is made along with its source', () => {
	const pair = [claim('data', { class: 'csi' }), clone('r', 'data'), claim('more', { class: 'csi' })];
	const chain = [clone('twin', 'r'), pod('p', 'more', 'twin', 'r', 'data')];
	const along = {
		name: 'PersistentVolumeClaim data',
		basis: 'it is made along with the claim, on the node that their pod gets',
	};

	it('is explained as the pod that mounts both meets it', () => {
		const state = scene([...pair, pod('a', 'r'), pod('p', 'data', 'r')]);
		expect(explainClaim('ns', 'r', state)).toMatchObject({ source: along, nodes: { feasible: 3, refused: [] } });
		const claims = explainPod(project(pod('p', 'data', 'r')), state).claims;
		expect(claims.map(({ claim: name, nodes }) => [name, nodes.feasible])).toEqual([
			['data', 3],
			['r', 3],
		]);
		expect(claims[1]?.source).toEqual(along);
	});

	it('is so at any remove, and has on its side what refuses its source', () => {
		const narrow = storageClass('narrow', { provisioner: DRIVER, topologies: topologies({ zone: ['b'] }) });
		const state = scene([...pair, narrow, claim('data', { class: 'narrow' }), ...chain]);
		expect(explainClaim('ns', 'twin', state)?.nodes).toMatchObject({
			examples: ['n3'],
			refused: [{ message: expect.stringContaining('claim data is provisioned by class narrow') }],
		});
	});

	it('waits where no pod mounts both', () => {
		for (const objects of [pair, [...pair, pod('p', 'r', 'more')]]) {
			const { source, nodes } = explainClaim('ns', 'r', scene(objects)) ?? {};
			expect([source?.problem, nodes?.feasible]).toEqual(['it is not bound yet', 0]);
		}
	});

	it('says what is wrong with it', () => {
		const state = scene([clone('data', 'r'), clone('r', 'data'), pod('p', 'data', 'r')]);
		expect(explainClaim('ns', 'r', state)).toMatchObject({
			source: { problem: 'it is to be cloned from the claim in its turn; give one of them another source' },
			nodes: { feasible: 0, refused: [{ code: 'SOURCE_INVALID' }] },
		});
	});
});

it('says why a claim cannot be filled', () => {
	expect(explained([restore('r', 's')])).toEqual({ name: 'VolumeSnapshot s', problem: 'it does not exist' });
});

it('says what the source asks of nodes, how that is known, and what was passed over', () => {
	const taken = [restore('r', 's'), snapshot('s'), content('s', { annotations: { [REACH]: 'zone' } })];
	expect(explained([...taken, ...origin()], configured('source-volume'))).toEqual({
		name: 'VolumeSnapshot s',
		needs: 'kubernetes.io/hostname in (n2)',
		basis: 'source-volume (the configuration for driver local.example.com): taken of volume pv',
		ignored: [
			`annotation ${REACH} of content c-s is "zone", which is none of anywhere, source-volume, managed-by-node`,
		],
	});
	expect(explained(taken, configured('source-volume'))).toMatchObject({
		basis:
			'source-volume (the configuration for driver local.example.com): the source volume is gone, so every node will do',
	});
});
