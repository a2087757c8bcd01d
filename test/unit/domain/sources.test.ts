import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { judge } from '../../../src/domain/decision/judge.ts';
import { isReason, planBinding } from '../../../src/domain/decision/plan.ts';
import type { ClusterView } from '../../../src/domain/view.ts';
import {
	capacity,
	claim,
	csiDriver,
	HOST,
	type Manifest,
	node,
	pod,
	project,
	put,
	storageClass,
	topologies,
	volume,
} from './builders.ts';
import {
	clone,
	configured,
	content,
	DRIVER,
	EVERYWHERE,
	grant,
	MODE_CHANGE,
	origin,
	restore,
	scene,
	snapshot,
} from './source-builders.ts';
import { feasible, reasons, verdicts } from './verdicts.ts';

/** The one message that all three nodes get, or `ok`. */
function verdict(state: ClusterState, ...claims: string[]): string {
	const found = new Set(Object.values(reasons(pod('p', ...(claims.length > 0 ? claims : ['r'])), state)).map(told));
	expect(found.size).toBe(1);
	return [...found][0] as string;
}

const told = (reason: { code: string; message: string } | undefined) =>
	reason ? `${reason.code} ${reason.message}` : 'ok';

const waits = (problem: string, source = 'VolumeSnapshot s') =>
	`SOURCE_NOT_READY claim r waits for its source, ${source}: ${problem}`;
const fails = (problem: string, source = 'VolumeSnapshot s') =>
	`SOURCE_INVALID claim r cannot be filled from its source, ${source}: ${problem}`;

function withoutClass(made: Manifest<'PersistentVolumeClaim'>): Manifest<'PersistentVolumeClaim'> {
	const { storageClassName: _, ...spec } = made.spec as Record<string, unknown>;
	return { ...made, spec };
}

