// The judgement that the soak and the chaos tests end with: one bad cluster for each thing that may be wrong, and a good one.

import { expect, test } from 'vitest';
import { type Objects, problemsOf, tornPods, until, waitingInVain } from '../../cluster/chaos/invariants.ts';
import type { KubeObject } from '../../cluster/harness/index.ts';
import { localVolume } from '../../cluster/objects.ts';
import { claim, pod } from '../../cluster/shared.ts';

const NODES = ['n1', 'n2'].map(
	(name): KubeObject => ({ metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec: {} }),
);

function volume(name: string, on: string, of?: string, phase = of ? 'Bound' : 'Available'): KubeObject {
	const made = localVolume(name, on, 'class');
	if (of) made.spec.claimRef = { name: of, uid: `uid-${of}` };
	return { ...made, status: { phase } };
}

function told(name: string, node?: string, volumeName?: string, phase = volumeName ? 'Bound' : 'Pending'): KubeObject {
	const made = claim({ namespace: 'ns', name, storageClass: 'class' });
	made.metadata.uid = `uid-${name}`;
	if (node) made.metadata.annotations = { 'volume.kubernetes.io/selected-node': node };
	return { ...made, spec: { ...made.spec, ...(volumeName ? { volumeName } : {}) }, status: { phase } };
}

function running(name: string, on: string | undefined, ...claims: string[]): KubeObject {
	const made = pod({ namespace: 'ns', name, schedulerName: 's', claims });
	return { ...made, spec: { ...made.spec, ...(on ? { nodeName: on } : {}) }, status: {} };
}

function whole(objects: Partial<Objects>): Objects {
	return { nodes: NODES, pods: [], claims: [], volumes: [], ...objects };
}

test('nothing is wrong with pods that run where their volumes are, and with what is free or released', () => {
	const good = whole({
		pods: [running('p', 'n1', 'a', 'b'), running('q', undefined, 'c'), running('r', undefined, 'no such claim')],
		claims: [told('a', 'n1', 'v'), told('b', undefined, 'w'), told('c')],
		volumes: [volume('v', 'n1', 'a'), volume('w', 'n1', 'b'), volume('x', 'n2'), volume('y', 'n2', 'gone', 'Released')],
	});
	expect(problemsOf(good)).toEqual([]);
	expect(tornPods(good)).toEqual([]);
});

test.each<[string, Partial<Objects>, string[]]>([
	[
		'a volume of nobody is not Available',
		{ volumes: [volume('v', 'n1', undefined, 'Bound')] },
		['volume v (Bound, of nobody) is not Available'],
	],
	[
		'a volume that names its claim is not Bound',
		{ claims: [told('a', undefined, 'v')], volumes: [volume('v', 'n1', 'a', 'Available')] },
		['volume v (Available, of a) is half bound'],
	],
	[
		'a volume is Released, and its claim is there',
		{ claims: [told('a', undefined, 'v')], volumes: [volume('v', 'n1', 'a', 'Released')] },
		['volume v (Released, of a) is half bound'],
	],
	[
		'a volume is Bound to a claim that has gone',
		{ volumes: [volume('v', 'n1', 'a')] },
		['volume v (Bound, of a) names a claim that does not exist'],
	],
	[
		'a volume is Bound to a former claim of that name',
		{ claims: [{ ...told('a'), metadata: { name: 'a', uid: 'another' } }], volumes: [volume('v', 'n1', 'a')] },
		['volume v (Bound, of a) names a claim that does not exist'],
	],
	[
		'a claim does not know of its volume',
		{ claims: [told('a')], volumes: [volume('v', 'n1', 'a')] },
		['volume v (Bound, of a) is not the one that its claim names'],
	],
	[
		'two volumes name one claim',
		{ claims: [told('a', undefined, 'v')], volumes: [volume('v', 'n1', 'a'), volume('w', 'n1', 'a')] },
		['volume w (Bound, of a) is not the one that its claim names', 'volume w (Bound, of a) and v name one claim'],
	],
	[
		'a claim names a volume that has gone',
		{ claims: [told('a', undefined, 'v')] },
		['claim a (Bound) names volume v, which is not there'],
	],
	[
		'two claims name one volume',
		{ claims: [told('a', undefined, 'v'), told('b', undefined, 'v')], volumes: [volume('v', 'n1', 'a')] },
		['claim b (Bound) names volume v, of a'],
	],
	[
		'a claim names a volume of nobody',
		{ claims: [told('a', undefined, 'v')], volumes: [volume('v', 'n1')] },
		['claim a (Bound) names volume v, of nobody'],
	],
	['a claim was told its node, and no more', { claims: [told('a', 'n1')] }, ['claim a was told n1, and is not bound']],
	[
		'a claim was told one node, and is bound on another',
		{ claims: [told('a', 'n1', 'v')], volumes: [volume('v', 'n2', 'a')] },
		['claim a was told n1, and is bound elsewhere'],
	],
	[
		'a pod runs with a claim that is not bound',
		{ pods: [running('p', 'n1', 'a')], claims: [told('a')] },
		['pod p is on n1, and its claim a is not bound'],
	],
	[
		'a pod runs with a claim that has gone',
		{ pods: [running('p', 'n1', 'a')] },
		['pod p is on n1, and its claim a is not bound'],
	],
	[
		'a pod runs where its volume is not',
		{ pods: [running('p', 'n1', 'a')], claims: [told('a', undefined, 'v')], volumes: [volume('v', 'n2', 'a')] },
		['pod p is on n1, and its claim is elsewhere'],
	],
])('it is a problem that %s', (_, objects, problems) => {
	expect(problemsOf(whole(objects))).toEqual(problems);
});

