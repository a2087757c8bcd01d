/** Manifests: what is taken, what an API server would fill in, and what is said of each mistake. */

import { describe, expect, it } from 'vitest';
import { loadManifests, type ManifestError } from '../../src/sandbox/load.ts';
import type { RawClaim, RawObject, RawStorageClass, RawVolume } from '../../src/sandbox/raw.ts';
import { manifestFolder } from './support.ts';

/** What is said of a file m.yaml with this text, without the folder's name. */
async function problemsOf(text: string, file = 'm.yaml'): Promise<string[]> {
	const folder = await manifestFolder({ [file]: text });
	const error = await loadManifests([folder]).then(
		() => undefined,
		(reason: ManifestError) => reason,
	);
	return (error?.problems ?? []).map((problem) => problem.replaceAll(`${folder}/`, ''));
}

async function load(files: Readonly<Record<string, string>>) {
	return loadManifests([await manifestFolder(files)]);
}

const names = (objects: readonly RawObject[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
const node = (name: string) => `apiVersion: v1\nkind: Node\nmetadata:\n  name: ${name}\n`;

const VOLUME = `apiVersion: v1
kind: PersistentVolume
metadata:
  name: local-pv
spec:
  capacity:
    storage: 10Gi
  accessModes:
    - ReadWriteOnce
`;

describe('files', () => {
	it('are taken from folders, by name, with those below them; other files are left alone', async () => {
		const { objects, files } = await load({
			'b.yaml': node('b'),
			'a.yml': `${node('a1')}---\n# nothing here\n---\n${node('a2')}`,
			'below/c.json': JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'c' } }),
			'kustomization.yaml': 'resources: [b.yaml]',
			'.hidden/d.yaml': node('d'),
			'README.md': 'not a manifest',
		});
		expect(names(objects)).toEqual(['Node a1', 'Node a2', 'Node b', 'Node c']);
		expect(files).toHaveLength(3);
	});

	it('that do not exist, or folders without any, are errors', async () => {
		const folder = await manifestFolder({ 'README.md': '' });
		await expect(loadManifests([`${folder}/nope.yaml`])).rejects.toThrow('nope.yaml: no such file or folder');
		await expect(loadManifests([folder])).rejects.toThrow('no .yaml, .yml or .json file in this folder');
	});

	it('without an object are warned of', async () => {
		const { warnings } = await load({ 'a.yaml': node('a'), 'empty.yaml': '# nothing\n' });
		expect(warnings).toEqual([expect.stringMatching(/empty\.yaml: holds no object$/)]);
	});

	it('that cannot be parsed are named with the place', async () => {
		expect(await problemsOf(`${node('a')}---\na: 1\n b: [\n`)).toEqual([
			expect.stringMatching(/^m\.yaml:6: document 2: /),
		]);
		expect(await problemsOf('{"kind" 1}', 'm.json')).toEqual([expect.stringMatching(/^m\.json: .*position 8/)]);
		const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
		const nested = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"spec":${deep}}`;
		expect(await problemsOf(nested, 'm.json')).toEqual(['m.json: is nested too deeply']);
		expect(await problemsOf('[ '.repeat(20_000))).toEqual([expect.stringContaining('is nested too deeply')]);
	});
});

describe('a fleet in JSON', () => {
	it('is checked and loaded whole', async () => {
		const nodes = Array.from({ length: 500 }, (_, i) => ({
			apiVersion: 'v1',
			kind: 'Node',
			metadata: { name: `n${i}` },
		}));
		const volumes = Array.from({ length: 5000 }, (_, i) => ({
			apiVersion: 'v1',
			kind: 'PersistentVolume',
			metadata: { name: `v${i}` },
			spec: { capacity: { storage: `${(i % 90) + 1}Gi` }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } },
		}));
		const { counts } = await load({
			'fleet.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...nodes, ...volumes] }),
		});
		expect(counts).toEqual({ Node: 500, PersistentVolume: 5000 });
	});
});

describe('lists', () => {
	it('give their items, and typed ones their kind too', async () => {
		const list = {
			apiVersion: 'v1',
			kind: 'List',
			items: [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } }],
		};
		const typed = { apiVersion: 'v1', kind: 'NodeList', items: [{ metadata: { name: 'b' } }] };
		const { objects, counts } = await load({ 'a.json': JSON.stringify(list), 'b.json': JSON.stringify(typed) });
		expect(names(objects)).toEqual(['Node a', 'Node b']);
		expect(counts).toEqual({ Node: 2 });
	});

	it('name the item that is wrong', async () => {
		const items = [{ metadata: { name: 'a' } }, { metadata: { name: 'b', lables: {} } }];
		expect(await problemsOf(JSON.stringify({ apiVersion: 'v1', kind: 'NodeList', items }), 'm.json')).toEqual([
			'm.json: document 1, item 2 (Node b): metadata.lables is not a field of Node; did you mean metadata.labels?',
		]);
		expect(await problemsOf('apiVersion: v1\nkind: List\nitems: {}\n')).toEqual([
			'm.yaml:3: document 1 (List): items is not a list',
		]);
	});
});

describe('a dump of a cluster that is newer than topobind', () => {
	const nodeInfo = { runningInUserNamespace: false, sandboxed: [{ odd: 1 }] };
	const dumped = (name: string, uid?: string) => ({
		...{ apiVersion: 'v1', kind: 'Node', status: { nodeInfo } },
		metadata: { name, ...(uid !== undefined && { uid }), labels: { zone: 'a' } },
	});
	const list = (...items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

	it('is taken: fields that are not known here are passed over, and named once', async () => {
		const { objects, warnings } = await load({ 'dump.json': list(dumped('a', 'u1'), dumped('b', 'u2')) });
		expect(names(objects)).toEqual(['Node a', 'Node b']);
		expect(warnings).toEqual([
			'passed over fields that are not known here, of a cluster that is newer than this topobind: Node status.nodeInfo.runningInUserNamespace, Node status.nodeInfo.sandboxed',
		]);
	});

	it.each([
		['no UID', undefined],
		['an empty one', ''],
	])('an object with %s was written by hand: there it is a mistake', async (_, uid) => {
		const problems = await problemsOf(list(dumped('a', uid)), 'm.json');
		expect(problems).toHaveLength(2);
		expect(problems[0]).toContain('status.nodeInfo.runningInUserNamespace is not a field of Node');
	});

	it('a field that is known must be right all the same', async () => {
		const { metadata, ...rest } = dumped('a', 'u1');
		const wrong = { ...rest, metadata: { ...metadata, labels: { zone: 7 } } };
		expect(await problemsOf(list(wrong), 'm.json')).toEqual([expect.stringContaining('7 is not a string')]);
	});
});

describe('a dump of a cluster where a node has no CSI driver', () => {
	it('is taken: the API server writes null for the empty list', async () => {
		const csiNode = { metadata: { name: 'a', uid: 'u1' }, spec: { drivers: null } };
		const items = [csiNode];
		const { counts } = await load({
			'm.json': JSON.stringify({ apiVersion: 'storage.k8s.io/v1', kind: 'CSINodeList', items }),
		});
		expect(counts).toEqual({ CSINode: 1 });
	});
});

describe('fields', () => {
	it('what was found is shown neither whole nor raw', async () => {
		const [long] = await problemsOf(node('a'.repeat(1_000_000)));
		expect(long?.length).toBeLessThan(400);
		const [raw] = await problemsOf(
			JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a\u001b[31mred\u0000\u009b' } }),
			'm.json',
		);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
		expect(raw).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
		expect(raw).toContain('\\u001b[31mred');
	});

	it.each([
		[
			'a mistyped one',
			VOLUME.replace('capacity:', 'nodeAffinty: {}\n  capacity:'),
			'm.yaml:6: document 1 (PersistentVolume local-pv): spec.nodeAffinty is not a field of PersistentVolume; did you mean spec.nodeAffinity?',
		],
		[
			'one at the wrong depth',
			`${VOLUME}nodeAffinity: {}\n`,
			'm.yaml:10: document 1 (PersistentVolume local-pv): nodeAffinity is not a field of PersistentVolume; did you mean spec.nodeAffinity?',
		],
		[
			'a quantity with a foreign unit',
			VOLUME.replace('10Gi', '10Gb'),
			'm.yaml:7: document 1 (PersistentVolume local-pv): spec.capacity.storage: "10Gb" is not a quantity (try 10G or 10Gi)',
		],
		[
			'a negative quantity',
			VOLUME.replace('10Gi', '-10Gi'),
			'm.yaml:7: document 1 (PersistentVolume local-pv): spec.capacity.storage: "-10Gi" is negative',
		],
		[
			'a negative number',
			VOLUME.replace('10Gi', '-10'),
			'm.yaml:7: document 1 (PersistentVolume local-pv): spec.capacity.storage: "-10" is negative',
		],
		[
			'a number without end',
			VOLUME.replace('10Gi', '.inf'),
			'm.yaml:7: document 1 (PersistentVolume local-pv): spec.capacity.storage: "Infinity" is not a quantity (try 10Gi or 10G)',
		],
		[
			'a word that is not one of its own',
			VOLUME.replace('- ReadWriteOnce', '- ReadWriteOne'),
			'm.yaml:9: document 1 (PersistentVolume local-pv): spec.accessModes[0]: "ReadWriteOne" is not one of ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod; did you mean ReadWriteOnce?',
		],
		[
			'a text without its quotes',
			VOLUME.replace('spec:', '  annotations:\n    pv.kubernetes.io/bind-completed: yes\nspec:'),
			'm.yaml:6: document 1 (PersistentVolume local-pv): metadata.annotations["pv.kubernetes.io/bind-completed"]: true is not a string (put it in quotes)',
		],
		[
			'one value where a list belongs',
			VOLUME.replace(/accessModes:\n.*\n/, 'accessModes: ReadWriteOnce\n'),
			'm.yaml:8: document 1 (PersistentVolume local-pv): spec.accessModes: "ReadWriteOnce" is not a list',
		],
		[
			'a missing one',
			VOLUME.replace(/ {2}capacity:\n.*\n/, ''),
			'm.yaml:5: document 1 (PersistentVolume local-pv): spec.capacity is required',
		],
		['a missing name', 'apiVersion: v1\nkind: Node\n', 'm.yaml:1: document 1 (Node): metadata.name is required'],
		[
			'a missing provisioner',
			'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: c}\n',
			'm.yaml:1: document 1 (StorageClass c): provisioner is required',
		],
		[
			'a local volume that does not say where it is',
			`${VOLUME}  local:\n    path: /share\n`,
			'm.yaml:5: document 1 (PersistentVolume local-pv): spec.nodeAffinity is required for a local volume: it says which node the volume is on',
		],
		[
			'a claim that asks for nothing',
			'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\nspec:\n  accessModes: [ReadWriteOnce]\n  resources: {}\n',
			'm.yaml:6: document 1 (PersistentVolumeClaim c): spec.resources.requests.storage is required',
		],
		[
			'a snapshot of two things',
			'apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {name: s}\nspec:\n  source: {}\n',
			'm.yaml:5: document 1 (VolumeSnapshot s): spec.source needs exactly one of persistentVolumeClaimName and volumeSnapshotContentName',
		],
		[
			'a name that is none',
			node('Node_1'),
			'm.yaml:4: document 1 (Node Node_1): metadata.name: "Node_1" is not a name: it takes lower-case letters, digits, "-" and "."',
		],
		[
			'a label value that is none',
			`${node('a')}  labels:\n    rack: one two\n`,
			'm.yaml:6: document 1 (Node a): metadata.labels.rack: "one two" is not a label value',
		],
		[
			'a hostile one',
			`${node('a')}  __proto__: {}\n`,
			'm.yaml:5: document 1 (Node a): metadata.__proto__ is not a field of Node',
		],
	])('%s', async (_, text, problem) => {
		expect(await problemsOf(text)).toEqual([problem]);
	});

	it('suggests quantities as people mean them', async () => {
		const hint = async (text: string) =>
			(await problemsOf(VOLUME.replace('10Gi', JSON.stringify(text))))[0]?.replace(/^.*\(try (.*)\)$/, '$1');
		expect(await hint('10GiB')).toBe('10Gi');
		expect(await hint('1.5 tb')).toBe('1.5T or 1.5Ti');
		expect(await hint('plenty')).toBe('10Gi or 10G');
	});

	it('may be null, which is the same as absent, and quantities may be numbers', async () => {
		const text = VOLUME.replace('10Gi', '1000').replace('spec:', '  creationTimestamp: null\nspec:\n  claimRef: null');
		const { objects } = await load({ 'a.yaml': text });
		expect(objects[0]).toMatchObject({ spec: { capacity: { storage: '1000' } } });
		expect((objects[0] as RawVolume).spec).not.toHaveProperty('claimRef');
	});
});

describe('kinds', () => {
	const object = (apiVersion: string, kind: string) =>
		`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x}\n`;

	it.each([
		['kind: Node\nmetadata: {name: x}\n', 'm.yaml:1: document 1 (Node x): apiVersion is required'],
		['apiVersion: v1\nmetadata: {name: x}\n', 'm.yaml:1: document 1 (x): kind is required'],
		['- a\n', 'm.yaml:1: document 1: is not an object'],
		[
			object('v1', 'PersistentVolumeClaims'),
			'm.yaml:2: document 1 (PersistentVolumeClaims x): PersistentVolumeClaims is not a kind of v1; did you mean PersistentVolumeClaim?',
		],
		[
			object('v1', 'StorageClass'),
			'm.yaml:2: document 1 (StorageClass x): StorageClass is not a kind of v1, but of storage.k8s.io/v1',
		],
		[
			object('storage/v1', 'StorageClass'),
			'm.yaml:2: document 1 (StorageClass x): StorageClass is not a kind of storage/v1, but of storage.k8s.io/v1',
		],
		[
			object('storage.k8s.io/v1beta1', 'CSIStorageCapacity'),
			'm.yaml:2: document 1 (CSIStorageCapacity x): CSIStorageCapacity is not a kind of storage.k8s.io/v1beta1, but of storage.k8s.io/v1',
		],
	])('that are mistaken: %j', async (text, problem) => {
		expect(await problemsOf(text)).toEqual([problem]);
	});

	it('that no storage decision needs are passed over and counted', async () => {
		const others = [
			object('v1', 'ConfigMap'),
			object('apps/v1', 'StatefulSet'),
			object('cattle.example.com/v3', 'Node'),
		];
		const { unused, counts, warnings } = await load({ 'a.yaml': [node('a'), ...others].join('---\n') });
		expect(unused).toEqual({ ConfigMap: 1, StatefulSet: 1, Node: 1 });
		expect(counts).toEqual({ Node: 1 });
		expect(warnings).toEqual([]);
	});
});

describe('several problems', () => {
	it('are all told at once', async () => {
		const text = VOLUME.replace('10Gi', '10Gb').replace('accessModes', 'accesModes');
		expect(await problemsOf(`${text}---\n${node('A')}`)).toHaveLength(4);
	});

	it('are counted when there are too many to tell', async () => {
		const folder = await manifestFolder({ 'm.yaml': Array.from({ length: 30 }, () => node('A_')).join('---\n') });
		const error = (await loadManifests([folder]).catch((reason: unknown) => reason)) as ManifestError;
		expect(error.problems).toHaveLength(20);
		expect(error.message).toMatch(/^the manifests have 30 problems:\n/);
		expect(error.message).toMatch(/\n {2}and 10 more$/);
	});

	it('include an object that is there twice', async () => {
		const folder = await manifestFolder({ 'a.yaml': `${node('b')}---\n${node('a')}`, 'b.yaml': node('a') });
		await expect(loadManifests([folder])).rejects.toThrow(
			`${folder}/b.yaml:1: document 1 (Node a): is there twice, first in ${folder}/a.yaml:6: document 2`,
		);
	});
});

describe('defaults', () => {
	const claimText = (name: string, spec = '') =>
		`apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: ${name}}\nspec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n${spec}`;
	const classText = (name: string, annotation = '') =>
		`apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata:\n  name: ${name}\n  annotations: {${annotation}}\nprovisioner: p\n`;

	it('are those of an API server', async () => {
		const { objects } = await load({ 'a.yaml': [claimText('c'), VOLUME, classText('s')].join('---\n') });
		const [claim, volume, storageClass] = objects as [RawClaim, RawVolume, RawStorageClass];
		expect(claim.metadata.namespace).toBe('default');
		expect(claim).toMatchObject({ spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } });
		expect(volume).toMatchObject({ spec: { volumeMode: 'Filesystem' }, status: { phase: 'Available' } });
		expect(storageClass).toMatchObject({ volumeBindingMode: 'Immediate', reclaimPolicy: 'Delete' });
	});

	it('give the same uid each time, another to each object, and leave a given one', async () => {
		const files = {
			'a.yaml': [claimText('c'), claimText('d'), VOLUME.replace('spec:', '  uid: mine\nspec:')].join('---\n'),
		};
		const [first, second] = await Promise.all([load(files), load(files)]);
		const uids = first.objects.map(({ metadata }) => metadata.uid);
		expect(second.objects.map(({ metadata }) => metadata.uid)).toEqual(uids);
		expect(uids).toEqual([
			expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
			expect.any(String),
			'mine',
		]);
		expect(new Set(uids).size).toBe(3);
	});

	it.each(['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'])(
		'give a claim without a class the default class, but not one that wants none: %s',
		async (annotation) => {
			const text = [
				claimText('c'),
				claimText('none', '  storageClassName: ""\n'),
				classText('plain'),
				classText('usual', `${annotation}: "true"`),
			];
			const { objects } = await load({ 'a.yaml': text.join('---\n') });
			expect(objects.slice(0, 2).map((claim) => (claim as RawClaim).spec.storageClassName)).toEqual(['usual', '']);
		},
	);

	it('drop what no decision reads', async () => {
		const applied = 'kubectl.kubernetes.io/last-applied-configuration: "{}"';
		const { objects } = await load({
			'a.yaml': `${node('a')}  annotations: {${applied}}\n  managedFields: []\nstatus:\n  images: []\n`,
		});
		expect(objects[0]).toMatchObject({ metadata: { annotations: {} }, status: {} });
		expect(JSON.stringify(objects[0])).not.toMatch(/managedFields|images/);
	});
});