describe('a clone of a claim of the same pod', () => {
	const made = (...objects: readonly Manifest[]) =>
		scene([claim('data', { class: 'csi' }), clone('r', 'data'), ...objects]);

	it('is made with it, on the same node', () => {
		expect(verdict(made(), 'data', 'r')).toBe('ok');
		const bound = planBinding(project(pod('p', 'data', 'r')), made(), 'n1');
		expect(isReason(bound) ? bound : bound.provisions.map(({ claim: { name } }) => name).sort()).toEqual(['data', 'r']);
	});

	it('waits for its namesake in another namespace, and for a snapshot of its name', () => {
		const data = claim('data', { class: 'csi' });
		const allowed = grant('elsewhere', [{ namespace: 'ns' }], [{ group: '', kind: 'PersistentVolumeClaim' }]);
		const far = scene([data, clone('r', 'data', { namespace: 'elsewhere' }), allowed]);
		expect(verdict(far, 'data', 'r')).toBe(waits('it does not exist', 'PersistentVolumeClaim elsewhere/data'));
		const taken = scene([data, restore('r', 'data')]);
		expect(verdict(taken, 'data', 'r')).toBe(waits('it does not exist', 'VolumeSnapshot data'));
	});

	it('cannot have a selector as well', () => {
		const selector = { matchLabels: { tier: 'gold' } };
		const state = scene([claim('data', { class: 'csi' }), clone('r', 'data', { selector })]);
		const problem = 'the claim has a selector, which is for volumes that are there; create it without';
		expect(verdict(state, 'data', 'r')).toBe(fails(problem, 'PersistentVolumeClaim data'));
	});

	const OF_DATA = 'PersistentVolumeClaim data';
	const other = (provisioner: string) => storageClass('other', { provisioner });
	const pair = (source: Manifest, made: Manifest, ...objects: readonly Manifest[]) =>
		verdict(scene([source, made, ...objects]), 'data', 'r');

	it.each<[string, Manifest, Manifest, string, Manifest[]?]>([
		[
			'is smaller',
			claim('data', { class: 'csi', size: '2Gi' }),
			clone('r', 'data'),
			'it asks for 2Gi, but the claim for 1Gi; ask for at least 2Gi',
		],
		[
			'is a block device of a file system',
			claim('data', { class: 'csi' }),
			clone('r', 'data', { volumeMode: 'Block' }),
			'it is a Filesystem volume, but the claim asks for Block; ask for Filesystem',
		],
		[
			'is a file system of a block device',
			claim('data', { class: 'csi', volumeMode: 'Block' }),
			clone('r', 'data'),
			'it is a Block volume, but the claim asks for Filesystem; ask for Block',
		],
		[
			'is of another driver',
			claim('data', { class: 'other' }),
			clone('r', 'data'),
			`its class other provisions by b.example.com, but class csi by ${DRIVER}; use a class of driver b.example.com`,
			[other('b.example.com')],
		],
		[
			'has a source that an in-tree plugin makes',
			claim('data', { class: 'other' }),
			clone('r', 'data'),
			'its class other provisions no CSI volume; use a claim that is on one',
			[other('kubernetes.io/aws-ebs')],
		],
		[
			'is itself made by an in-tree plugin',
			claim('data', { class: 'other' }),
			clone('r', 'data', { class: 'other' }),
			'its class other provisions no CSI volume; use a claim that is on one',
			[other('kubernetes.io/aws-ebs')],
		],
		[
			'has a class by annotation alone',
			claim('data', { class: 'csi' }),
			withoutClass(clone('r', 'data', { betaClass: 'csi' })),
			'the claim has no storageClassName, which cloning needs; set it',
		],
		[
			'has a source with a class by annotation alone',
			withoutClass(claim('data', { betaClass: 'csi' })),
			clone('r', 'data'),
			'it has no storageClassName, which cloning needs; set it',
		],
		[
			'is one of two that are cloned from each other',
			clone('data', 'r', { size: '2Gi' }),
			clone('r', 'data', { size: '2Gi' }),
			'it is to be cloned from the claim in its turn; give one of them another source',
		],
	])('cannot be made where it %s', (_, source, made, problem, objects = []) => {
		const state = scene([source, made, ...objects]);
		const found = Object.values(reasons(pod('p', 'r', 'data'), state)).map(told);
		expect(new Set(found)).toEqual(new Set([fails(problem, OF_DATA)]));
		expect(planBinding(project(pod('p', 'r', 'data')), state, 'n1')).toMatchObject({ code: 'SOURCE_INVALID' });
		// Nor is it any better where the source is of another pod.
		expect(verdict(state, 'r')).toBe(fails(problem, OF_DATA));
	});

	it('is made by another class of the same driver, larger, and of a claim that asks for no size', () => {
		const same = other(DRIVER);
		expect(pair(claim('data', { class: 'other' }), clone('r', 'data', { size: '3Gi' }), same)).toBe('ok');
		expect(pair(claim('data', { class: 'csi', size: '' }), clone('r', 'data', { size: '' }))).toBe('ok');
	});

	it('needs a source that gets a CSI volume, which may be one that is there already', () => {
		const none = other('kubernetes.io/no-provisioner');
		const there = (spec: Record<string, unknown>, options: object = {}) =>
			volume('there', { class: 'other', ...options, spec });
		const on = (...objects: readonly Manifest[]) =>
			pair(claim('data', { class: 'other' }), clone('r', 'data'), none, ...objects);
		const csi = (driver: string) => ({ csi: { driver, volumeHandle: 'x' } });
		const refused = fails('its class other provisions no CSI volume; use a claim that is on one', OF_DATA);
		expect(on(there({}, EVERYWHERE))).toBe(refused);
		expect(on(there(csi('b.example.com'), EVERYWHERE))).toBe(refused);
		expect(on(there(csi(DRIVER), EVERYWHERE))).toBe('ok');
		expect(on(there(csi(DRIVER), { ...EVERYWHERE, claimRef: { name: 'data' } }))).toBe('ok');
		const ofAnother = there(csi(DRIVER), { ...EVERYWHERE, claimRef: { name: 'another' } });
		expect(on(ofAnother, volume('local', { class: 'other', ...EVERYWHERE }))).toBe(refused);
	});

	it('goes to no node where its source gets a volume that is there and that it cannot be made of', () => {
		const larger = clone('r', 'data', { size: '2Gi' });
		const at = (...volumes: readonly Manifest[]) => {
			const state = scene([claim('data', { class: 'csi' }), larger, ...volumes]);
			return [feasible(pod('p', 'data', 'r'), state), reasons(pod('p', 'r', 'data'), state).n1] as const;
		};
		const local = volume('local', { class: 'csi', on: 'n1' });
		const [nodes, why] = at(local);
		expect(nodes).toEqual(['n2', 'n3']);
		expect(why).toMatchObject({
			code: 'SOURCE_UNREACHABLE',
			message: `claim r must go where its source, ${OF_DATA}, can be reached: a node on which that gets a volume of driver ${DRIVER}`,
		});
		const csi = (driver: string) =>
			volume('there', { class: 'csi', on: 'n1', spec: { csi: { driver, volumeHandle: 'x' } } });
		expect(at(csi('b.example.com'))[0]).toEqual(['n2', 'n3']);
		expect(at(csi(DRIVER))[0]).toEqual(['n1', 'n2', 'n3']);
		expect(at(volume('small', { class: 'csi', on: 'n1', size: '1Mi' }))[0]).toEqual(['n1', 'n2', 'n3']);
		const pinned = scene([claim('data', { class: 'csi', selectedNode: 'n1' }), larger, local]);
		expect(feasible(pod('p', 'data', 'r'), pinned)).toEqual(['n1']);
	});

	it('goes to no node where its source would be made by another driver', () => {
		const csi = { csi: { driver: DRIVER, volumeHandle: 'x' } };
		const there = volume('there', { class: 'other', on: 'n1', spec: csi });
		const state = scene([other('b.example.com'), claim('data', { class: 'other' }), clone('r', 'data'), there]);
		expect(feasible(pod('p', 'data', 'r'), state)).toEqual(['n1']);
	});

	it('does not mind a volume that its source leaves to a smaller claim of the pod', () => {
		const [first, local] = [claim('first', { class: 'csi', size: '1Mi' }), volume('local', { class: 'csi', on: 'n1' })];
		const large = clone('r', 'data', { size: '2Gi' });
		const state = scene([first, claim('data', { class: 'csi' }), large, local]);
		expect(feasible(pod('p', 'data', 'r', 'first'), state)).toEqual(['n1', 'n2', 'n3']);
		expect(feasible(pod('p', 'data', 'r'), state)).toEqual(['n2', 'n3']);
	});

	it('cannot be made of itself', () => {
		const itself = fails('it is the claim itself; use another', 'PersistentVolumeClaim r');
		expect(verdict(scene([clone('r', 'r')]))).toBe(itself);
	});

	it('cannot be made in a circle of three, unless a volume is there for one of the others', () => {
		const circle = scene([clone('r', 'b'), clone('b', 'c'), clone('c', 'r')]);
		const refused = fails(
			'it is to be cloned from the claim in its turn; give one of them another source',
			'PersistentVolumeClaim b',
		);
		expect(verdict(circle, 'r', 'b', 'c')).toBe(refused);
		put(circle, volume('there', { class: 'csi', ...EVERYWHERE, spec: { csi: { driver: DRIVER, volumeHandle: 'x' } } }));
		// It goes to the first of them; the others are cloned of it.
		expect(verdict(circle, 'r', 'b', 'c')).toBe('ok');
	});

	it('is in no circle with a claim that names its volume', () => {
		const named = clone('b', 'r', { volume: 'chosen' });
		expect(verdict(scene([clone('r', 'b'), named]))).toBe(waits('it is not bound yet', 'PersistentVolumeClaim b'));
	});

	it('is in no circle with a claim that is bound', () => {
		const [bound, held] = origin({ volume: { ...EVERYWHERE, class: 'former' } }) as [Manifest, Manifest];
		const filled = clone('origin', 'r');
		const was = { ...filled, spec: { ...(filled.spec as object), volumeName: 'pv' }, status: bound.status };
		const state = scene([clone('r', 'b'), clone('b', 'origin'), was, held]);
		expect(verdict(state, 'r')).toBe(waits('it is not bound yet', 'PersistentVolumeClaim b'));
	});

	it('waits for a source that names its volume, whatever its class makes', () => {
		const none = other('kubernetes.io/no-provisioner');
		const state = scene([none, claim('data', { class: 'other', volume: 'chosen' }), clone('r', 'data')]);
		expect(verdict(state, 'r')).toBe(waits('it is not bound yet', OF_DATA));
	});

	it('waits for a circle that it is not part of', () => {
		const state = scene([clone('r', 'b'), clone('b', 'c'), clone('c', 'b')]);
		expect(verdict(state, 'r')).toBe(waits('it is not bound yet', 'PersistentVolumeClaim b'));
	});

	it('is not made along with a claim of that name in another namespace', () => {
		const there = claim('data', { class: 'csi' });
		const state = made(
			clone('r', 'data', { namespace: 'vault' }),
			{ ...there, metadata: { ...there.metadata, namespace: 'vault' } },
			grant('vault', [{ namespace: 'ns' }], [{ group: '', kind: 'PersistentVolumeClaim' }]),
		);
		expect(verdict(state, 'data', 'r')).toBe(waits('it is not bound yet', 'PersistentVolumeClaim vault/data'));
	});

	it('waits where its source is of another pod', () => {
		expect(verdict(made(), 'r')).toBe(waits('it is not bound yet', 'PersistentVolumeClaim data'));
	});

	it('follows it where it is bound already', () => {
		const state = scene([clone('r', 'origin'), ...origin()]);
		expect(feasible(pod('p', 'origin', 'r'), state)).toEqual(['n2']);
	});
});

