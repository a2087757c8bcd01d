// The soak's own judgement of which pods wait in vain: were it wrong, the soak would be green for nothing.

import { describe, expect, test } from 'vitest';
import type { Objects } from '../../cluster/chaos/invariants.ts';
import type { KubeObject } from '../../cluster/harness/index.ts';
import { localVolume } from '../../cluster/objects.ts';
import { claim, pod } from '../../cluster/shared.ts';
import { DYNAMIC, LOCAL } from '../../soak/names.ts';
import { lacksOf, waitingInVain } from '../../soak/vain.ts';

const node = (name: string, spec = {}): KubeObject => ({
	metadata: { name, labels: { 'kubernetes.io/hostname': name } },
	spec,
});
const NODES = ['soak-0', 'soak-7'];

function free(name: string, on: string): KubeObject {
	return { ...localVolume(name, on, LOCAL), status: { phase: 'Available' } };
}

function unbound(name: string, storageClass = LOCAL): KubeObject {
	const made = claim({ namespace: 'soak', name, storageClass });
	made.metadata.uid = name;
	return { ...made, status: { phase: 'Pending' } };
}

function waiting(name: string, ...claims: string[]): KubeObject {
	return { ...pod({ namespace: 'soak', name, schedulerName: 'soak', claims }), status: {} };
}

function inVain(objects: Partial<Objects>): string[] {
	return waitingInVain(whole(objects)).map((text) => text.replace(/ although.*/, ''));
}

function lacks(objects: Partial<Objects>): object[] {
	return lacksOf(whole(objects)).map(({ node: on, volumes }) => ({ on, volumes }));
}

function whole(objects: Partial<Objects>): Objects {
	return { nodes: NODES.map((name) => node(name)), pods: [], claims: [], volumes: [], ...objects };
}

describe('a pod with local claims', () => {
	const pods = [waiting('two', 'a', 'b')];
	const claims = [unbound('a'), unbound('b')];

	test('waits in vain where all of its claims find a free volume on one node', () => {
		expect(inVain({ pods, claims, volumes: [free('v', 'soak-7'), free('w', 'soak-7')] })).toEqual(['pod two waits']);
	});

	test('lacks a volume where they find them on two', () => {
		const volumes = [free('v', 'soak-0'), free('w', 'soak-7')];
		expect(inVain({ pods, claims, volumes })).toEqual([]);
		expect(lacks({ pods, claims, volumes })).toEqual([{ on: 'soak-0', volumes: 1 }]);
	});

	test('must go where the first of them is bound', () => {
		const [a, b] = claims as [KubeObject, KubeObject];
		const bound = { ...a, spec: { ...a.spec, volumeName: 'v' } };
		const held = { ...free('v', 'soak-0'), status: { phase: 'Bound' } };
		const volumes = [held, free('w', 'soak-7'), free('x', 'soak-7')];
		expect(lacks({ pods, claims: [bound, b], volumes })).toEqual([{ on: 'soak-0', volumes: 1 }]);
		expect(inVain({ pods, claims: [bound, b], volumes })).toEqual([]);
		expect(inVain({ pods, claims: [bound, b], volumes: [...volumes, free('y', 'soak-0')] })).toEqual(['pod two waits']);
	});

	test('and where a volume is claimed for it that is not bound yet', () => {
		const claimed = free('v', 'soak-0');
		claimed.spec.claimRef = { uid: 'a', name: 'a' };
		expect(lacks({ pods, claims, volumes: [claimed, free('w', 'soak-7'), free('x', 'soak-7')] })).toEqual([
			{ on: 'soak-0', volumes: 1 },
		]);
	});

	test.each<[string, (volume: KubeObject) => void]>([
		['is of another claim', ({ spec }) => (spec.claimRef = { uid: 'other' })],
		['is released', ({ status }) => (status.phase = 'Released')],
		['is being deleted', ({ metadata }) => (metadata.deletionTimestamp = 'now')],
	])('does not wait for a volume that %s', (_, change) => {
		const spoilt = free('w', 'soak-7');
		change(spoilt);
		expect(inVain({ pods, claims, volumes: [free('v', 'soak-7'), spoilt] })).toEqual([]);
	});

	test('of two that compete for one volume, the one left over waits rightly', () => {
		const competing = [waiting('one', 'a'), waiting('other', 'b')];
		const [v] = [free('v', 'soak-7')];
		expect(inVain({ pods: competing, claims, volumes: [v] })).toEqual(['pod one waits', 'pod other waits']);
		const taken = { ...v, spec: { ...v.spec, claimRef: { uid: 'a' } }, status: { phase: 'Bound' } };
		const runs = { ...competing[0], spec: { ...competing[0]?.spec, nodeName: 'soak-7' } };
		expect(inVain({ pods: [runs, competing[1] as KubeObject], claims, volumes: [taken] })).toEqual([]);
	});

	test('does not wait for a node that takes no pods', () => {
		const volumes = [free('v', 'soak-7'), free('w', 'soak-7')];
		const tainted = node('soak-7', { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] });
		expect(inVain({ pods, claims, volumes, nodes: [node('soak-0'), tainted] })).toEqual([]);
	});

	test.each<[string, KubeObject[]]>([
		['is missing', [unbound('a')]],
		['is lost', [unbound('a'), { ...unbound('b'), status: { phase: 'Lost' } }]],
	])('waits for what no volume mends where a claim %s', (_, some) => {
		const volumes = [free('v', 'soak-7'), free('w', 'soak-7')];
		expect(lacks({ pods, claims: some, volumes })).toEqual([]);
	});
});

describe('a pod with a claim that is provisioned', () => {
	const pods = [waiting('csi', 'a')];
	const selected = (name: string) => {
		const made = unbound('a', DYNAMIC);
		made.metadata.annotations = { 'volume.kubernetes.io/selected-node': name };
		return made;
	};

	test('waits in vain where a provisioner runs', () => {
		expect(inVain({ pods, claims: [unbound('a', DYNAMIC)] })).toEqual(['pod csi waits']);
		expect(inVain({ pods, claims: [unbound('a', DYNAMIC)], nodes: [node('soak-7')] })).toEqual([]);
	});

	test('must go where its claim was sent', () => {
		expect(inVain({ pods, claims: [selected('soak-0')] })).toEqual(['pod csi waits']);
		expect(inVain({ pods, claims: [selected('soak-1')] })).toEqual([]);
	});
});
