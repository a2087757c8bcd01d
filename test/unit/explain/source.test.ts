import { expect, it } from 'vitest';
import { explainClaim } from '../../../src/explain/explanation.ts';
import { claim, type Manifest } from '../domain/builders.ts';
import { configured, content, origin, REACH, restore, scene, snapshot } from '../domain/source-builders.ts';

const explained = (objects: readonly Manifest[], drivers = {}) =>
	explainClaim('ns', 'r', scene(objects, drivers))?.source;

it('a claim without a source has none to explain, nor has one that a populator fills or that is bound', () => {
	expect(explained([claim('r', { class: 'csi' })])).toBeUndefined();
	expect(explained([restore('r', 'b', { kind: 'Backup', apiGroup: 'backups.example.com' })])).toBeUndefined();
	expect(explained([restore('r', 's', { bound: 'pv' })])).toBeUndefined();
	expect(explained([restore('r', 's', { class: 'missing' })])).toBeUndefined();
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