describe('a snapshot to be restored', () => {
	const check = (parts: { claim?: Manifest; snapshot?: Manifest | null; content?: Manifest | null }) => {
		const { claim = restore('r', 's'), snapshot: taken = snapshot('s'), content: held = content('s') } = parts;
		return verdict(scene([claim, ...(taken ? [taken] : []), ...(held ? [held] : [])]));
	};

	it('is fit when all is as it should be', () => {
		expect(check({})).toBe('ok');
	});

	it('may come later', () => {
		expect(check({ snapshot: null })).toBe(waits('it does not exist'));
	});

	it('must not be on its way out, unless a restore from it has begun', () => {
		const finalizers = ['provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection'];
		expect(check({ snapshot: snapshot('s', { deleting: true }) })).toBe(fails('it is being deleted; use another'));
		expect(check({ snapshot: snapshot('s', { deleting: true, finalizers: ['other'] }) })).toContain('being deleted');
		expect(check({ snapshot: snapshot('s', { deleting: true, finalizers }) })).toBe('ok');
	});

	it('must be bound to a content that is there', () => {
		const unbound = waits('it is not bound to a content yet');
		expect(check({ snapshot: snapshot('s', { status: null }) })).toBe(unbound);
		expect(check({ snapshot: snapshot('s', { status: { boundVolumeSnapshotContentName: null } }) })).toBe(unbound);
		expect(check({ content: null })).toBe(waits('its content c-s does not exist'));
	});

	it('must be the one that its content belongs to', () => {
		const of = (ref: object) => content('s', { spec: { volumeSnapshotRef: { namespace: 'ns', name: 's', ...ref } } });
		const another = fails('its content c-s belongs to another snapshot; use that one, or a content of its own');
		expect(check({ content: of({ uid: 'uid-s' }) })).toBe('ok');
		expect(check({ content: of({ uid: 'uid-of-an-earlier-s' }) })).toBe(another);
		expect(check({ content: of({ uid: 'uid-s', name: 't' }) })).toBe(another);
		expect(check({ content: of({ uid: 'uid-s', namespace: 'other' }) })).toBe(another);
		expect(check({ content: of({}) })).toBe(waits('its content c-s is not bound to it yet'));
	});

	it('must be of the driver that the class provisions by', () => {
		expect(check({ content: content('s', { spec: { driver: 'other.example.com' } }) })).toBe(
			fails(
				`it is of driver other.example.com, but class csi provisions by ${DRIVER}; use a class of driver other.example.com`,
			),
		);
	});

	it('of an in-tree class, must be what the translated class is called', () => {
		const of = (provisioner: string, driver: string) =>
			scene([
				storageClass('csi', { provisioner }),
				restore('r', 's'),
				snapshot('s'),
				content('s', { spec: { driver } }),
			]);
		expect(verdict(of('kubernetes.io/portworx-volume', 'pxd.portworx.com'))).toBe('ok');
		// The translated class keeps its in-tree provisioner, and external-provisioner compares with that.
		expect(verdict(of('kubernetes.io/aws-ebs', 'ebs.csi.aws.com'))).toContain('SOURCE_INVALID');
	});

	it('must be ready, and have a handle', () => {
		const notReady = waits('it is not ready to use yet');
		expect(check({ snapshot: snapshot('s', { status: { readyToUse: false } }) })).toBe(notReady);
		expect(check({ snapshot: snapshot('s', { status: { readyToUse: null } }) })).toBe(notReady);
		const noHandle = waits('its content c-s has no snapshot handle yet');
		expect(check({ content: content('s', { status: null }) })).toBe(noHandle);
		expect(check({ content: content('s', { status: { snapshotHandle: null } }) })).toBe(noHandle);
	});

	it('must fit into what the claim asks for, in whole bytes', () => {
		const sized = (restoreSize: string | null, size: string) =>
			check({ claim: restore('r', 's', { size }), snapshot: snapshot('s', { status: { restoreSize } }) });
		expect(sized('20Gi', '10Gi')).toBe(
			fails('its restore size is 20Gi, but the claim asks for 10Gi; ask for at least 20Gi'),
		);
		expect(sized('20Gi', '20Gi')).toBe('ok');
		expect(sized('20Gi', '30Gi')).toBe('ok');
		expect(sized('1', '500m')).toBe('ok');
		expect(sized(null, '1')).toBe('ok');
		expect(sized('0', '')).toBe(fails('its restore size is 0, but the claim asks for no size; ask for at least 0'));
		expect(sized(null, '')).toBe('ok');
	});

	it('may be of another mode where the provisioner is configured not to mind', () => {
		const objects = [
			restore('r', 's', { volumeMode: 'Block' }),
			snapshot('s'),
			content('s', { spec: { sourceVolumeMode: 'Filesystem' } }),
		];
		const setTo = (preventVolumeModeConversion: boolean, driver = DRIVER) =>
			verdict(scene(objects, { [driver]: { preventVolumeModeConversion } }));
		expect(setTo(false)).toBe('ok');
		expect(setTo(true)).toContain('it was taken of a Filesystem volume');
		expect(setTo(false, 'b.example.com')).toContain('SOURCE_INVALID');
		// Of a clone no flag of the provisioner's takes the check away.
		const cloned = scene([clone('r', 'origin', { volumeMode: 'Block' }), ...origin()], {
			[DRIVER]: { preventVolumeModeConversion: false },
		});
		expect(verdict(cloned)).toContain('SOURCE_INVALID');
	});

	it('may be of a kind that the cluster does not have, and says so', () => {
		const state = scene([restore('r', 's')], {}, (kind) => kind === 'VolumeSnapshot');
		expect(verdict(state)).toBe(
			waits('it does not exist, nor does the kind: the cluster has no CRDs of snapshot.storage.k8s.io/v1'),
		);
	});

	it('must be of the mode that the claim asks for, unless a change is allowed in words that Go takes for true', () => {
		const moded = (sourceVolumeMode: string | undefined, volumeMode: string | undefined, allow?: string) =>
			check({
				claim: restore('r', 's', { ...(volumeMode && { volumeMode }) }),
				content: content('s', {
					spec: { sourceVolumeMode },
					...(allow !== undefined && { annotations: { [MODE_CHANGE]: allow } }),
				}),
			});
		expect(moded('Block', 'Block')).toBe('ok');
		expect(moded('Filesystem', undefined)).toBe('ok');
		expect(moded(undefined, 'Block')).toBe('ok');
		const refused = fails(
			`it was taken of a Block volume, but the claim asks for Filesystem; ask for Block, or set annotation ${MODE_CHANGE}: "true" on content c-s`,
		);
		expect(moded('Block', 'Filesystem')).toBe(refused);
		expect(moded('Block', undefined)).toBe(refused);
		for (const yes of ['1', 't', 'T', 'true', 'TRUE', 'True']) expect(moded('Block', 'Filesystem', yes)).toBe('ok');
		for (const no of ['0', 'false', 'yes', 'tRUE', '', ' true']) expect(moded('Block', undefined, no)).toBe(refused);
	});
});

