import { describe, expect, it } from 'vitest';
import type { ReasonCode, ReasonDetails } from '../../../src/domain/decision/reasons.ts';
import { Facts } from '../../agreement/compare/facts.ts';
import { BIND_COMPLETED, NO_PROVISIONER, SELECTED_NODE } from '../../agreement/generate/words.ts';
import type { Manifest } from '../../agreement/manifest.ts';

const WAITS = 'WaitForFirstConsumer';

function storageClass(name: string, provisioner: string, more: object = {}): Manifest {
	return { apiVersion: 'v1', kind: 'StorageClass', metadata: { name }, provisioner, volumeBindingMode: WAITS, ...more };
}

function claim(name: string, className: string, volumeName = '', annotations: Record<string, string> = {}): Manifest {
	const spec = { storageClassName: className, ...(volumeName && { volumeName }) };
	return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { namespace: 'shop', name, annotations }, spec };
}

const BOUND = { [BIND_COMPLETED]: 'yes' };
const claims = [
	claim('local', 'local'),
	claim('bare', 'bare'),
	claim('empty', 'empty'),
	claim('dynamic', 'dynamic'),
	claim('told', 'told'),
	claim('immediate', 'immediate'),
	claim('classless', 'nowhere'),
	claim('pinned', 'told', '', { [SELECTED_NODE]: 'n2' }),
	claim('bound', 'local', 'pv', BOUND),
	claim('hollow', 'local', 'gone', BOUND),
	claim('prebound', 'local', 'pv'),
];

const facts = new Facts([
	...claims,
	claim('strange', 'nowhere'),
	storageClass('local', NO_PROVISIONER),
	// What shrinking leaves of a class.
	{ apiVersion: 'v1', kind: 'StorageClass', metadata: { name: 'bare' }, volumeBindingMode: WAITS },
	storageClass('empty', ''),
	storageClass('dynamic', 'silent.example.com'),
	storageClass('told', 'told.example.com', { allowedTopologies: [{}] }),
	storageClass('immediate', 'silent.example.com', { volumeBindingMode: 'Immediate' }),
	{ apiVersion: 'v1', kind: 'CSIDriver', metadata: { name: 'told.example.com' }, spec: { storageCapacity: true } },
	{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'pv' } },
]);
const volumes = claims.map(({ metadata: { name } }) => ({ name, persistentVolumeClaim: { claimName: name } }));
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'shop', name: 'web' }, spec: { volumes } };

const hold = (code: ReasonCode, details: ReasonDetails) => facts.hold(pod, 'n1', { code, details });

describe('what topobind says of a claim is true of it', () => {
	it.each<[ReasonCode, readonly string[]]>([
		['CLAIM_UNBOUND', ['immediate', 'prebound']],
		['CLASS_MISSING', ['classless']],
		['VOLUME_MISSING', ['hollow']],
		['VOLUME_NODE_AFFINITY', ['bound']],
		['ZONE_LABEL', ['bound']],
		['SELECTED_NODE', ['pinned']],
		['NO_STATIC_VOLUME', ['local', 'bare', 'empty']],
		['CLASS_TOPOLOGY', ['told']],
		['CAPACITY', ['told']],
		['SOURCE_INVALID', ['dynamic', 'told']],
	])('%s of %j', (code, expected) => {
		const names = [...claims.map(({ metadata }) => metadata.name), 'strange', 'none'];
		expect(names.filter((name) => hold(code, { claim: name }))).toEqual(expected);
	});

	it('with its class and its volume', () => {
		expect(hold('NO_STATIC_VOLUME', { claim: 'local', class: 'local' })).toBe(true);
		expect(hold('NO_STATIC_VOLUME', { claim: 'local', class: 'told' })).toBe(false);
		expect(hold('ZONE_LABEL', { claim: 'bound', volume: 'pv' })).toBe(true);
		expect(hold('ZONE_LABEL', { claim: 'bound', volume: 'gone' })).toBe(false);
	});
});
