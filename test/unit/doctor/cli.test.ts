/** topobind doctor on manifests, as a user runs it. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { run } from '../../../src/cli/doctor.ts';
import { CommandError } from '../../../src/cli/exit.ts';

const folder = mkdtempSync(join(tmpdir(), 'topobind-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CLAIM = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: NAME
  annotations: {ANNOTATIONS}
spec: {accessModes: [ReadWriteOnce], storageClassName: CLASS, resources: {requests: {storage: 1Gi}}}
`;
const claim = (name: string, className: string, annotations: string) =>
	CLAIM.replace('NAME', name).replace('CLASS', className).replace('ANNOTATIONS', annotations);
const storageClass = (name: string, provisioner: string) => `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: ${name}}
provisioner: ${provisioner}
volumeBindingMode: WaitForFirstConsumer
`;
const NODE = `
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {kubernetes.io/hostname: n1}}
`;
const ASKED = 'volume.kubernetes.io/storage-provisioner: local.example.com';
const pinnedTo = (node: string) => `volume.kubernetes.io/selected-node: ${node}`;

function manifests(name: string, ...documents: readonly string[]): string {
	const path = join(folder, `${name}.yaml`);
	writeFileSync(path, documents.join('---'));
	return path;
}

const ill = manifests(
	'ill',
	NODE,
	storageClass('csi', 'local.example.com'),
	storageClass('static', 'kubernetes.io/no-provisioner'),
	claim('lost', 'csi', `${pinnedTo('n9')}, ${ASKED}`),
	claim('waiting', 'static', pinnedTo('n1')),
	claim('well', 'csi', `${pinnedTo('n1')}, ${ASKED}`),
);
const well = manifests('well', NODE, storageClass('csi', 'local.example.com'), claim('well', 'csi', pinnedTo('n1')));

async function doctor(...args: readonly string[]): Promise<{ code: number; text: string; said: string }> {
	let text = '';
	let said = '';
	const tell = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
		said += chunk;
		return true;
	});
	const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
		text += chunk;
		return true;
	});
	try {
		return { code: await run(args), text, said };
	} finally {
		write.mockRestore();
		tell.mockRestore();
	}
}

it('finds nothing, and says so', async () => {
	expect(await doctor('--manifests', well)).toMatchObject({
		code: 0,
		text: expect.stringMatching(/^Every pinned claim/),
	});
});

it('says what it has examined, so that the examples are not taken for a cluster', async () => {
	expect((await doctor('--manifests', well, '-n', 'shop')).said).toMatch(
		/examining .*well\.yaml, namespace shop alone/,
	);
	expect((await doctor()).said).toMatch(/examining .*examples/);
	expect((await doctor('--manifests', well, '-o', 'json')).said).toBe('');
});

it('says so where somebody vouches for a node that no claim waits for', async () => {
	const { said } = await doctor('--manifests', ill, '--machine-gone', 'n1', '--machine-gone', 'n9');
	expect(said).toContain('--machine-gone n1 changes nothing');
	expect(said).not.toContain('--machine-gone n9');
});

it('tells of two findings, and changes nothing', async () => {
	const { code, text } = await doctor('--manifests', ill);
	expect(code).toBe(1);
	expect(text).toMatchInlineSnapshot(`
		"default/lost on n9: PIN_NODE_GONE
		  why      node n9 does not exist
		  mend     bring the node back, or have another chosen
		  refused  local.example.com was asked for the volume, and a Node object that is gone does not prove that its machine is off; one that runs elsewhere takes the pin back itself as soon as it looks for the node and no CreateVolume may be under way
		  instead  if the machine is gone for good and the provisioner ran on it: topobind doctor --repair --machine-gone n9. Otherwise, delete the claim and create it anew; it holds no data, and a provisioner that runs on cleans up what it has begun: kubectl delete pvc -n default lost

		default/waiting on n1: PIN_NO_PROVISIONER
		  why      class static has no provisioner, so nothing makes its volume, and none that is there is looked for
		  mend     remove the annotation, so that the claim can be bound to a volume that is there
		  safe     no provisioner was ever asked for its volume: the claim has no annotation volume.kubernetes.io/storage-provisioner

		2 claims pinned in vain; --repair would remove the pin of 1.
		"
	`);
});

it('repairs what is proven, and what the operator vouches for', async () => {
	const some = await doctor('--manifests', ill, '--repair');
	expect(some.code).toBe(1);
	expect(some.text).toContain('2 claims pinned in vain; 1 repaired.');
	const all = await doctor('--repair', '--machine-gone', 'n9', '--manifests', ill);
	expect(all.code).toBe(0);
	expect(all.text).toContain('2 repaired.');
});

it('tells the same as JSON, and keeps to a namespace', async () => {
	const { text } = await doctor('--manifests', ill, '-o', 'json');
	expect(JSON.parse(text)).toMatchObject({
		cluster: expect.stringContaining('ill.yaml'),
		pins: [
			{ code: 'PIN_NODE_GONE', namespace: 'default', claim: 'lost', node: 'n9', repair: 'refused', outcome: 'found' },
			{ code: 'PIN_NO_PROVISIONER', claim: 'waiting', class: 'static', repair: 'safe', outcome: 'found' },
		],
	});
	expect(JSON.parse((await doctor('--manifests', ill, '-o', 'json', '-n', 'other')).text).pins).toEqual([]);
});

it('shows its help', async () => {
	const { code, text } = await doctor('--help');
	expect(code).toBe(0);
	expect(text).toContain('--machine-gone NODE');
});

it.each([
	[['--repiar'], 2, 'did you mean --repair?'],
	[['-o', 'yaml'], 2, 'text or json, not "yaml"'],
	[['pvc/data'], 2, 'unexpected argument "pvc/data"'],
	[['--kubeconfig', join(folder, 'absent')], 2, 'absent'],
	[['--manifests', join(folder, 'absent')], 2, 'absent'],
])('%j ends with %i', async (args, code, message) => {
	const error = await run(args).catch((thrown: unknown) => thrown);
	expect(error).toBeInstanceOf(CommandError);
	expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
});

it('ends with 3 where no API server answers', async () => {
	const server = 'http://127.0.0.1:9';
	const kubeconfig = join(folder, 'kubeconfig');
	writeFileSync(
		kubeconfig,
		`{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: c}}], clusters: [{name: c, cluster: {server: "${server}"}}], users: [{name: c, user: {}}]}`,
	);
	await expect(run(['--kubeconfig', kubeconfig])).rejects.toMatchObject({ code: 3 });
});