describe('a claim to be cloned', () => {
	const CLAIM = 'PersistentVolumeClaim origin';
	const check = (parts: { claim?: Manifest; origin?: readonly Manifest[] }) =>
		verdict(scene([parts.claim ?? clone('r', 'origin'), ...(parts.origin ?? origin({ volume: EVERYWHERE }))]));

	it('is fit when all is as it should be', () => {
		expect(check({})).toBe('ok');
	});

	it('may come later, and be bound later', () => {
		expect(check({ origin: [] })).toBe(waits('it does not exist', CLAIM));
		expect(check({ origin: [claim('origin', { class: 'csi' })] })).toBe(waits('it is not bound yet', CLAIM));
	});

	it('must not be lost or on its way out', () => {
		expect(check({ origin: origin({ claim: { phase: 'Lost' } }) })).toBe(
			fails('it has lost its volume; use another', CLAIM),
		);
		expect(check({ origin: origin({ claim: { deleting: true } }) })).toBe(
			fails('it is being deleted; use another', CLAIM),
		);
	});

	it('needs a class in the spec of both, though not the same, and not just the annotation', () => {
		const [bound, held] = origin({ claim: { betaClass: 'csi' }, volume: EVERYWHERE }) as [
			Manifest<'PersistentVolumeClaim'>,
			Manifest,
		];
		expect(check({ origin: [withoutClass(bound), held] })).toBe(
			fails('it has no storageClassName, which cloning needs; set it', CLAIM),
		);
		expect(check({ claim: withoutClass(clone('r', 'origin', { betaClass: 'csi' })) })).toBe(
			fails('the claim has no storageClassName, which cloning needs; set it', CLAIM),
		);
		expect(check({ origin: origin({ claim: { class: '' }, volume: EVERYWHERE }) })).toBe('ok');
	});

	it('must fit into what the clone asks for', () => {
		const sized = (size: string, least: string) =>
			check({ claim: clone('r', 'origin', { size }), origin: origin({ claim: { size: least }, volume: EVERYWHERE }) });
		expect(sized('1Gi', '2Gi')).toBe(fails('it asks for 2Gi, but the claim for 1Gi; ask for at least 2Gi', CLAIM));
		expect(sized('2Gi', '2048Mi')).toBe('ok');
		expect(sized('3Gi', '2Gi')).toBe('ok');
	});

	it('must be on a volume of the driver', () => {
		const [bound] = origin() as [Manifest];
		expect(check({ origin: [bound] })).toBe(waits('its volume has not been seen yet', CLAIM));
		expect(check({ origin: origin({ csi: null }) })).toBe(
			fails('its volume pv is not a CSI volume; use a claim that is on one', CLAIM),
		);
		expect(check({ origin: origin({ csi: { driver: 'other.example.com' } }) })).toContain(
			`its volume pv is of driver other.example.com, but class csi provisions by ${DRIVER}; use a class of`,
		);
	});

	it('must be the claim that its volume is bound to', () => {
		const held = (volume: object) => check({ origin: origin({ volume: { ...EVERYWHERE, ...volume } }) });
		const another = fails('its volume pv is bound to another claim; use that one', CLAIM);
		expect(held({ claimRef: { name: 'another', uid: 'uid-origin' } })).toBe(another);
		expect(held({ claimRef: { name: 'other', uid: 'uid-other' } })).toBe(another);
		expect(held({ claimRef: { name: 'origin', uid: 'uid-of-an-earlier-origin' } })).toBe(another);
		expect(held({ claimRef: { name: 'origin', namespace: 'other', uid: 'uid-origin' } })).toBe(another);
		expect(held({ claimRef: { name: 'origin' } })).toBe(waits('its volume pv is not bound to it yet', CLAIM));
		expect(held({ claimRef: undefined })).toBe(waits('its volume pv is not bound to it yet', CLAIM));
		expect(held({ phase: 'Available' })).toBe(waits('its volume pv is not Bound yet', CLAIM));
	});

	it('must have the mode that the clone asks for', () => {
		const moded = (ofSource: string, asked: string) =>
			check({
				claim: clone('r', 'origin', { volumeMode: asked }),
				origin: origin({ volume: { ...EVERYWHERE, volumeMode: ofSource } }),
			});
		expect(moded('Block', 'Filesystem')).toBe(
			fails('it is a Block volume, but the claim asks for Filesystem; ask for Block', CLAIM),
		);
		expect(moded('Filesystem', 'Block')).toContain('SOURCE_INVALID');
		expect(moded('Block', 'Block')).toBe('ok');
	});
});

