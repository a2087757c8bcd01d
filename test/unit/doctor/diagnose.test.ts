import { describe, expect, it } from 'vitest';
import { diagnosePin, diagnosePins, waitingPins } from '../../../src/doctor/diagnose.ts';
import { capacity, claim, csiDriver, type Manifest, node, put, volume } from '../domain/builders.ts';
import { clone, content, DRIVER, origin, restore, snapshot } from '../domain/source-builders.ts';
import { cluster, csiClass, csiNode, pinned, SCENES, SEEN_CODES, volumeFor } from './support.ts';

const codes = (...objects: readonly Manifest[]) => diagnosePins(cluster(...objects)).map(({ code }) => code);

describe('diagnosePins', () => {
	it.each(SEEN_CODES)('%s', (code) => {
		const state = SCENES[code]();
		const [finding, ...others] = diagnosePins(state);
		expect(others).toEqual([]);
		expect(finding).toMatchObject({ code, driver: expect.any(String), claim: { name: 'data' } });
		expect(finding?.message).not.toContain('?');
		expect(diagnosePin('ns', 'data', state)).toEqual(finding);
	});

	it('finds nothing where the pin is good', () => {
		expect(codes(pinned('data', 'n1'))).toEqual([]);
		expect(codes(pinned('data', 'n3'), csiClass({ zone: 'b' }))).toEqual([]);
		expect(codes(...origin(), clone('data', 'origin', { selectedNode: 'n2' }))).toEqual([]);
		expect(codes(snapshot('snap'), content('snap'), restore('data', 'snap', { selectedNode: 'n1' }))).toEqual([]);
	});

	it('leaves claims alone that are not pinned, bound, named a volume, going, lost or of a missing class', () => {
		expect(codes(claim('data', { class: 'csi' }))).toEqual([]);
		expect(codes(pinned('data', 'n9', { bound: 'pv' }))).toEqual([]);
		expect(codes(pinned('data', 'n9', { volume: 'pv' }))).toEqual([]);
		const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' };
		expect(codes(pinned('data', 'n9', { annotations }))).toEqual([]);
		expect(codes(pinned('data', 'n9', { deleting: true }))).toEqual([]);
		expect(codes(pinned('data', 'n9', { phase: 'Lost' }))).toEqual([]);
		expect(codes(pinned('data', 'n9', { class: 'absent' }))).toEqual([]);
	});

	it('has claims that do not wait for a consumer, which provisioners pin as well, but where that pin holds nobody back', () => {
		const immediate = csiClass({ mode: 'Immediate' });
		expect(codes(pinned('data', 'n9'), immediate)).toEqual(['PIN_NODE_GONE']);
		expect(codes(...origin(), clone('data', 'origin', { selectedNode: 'n1' }), immediate)).toEqual([
			'PIN_SOURCE_UNREACHABLE',
		]);
		expect(codes(pinned('data', ''), immediate)).toEqual([]);
		for (const provisioner of ['', 'kubernetes.io/no-provisioner']) {
			expect(codes(pinned('data', 'n9'), csiClass({ mode: 'Immediate', provisioner }))).toEqual([]);
		}
	});

	it('leaves claims alone whose volume is there, by its claimRef with or without uid, or by its name', () => {
		expect(codes(pinned('data', 'n9'), volumeFor('data', 'uid-data'))).toEqual([]);
		expect(codes(pinned('data', 'n9'), volumeFor('data'))).toEqual([]);
		expect(codes(pinned('data', 'n9'), volume('pvc-uid-data', { class: 'csi' }))).toEqual([]);
		expect(codes(pinned('data', 'n9'), volumeFor('data', 'uid-of-an-earlier-one'))).toEqual(['PIN_NODE_GONE']);
	});

	it('does not take a full node for a reason: the provisioner gives that pin back itself', () => {
		expect(codes(csiDriver(DRIVER, true), capacity('none', { capacity: '0' }), pinned('data', 'n1'))).toEqual([]);
	});

	it('does not take a source that is not ready for a reason', () => {
		const data = restore('data', 'snap', { selectedNode: 'n1' });
		expect(codes(data)).toEqual([]);
		expect(codes(snapshot('snap', { status: { readyToUse: false } }), content('snap'), data)).toEqual([]);
	});

	it('asks no registration of provisioners that are no CSI drivers', () => {
		const state = cluster(pinned('data', 'n4'), node('n4'), csiClass({ provisioner: 'paths.example.com' }));
		expect(diagnosePins(state)).toEqual([]);
		put(state, csiNode('n1', 'paths.example.com'));
		expect(diagnosePins(state).map(({ code }) => code)).toEqual(['PIN_CSINODE_GONE']);
	});

	it('knows a CSI driver that is on no node by its CSIDriver', () => {
		const nowhere = ['n1', 'n2', 'n3'].map((name) => csiNode(name));
		expect(codes(...nowhere, pinned('data', 'n1'))).toEqual(['PIN_DRIVER_MISSING']);
	});

	it('takes a class without any provisioner for what it is', () => {
		expect(codes(pinned('data', 'n1'), csiClass({ provisioner: '' }))).toEqual(['PIN_NO_PROVISIONER']);
	});

	it('orders by namespace and name', () => {
		const state = cluster(
			pinned('b', 'n9'),
			pinned('a', 'n9'),
			pinned('z', 'n9', { metadata: { namespace: 'early' } }),
		);
		expect(diagnosePins(state).map(({ claim: { name } }) => name)).toEqual(['z', 'a', 'b']);
	});
});

describe('waitingPins', () => {
	const waiting = (...objects: readonly Manifest[]) =>
		waitingPins(cluster(...objects)).map(({ claim: { name }, driver }) => [name, driver]);

	it('has the claims with whose pin nothing is wrong, in order', () => {
		const objects = [pinned('b', 'n1'), pinned('a', 'n2'), pinned('gone', 'n9'), claim('free', { class: 'csi' })];
		expect(waiting(...objects)).toEqual([
			['a', DRIVER],
			['b', DRIVER],
		]);
	});

	it('has those that do not wait for a consumer', () => {
		expect(waiting(pinned('data', 'n1'), csiClass({ mode: 'Immediate' }))).toEqual([['data', DRIVER]]);
	});

	it('has those whose source is not ready: a provisioner says so each time', () => {
		expect(waiting(restore('data', 'snap', { selectedNode: 'n1' }))).toHaveLength(1);
	});

	it('has none that a volume is there for, that a populator fills, or that an in-tree provisioner makes', () => {
		expect(waiting(pinned('data', 'n1'), volumeFor('data', 'uid-data'))).toEqual([]);
		const populator = { kind: 'Book', apiGroup: 'populators.example.com', selectedNode: 'n1' };
		expect(waiting(restore('data', 'one', populator))).toEqual([]);
		expect(waiting(pinned('data', 'n1'), csiClass({ provisioner: 'kubernetes.io/aws-ebs' }))).toEqual([]);
	});
});
