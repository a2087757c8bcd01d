// Snapshots that a claim cannot be restored from, each kind.
//
// One kind is missing: a content that is not bound to its snapshot yet. The snapshot controller binds it within milliseconds,
// whoever takes the binding away; test/unit/domain/sources.test.ts has it.

import { contentName, contentPath, importContent, importSnapshot } from './handmade.ts';
import {
	type Case,
	claimAnew,
	holdInDeletion,
	NOBODY,
	ownClass,
	provisionBy,
	release,
	remove,
	type Unfit,
} from './unfit.ts';

/** That the data are on this node; its snapshotter then sees to the content. */
const managedBy = (node: string) => ({ metadata: { labels: { 'snapshot.storage.kubernetes.io/managed-by': node } } });
const MODE_CHANGE = 'snapshot.storage.kubernetes.io/allow-volume-mode-change';

const take = async ({ scene, source }: Case): Promise<void> => {
	await scene.snapshot(source.name);
	await scene.ready(source.name);
};
const importReady = async ({ scene, source, handle, node }: Case, spec: object = {}): Promise<void> => {
	await importSnapshot(scene, source.name, handle, { ...managedBy(node), spec });
	await scene.ready(source.name);
};
const patchContent = ({ scene, source }: Case, patch: object) =>
	scene.api.patch(contentPath(scene, source.name), patch);
const patchContentStatus = ({ scene, source }: Case, status: object) =>
	scene.api.patch(`${contentPath(scene, source.name)}/status`, { status });

export const UNFIT_SNAPSHOTS: readonly Unfit[] = [
	{
		what: 'a snapshot that does not exist',
		waits: true,
		make: async () => {},
		says: () => 'it does not exist',
		mend: take,
	},
	{
		what: 'a snapshot that is being deleted',
		async make(of) {
			await take(of);
			await holdInDeletion(of.scene, of.scene.at.snapshot(of.source.name));
		},
		says: () => 'it is being deleted; use another',
		async mend(of) {
			await release(of.scene, of.scene.at.snapshot(of.source.name));
			await take(of);
		},
	},
	{
		what: 'a snapshot without content',
		waits: true,
		make: ({ scene, source }) => scene.snapshot(source.name, `${source.name}-data`),
		says: () => 'it is not bound to a content yet',
		mend: ({ scene, source }) => scene.fill(`${source.name}-data`),
	},
	{
		what: 'a snapshot whose content is gone',
		waits: true,
		async make(of) {
			await importReady(of);
			await remove(of.scene, contentPath(of.scene, of.source.name));
		},
		says: ({ scene, source }) => `its content ${contentName(scene, source.name)} does not exist`,
		mend: ({ scene, source, handle, node }) => importContent(scene, source.name, handle, managedBy(node)),
	},
	{
		what: 'a snapshot whose content is of another',
		async make(of) {
			await importReady(of);
			await patchContent(of, { spec: { volumeSnapshotRef: { name: 'another' } } });
		},
		says: ({ scene, source }) =>
			`its content ${contentName(scene, source.name)} belongs to another snapshot; use that one, or a content of its own`,
		mend: (of) => patchContent(of, { spec: { volumeSnapshotRef: { name: of.source.name } } }),
	},
	{
		what: 'a snapshot of another driver',
		claim: (of) => ({ storageClass: ownClass(of) }),
		async make(of) {
			await take(of);
			await provisionBy(of, NOBODY);
		},
		says: (of) => {
			const { name } = of.scene.driver;
			return `it is of driver ${name}, but class ${ownClass(of)} provisions by ${NOBODY}; use a class of driver ${name}`;
		},
		mend: (of) => provisionBy(of, of.scene.driver.name),
	},
	{
		what: 'a snapshot that is not ready',
		waits: true,
		make: ({ scene, source, handle }) => importSnapshot(scene, source.name, handle),
		says: () => 'it is not ready to use yet',
		mend: (of) => patchContent(of, managedBy(of.node)),
	},
	{
		what: 'a snapshot without handle',
		waits: true,
		async make(of) {
			await importSnapshot(of.scene, of.source.name, of.handle);
			await patchContentStatus(of, { readyToUse: true });
			await of.scene.ready(of.source.name);
		},
		says: ({ scene, source }) => `its content ${contentName(scene, source.name)} has no snapshot handle yet`,
		async mend(of) {
			await patchContent(of, managedBy(of.node));
			await patchContentStatus(of, { snapshotHandle: of.handle });
		},
	},
	{
		what: 'a snapshot larger than the claim',
		claim: () => ({ size: '1Mi' }),
		make: take,
		says: () => 'its restore size is 1Gi, but the claim asks for 1Mi; ask for at least 1Gi',
		mend: (of) => claimAnew(of),
	},
	{
		what: 'a snapshot of another volume mode',
		make: (of) => importReady(of, { sourceVolumeMode: 'Block' }),
		says: ({ scene, source }) =>
			`it was taken of a Block volume, but the claim asks for Filesystem; ask for Block, or set annotation ${MODE_CHANGE}: "true" on content ${contentName(scene, source.name)}`,
		mend: (of) => patchContent(of, { metadata: { annotations: { [MODE_CHANGE]: 'true' } } }),
	},
	{
		what: 'a snapshot of another API group',
		claim: ({ source }) => ({
			spec: { dataSource: undefined, dataSourceRef: { apiGroup: 'snapshots.example.com', ...source } },
		}),
		make: take,
		says: () => 'the claim names API group snapshots.example.com for it; create the claim with snapshot.storage.k8s.io',
		mend: (of) => claimAnew(of),
	},
	{
		what: 'a snapshot, for a claim with a selector',
		claim: () => ({ spec: { selector: { matchLabels: { tier: 'gold' } } } }),
		make: take,
		says: () => 'the claim has a selector, which is for volumes that are there; create it without',
		mend: (of) => claimAnew(of),
	},
];