describe('a source in another namespace', () => {
	const there = { namespace: 'vault' };
	const held = [
		snapshot('s', there),
		content('s', { spec: { volumeSnapshotRef: { namespace: 'vault', name: 's', uid: 'uid-s' } } }),
	];
	const check = (...objects: Manifest[]) => verdict(scene([restore('r', 's', there), ...objects]));
	const refused = fails(
		'no ReferenceGrant in namespace vault lets claims of namespace ns use it; create one there',
		'VolumeSnapshot vault/s',
	);
	const fromHere = [{ namespace: 'ns' }];

	it('needs a grant there, before anything is told of it', () => {
		expect(check(...held)).toBe(refused);
		expect(check()).toBe(refused);
		const ofGroup = restore('r', 's', { ...there, apiGroup: 'snapshots.example.com' });
		expect(verdict(scene([ofGroup]))).toBe(refused);
		expect(check(grant('vault', fromHere, [{}]))).toBe(waits('it does not exist', 'VolumeSnapshot vault/s'));
		expect(check(grant('vault', fromHere, [{}]), ...held)).toBe('ok');
	});

	it.each<[string, Manifest]>([
		['in another namespace', grant('other', fromHere, [{}])],
		['from another namespace', grant('vault', [{ namespace: 'other' }], [{}])],
		['from another kind', grant('vault', [{ namespace: 'ns', kind: 'Pod' }], [{}])],
		['from another group', grant('vault', [{ namespace: 'ns', group: 'apps' }], [{}])],
		['to another kind', grant('vault', fromHere, [{ kind: 'PersistentVolumeClaim', group: '' }])],
		['to another kind of the same group', grant('vault', fromHere, [{ kind: 'VolumeGroupSnapshot' }])],
		['to another group', grant('vault', fromHere, [{ group: '' }])],
		['to another name', grant('vault', fromHere, [{ name: 't' }])],
	])('is not opened by a grant %s', (_, unfit) => {
		expect(check(...held, unfit)).toBe(refused);
	});

	it('is opened by a grant to its name, and by the second of two grants', () => {
		expect(check(...held, grant('vault', fromHere, [{ name: 't' }, { name: 's' }]))).toBe('ok');
		expect(check(...held, grant('vault', fromHere, [{ name: '' }]))).toBe('ok');
		expect(check(...held, grant('vault', fromHere, [{ name: 't' }], 'a'), grant('vault', fromHere, [{}], 'b'))).toBe(
			'ok',
		);
	});

	it('follows the grant as it goes', () => {
		const state = scene([restore('r', 's', there), ...held, grant('vault', fromHere, [{}])]);
		expect(verdict(state)).toBe('ok');
		state.remove('ReferenceGrant', 'vault/grant');
		expect(verdict(state)).toBe(refused);
	});

	it('may be a claim to be cloned', () => {
		const other = (made: Manifest) => ({ ...made, metadata: { ...made.metadata, namespace: 'vault' } });
		const [bound, volume] = origin({
			volume: { claimRef: { name: 'origin', namespace: 'vault', uid: 'uid-origin' } },
		}) as [Manifest, Manifest];
		const objects = [clone('r', 'origin', there), other(bound), volume];
		expect(verdict(scene(objects))).toContain('SOURCE_INVALID');
		const toClaims = grant('vault', fromHere, [{ group: '', kind: 'PersistentVolumeClaim' }]);
		expect(feasible(pod('p', 'r'), scene([...objects, toClaims]))).toEqual(['n2']);
	});

	it('needs no grant where the namespace named is the own one', () => {
		expect(verdict(scene([restore('r', 's', { namespace: 'ns' }), snapshot('s'), content('s')]))).toBe('ok');
	});
});

