import { describe, expect, it } from 'vitest';
import { type ClaimOptions, claim, cluster, type Manifest, node, pod, storageClass, volume } from './builders.ts';
import { reasons, verdicts } from './verdicts.ts';

const base = [
	node('n0'),
	node('n1'),
	storageClass('local'),
	storageClass('now', { mode: 'Immediate', provisioner: 'driver' }),
	storageClass('modeless', { mode: null }),
	volume('pv', { size: '10Gi' }),
];

/** The verdict that every node gets, and the text. */
function everywhere(of: Manifest<'Pod'>, ...manifests: Manifest[]) {
	const all = Object.values(reasons(of, cluster(...base, ...manifests)));
	expect(new Set(all.map((why) => why?.message)).size).toBe(1);
	return all[0] ? [all[0].code, all[0].message] : ['ok'];
}

describe('before any node is looked at', () => {
	it('has nothing to say of a pod without claims', () => {
		const plain = {
			...pod('p'),
			spec: {
				volumes: [
					{ name: 'v', emptyDir: {} },
					{ name: 'w', configMap: { name: 'c' } },
				],
			},
		};
		expect(verdicts(plain as Manifest<'Pod'>, cluster(...base))).toEqual({ n0: 'ok', n1: 'ok' });
	});

	it('needs the claim to exist', () => {
		expect(everywhere(pod('p', 'data'))).toEqual(['CLAIM_MISSING', 'claim data does not exist']);
	});

	it('looks for it in the namespace of the pod', () => {
		const elsewhere = claim('data', { metadata: { namespace: 'elsewhere' } });
		expect(everywhere(pod('p', 'data'), elsewhere)[0]).toBe('CLAIM_MISSING');
	});

	it.each<[string, ClaimOptions, string]>([
		['Lost', { phase: 'Lost', volume: 'gone' }, 'claim data has lost its volume gone'],
		['Lost although it is bound', { phase: 'Lost', bound: 'pv' }, 'claim data has lost its volume pv'],
		[
			'Lost and being deleted',
			{ phase: 'Lost', volume: 'gone', deleting: true },
			'claim data has lost its volume gone',
		],
		['being deleted', { deleting: true }, 'claim data is being deleted'],
		['being deleted although it is bound', { deleting: true, bound: 'pv' }, 'claim data is being deleted'],
	])('refuses a claim that is %s', (_, options, message) => {
		expect(everywhere(pod('p', 'data'), claim('data', options))[1]).toBe(message);
	});

	it('tells of the first claim that is in trouble, in the order of the volumes', () => {
		const claims = [claim('a'), claim('b', { deleting: true })];
		expect(everywhere(pod('p', 'a', 'b', 'missing'), ...claims)[0]).toBe('CLAIM_DELETING');
		expect(everywhere(pod('p', 'a', 'missing', 'b'), ...claims)[0]).toBe('CLAIM_MISSING');
	});
});

describe('a generic ephemeral volume', () => {
	const ephemeral = pod('p', { ephemeral: 'scratch' });
	const made = (owners?: ClaimOptions['owners'], more: ClaimOptions = {}) =>
		claim('p-scratch', { ...more, ...(owners && { owners }) });

	it('waits for its claim, which is called after the pod and the volume', () => {
		const message = 'claim p-scratch of an ephemeral volume has not been created yet';
		expect(everywhere(ephemeral)).toEqual(['CLAIM_NOT_CREATED', message]);
	});

	it.each<[string, ClaimOptions['owners']]>([
		['no owner', undefined],
		['another pod', [{ uid: 'another', controller: true }]],
		['an owner that is not the controller', [{ uid: 'uid-p', controller: false }]],
		['an owner that does not say whether it is the controller', [{ uid: 'uid-p' }]],
		['another controller', [{ uid: 'uid-p' }, { uid: 'another', controller: true }]],
	])('refuses a claim of that name with %s', (_, owners) => {
		expect(everywhere(ephemeral, made(owners))[0]).toBe('CLAIM_NOT_OWNED');
	});

	it('takes one that the pod controls', () => {
		const owners = [{ uid: 'another' }, { uid: 'uid-p', controller: true }];
		expect(everywhere(ephemeral, made(owners))).toEqual(['ok']);
	});

	it('is told to be deleting before it is told to be owned by another', () => {
		expect(everywhere(ephemeral, made(undefined, { deleting: true }))[0]).toBe('CLAIM_DELETING');
	});

	it('needs no owner where the pod names the claim itself', () => {
		expect(everywhere(pod('p', 'p-scratch'), made())).toEqual(['ok']);
	});
});

describe('bound, delayed or neither', () => {
	const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
	it.each<[string, ClaimOptions, string]>([
		['delayed: WaitForFirstConsumer and no volume', {}, 'ok'],
		['bound', { bound: 'pv' }, 'ok'],
		['bound, whatever the annotation says', { volume: 'pv', annotations: { [BIND_COMPLETED]: '' } }, 'ok'],
		['bound, whatever its phase', { bound: 'pv', phase: 'Pending' }, 'ok'],
		['bound, whatever its class', { bound: 'pv', class: 'missing' }, 'ok'],
		['a volume without the annotation', { volume: 'pv' }, 'CLAIM_UNBOUND'],
		['the annotation without a volume', { annotations: { [BIND_COMPLETED]: 'yes' } }, 'ok'],
		['an Immediate class', { class: 'now' }, 'CLAIM_UNBOUND'],
		['an Immediate class and a volume', { class: 'now', volume: 'pv' }, 'CLAIM_UNBOUND'],
		['no class', { class: '' }, 'CLAIM_UNBOUND'],
		['a class that does not exist', { class: 'missing' }, 'CLASS_MISSING'],
		['a class that does not exist, and a volume', { class: 'missing', volume: 'pv' }, 'CLAIM_UNBOUND'],
		['a class without a mode', { class: 'modeless' }, 'CLASS_INVALID'],
		['a class without a mode, and a volume', { class: 'modeless', volume: 'pv' }, 'CLASS_INVALID'],
		['the beta annotation before the field', { betaClass: 'now' }, 'CLAIM_UNBOUND'],
		['the beta annotation before the field, the other way', { betaClass: 'local', class: 'now' }, 'ok'],
		['an empty beta annotation', { betaClass: '' }, 'CLAIM_UNBOUND'],
	])('%s', (_, options, verdict) => {
		expect(everywhere(pod('p', 'data'), claim('data', options))[0]).toBe(verdict);
	});

	it('refuses a pod for one immediate claim among others', () => {
		const claims = [claim('a'), claim('b', { class: 'now' }), claim('c', { bound: 'pv' })];
		expect(everywhere(pod('p', 'a', 'b', 'c'), ...claims)).toEqual([
			'CLAIM_UNBOUND',
			'claim b is not bound yet and does not wait for a pod',
		]);
	});

	it('tells of a class without a mode before any claim that merely waits', () => {
		const claims = [claim('a', { class: 'now' }), claim('b', { class: 'modeless' })];
		expect(everywhere(pod('p', 'a', 'b'), ...claims)[0]).toBe('CLASS_INVALID');
	});
});