test('a claim that was told a node that has gone is not elsewhere', () => {
	const claims = [told('a', 'n3', 'v')];
	expect(problemsOf(whole({ claims, volumes: [volume('v', 'n2', 'a')] }))).toEqual([]);
});

test('a pod with volumes on two nodes is torn, unless one of the nodes has gone', () => {
	const pods = [running('p', undefined, 'a', 'b')];
	const claims = [told('a', undefined, 'v'), told('b', undefined, 'w')];
	expect(tornPods(whole({ pods, claims, volumes: [volume('v', 'n1', 'a'), volume('w', 'n2', 'b')] }))).toEqual([
		'pod p has volumes on more than one node: v, w',
	]);
	expect(tornPods(whole({ pods, claims, volumes: [volume('v', 'n1', 'a'), volume('w', 'n3', 'b')] }))).toEqual([]);
	expect(tornPods(whole({ pods, claims, volumes: [volume('v', 'n1', 'a')] }))).toEqual([]);
});

test('a pod waits in vain where its bound claims can be reached and volumes enough are free', () => {
	const pods = [running('p', undefined, 'a', 'b')];
	const claims = [told('a', undefined, 'v'), told('b')];
	const held = volume('v', 'n1', 'a');
	const inVain = ['pod p waits although it could run'];
	expect(waitingInVain(whole({ pods, claims, volumes: [held, volume('w', 'n1')] }))).toEqual(inVain);
	expect(waitingInVain(whole({ pods, claims, volumes: [held, volume('w', 'n2')] }))).toEqual([]);
	expect(waitingInVain(whole({ pods, claims, volumes: [held, volume('w', 'n1', 'c', 'Available')] }))).toEqual([]);
	expect(waitingInVain(whole({ pods, claims, volumes: [held, volume('w', 'n1', undefined, 'Released')] }))).toEqual([]);
	const runs = [running('p', 'n1', 'a', 'b')];
	expect(waitingInVain(whole({ pods: runs, claims, volumes: [held, volume('w', 'n1')] }))).toEqual([]);
});

test('what stays wrong is told when its time is up', async () => {
	await expect(
		until(
			async () => 1,
			() => ['it is wrong'],
			0,
		),
	).rejects.toThrow('after 0 ms:\nit is wrong');
	await expect(
		until(
			async () => 1,
			() => [],
			0,
		),
	).resolves.toBe(1);
});