describe('a claim with a source', () => {
	it('cannot have a selector as well', () => {
		const selector = { matchLabels: { tier: 'gold' } };
		expect(verdict(scene([restore('r', 's', { selector }), snapshot('s'), content('s')]))).toBe(
			fails('the claim has a selector, which is for volumes that are there; create it without'),
		);
	});

	it.each([
		['a custom resource', { kind: 'Backup', apiGroup: 'backups.example.com' }],
		['a custom resource elsewhere', { kind: 'Backup', apiGroup: 'backups.example.com', namespace: 'vault' }],
	])('is left to the populator of %s', (_, source) => {
		expect(verdict(scene([restore('r', 's', source)]))).toBe('ok');
	});

	it('cannot name a snapshot by another API group, as the provisioner goes by the kind', () => {
		const of = (apiGroup: string) => verdict(scene([restore('r', 's', { apiGroup }), snapshot('s'), content('s')]));
		const right = 'create the claim with snapshot.storage.k8s.io';
		expect(of('snapshots.example.com')).toBe(fails(`the claim names API group snapshots.example.com for it; ${right}`));
		expect(of('')).toBe(fails(`the claim names API group none for it; ${right}`));
		expect(of('snapshot.storage.k8s.io')).toBe('ok');
	});

	it('is a clone of the claim that it names, whatever the API group', () => {
		const state = scene([clone('r', 'origin', { apiGroup: 'example.com' }), ...origin()]);
		expect(feasible(pod('p', 'r'), state)).toEqual(['n2']);
		expect(verdict(scene([clone('r', 'gone', { apiGroup: 'example.com' })]))).toContain('SOURCE_NOT_READY');
	});

	it('may all the same get a volume that is already there, as kube-scheduler has it', () => {
		const state = scene([restore('r', 'missing'), volume('ready-made', { class: 'csi', on: 'n1' })]);
		expect(verdicts(pod('p', 'r'), state)).toEqual({ n1: 'ok', n2: 'SOURCE_NOT_READY', n3: 'SOURCE_NOT_READY' });
	});

	it('is told first that nothing can be provisioned at all', () => {
		const state = scene([storageClass('csi', {}), restore('r', 'missing')]);
		expect(verdict(state)).toContain('NO_STATIC_VOLUME');
	});

	it('is judged on the node it is pinned to', () => {
		const state = scene([restore('r', 's', { selectedNode: 'n1' })]);
		const pinned = { n2: 'SELECTED_NODE', n3: 'SELECTED_NODE' };
		expect(verdicts(pod('p', 'r'), state)).toEqual({ ...pinned, n1: 'SOURCE_NOT_READY' });
		put(state, snapshot('s'));
		put(state, content('s', { affinity: topologies({ [HOST]: ['n2'] }) }));
		expect(verdicts(pod('p', 'r'), state)).toEqual({ ...pinned, n1: 'SOURCE_UNREACHABLE' });
		put(state, content('s'));
		expect(verdicts(pod('p', 'r'), state)).toEqual({ ...pinned, n1: 'ok' });
	});

	it('is planned where its source reaches, and nowhere else', () => {
		const state = scene([clone('r', 'origin'), ...origin()]);
		const p = project(pod('p', 'r'));
		const plan = planBinding(p, state, 'n2');
		expect(isReason(plan) ? plan.message : plan.provisions.map(({ claim }) => claim.name)).toEqual(['r']);
		expect(planBinding(p, state, 'n1')).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
	});

	it('is no longer judged by its source once it is bound', () => {
		const state = scene([restore('r', 'gone', { bound: 'mine' }), volume('mine', { class: 'csi', on: 'n3' })]);
		expect(feasible(pod('p', 'r'), state)).toEqual(['n3']);
	});
});

describe('several requirements', () => {
	const restorable = (name: string, ...nodes: string[]) => [
		restore(`r-${name}`, name),
		snapshot(name),
		content(name, { affinity: topologies({ [HOST]: nodes }) }),
	];

	it('of two sources in one pod must meet', () => {
		const state = scene([...restorable('a', 'n1', 'n2'), ...restorable('b', 'n2', 'n3'), ...restorable('c', 'n3')]);
		expect(feasible(pod('p', 'r-a', 'r-b'), state)).toEqual(['n2']);
		expect(feasible(pod('p', 'r-b', 'r-c'), state)).toEqual(['n3']);
		expect(feasible(pod('p', 'r-a', 'r-c'), state)).toEqual([]);
	});

	it('of source, allowed topologies and capacity must meet, the source told first', () => {
		const state = scene([
			storageClass('csi', { provisioner: DRIVER, topologies: topologies({ zone: ['a'] }) }),
			csiDriver(DRIVER, true),
			capacity('seg', { capacity: '5Gi', nodes: { matchLabels: { [HOST]: 'n1' } } }),
			...restorable('a', 'n1', 'n2'),
		]);
		const r = pod('p', 'r-a');
		expect(verdicts(r, state)).toEqual({ n1: 'ok', n2: 'CAPACITY', n3: 'SOURCE_UNREACHABLE' });
		put(state, node('n4', { zone: 'b' }));
		put(state, content('a', { affinity: topologies({ [HOST]: ['n1', 'n2', 'n4'] }) }));
		expect(verdicts(r, state)).toMatchObject({ n3: 'SOURCE_UNREACHABLE', n4: 'CLASS_TOPOLOGY' });
	});

	it('of two sources, one of them with a volume that is there, allowed topologies and capacity must meet', () => {
		const state = scene([
			storageClass('csi', { provisioner: DRIVER, topologies: topologies({ zone: ['a'] }) }),
			csiDriver(DRIVER, true),
			capacity('seg', { capacity: '5Gi', nodes: { matchLabels: { zone: 'a' } } }),
			...restorable('a', 'n1', 'n3', 'n4'),
			restore('r-a', 'a', { size: '3Gi' }),
			restore('r-b', 'b', { size: '2Gi' }),
			snapshot('b'),
			content('b', { affinity: topologies({ [HOST]: ['n3'] }) }),
			// Large enough for r-b, not for r-a: here, and only here, r-b can do without its source.
			volume('ready-made', { class: 'csi', on: 'n1', size: '2Gi' }),
			volume('too-small', { class: 'csi', on: 'n4', size: '1Gi' }),
			node('n4', { zone: 'a' }),
		]);
		const both = pod('p', 'r-a', 'r-b');
		const met = { n1: 'ok', n2: 'SOURCE_UNREACHABLE', n3: 'CLASS_TOPOLOGY', n4: 'SOURCE_UNREACHABLE' };
		expect(verdicts(both, state)).toEqual(met);
		put(state, capacity('seg', { capacity: '2Gi', nodes: { matchLabels: { zone: 'a' } } }));
		expect(verdicts(both, state)).toEqual({ ...met, n1: 'CAPACITY' });
	});

	it('of a source and a bound claim must meet', () => {
		const state = scene([...restorable('a', 'n1', 'n2'), ...origin()]);
		expect(feasible(pod('p', 'r-a', 'origin'), state)).toEqual(['n2']);
	});
});

it('a pod without sources reads nothing about them', () => {
	const state = scene([claim('plain', { class: 'csi' }), ...origin()], configured('source-volume'));
	const forbidden = new Set([
		'snapshot',
		'snapshotContent',
		'snapshotClass',
		'referenceGrants',
		'volumesOfHandle',
		'snapshotReach',
		'preventsModeChange',
		'hasSnapshots',
	]);
	const view = new Proxy<ClusterView>(state, {
		get(target, name: keyof ClusterView) {
			if (forbidden.has(name)) throw new Error(`${name} was read`);
			const value = target[name];
			return typeof value === 'function' ? value.bind(target) : value;
		},
	});
	expect(judge(project(pod('p', 'plain', 'origin')), view, state.nodes.all).map(({ reason }) => reason.code)).toEqual([
		'VOLUME_NODE_AFFINITY',
	]);
	put(state, restore('r', 's'));
	expect(() => judge(project(pod('p', 'r')), view, state.nodes.all)).toThrow('snapshot was read');
});
