// Clones that are made along with their source, in one pod, and cannot be: each kind. That all is well with others is the
// subject of sources.test.ts.

import { localClass, localVolume } from '../objects.ts';
import type { RestoreOptions } from './scene.ts';
import { byAnnotation, type Case, claimAnew, NOBODY, nameClass, ownClass, provisionBy, type Unfit } from './unfit.ts';

const source = (of: Case): string => of.scene.at.claim(of.source.name);
const sourceAnew = async (of: Case): Promise<void> => {
	await of.scene.api.deleteAndWait(source(of));
	await makeSource(of);
};
const makeSource = (of: Case, options: RestoreOptions = {}) => of.scene.claim(of.source.name, undefined, options);

/** The pod mounts both. */
const both =
	(options: RestoreOptions = {}) =>
	(of: Case): RestoreOptions => ({ ...options, beside: [of.source.name] });

const PAIRS: readonly Omit<Unfit, 'along'>[] = [
	{
		what: 'a pair whose clone is smaller',
		claim: both(),
		make: (of) => makeSource(of, { size: '2Gi' }),
		says: () => 'it asks for 2Gi, but the claim for 1Gi; ask for at least 2Gi',
		mend: (of) => claimAnew(of, { size: '2Gi' }),
	},
	{
		what: 'a pair of a file system and a block device',
		claim: both({ spec: { volumeMode: 'Block' } }),
		make: (of) => makeSource(of),
		says: () => 'it is a Filesystem volume, but the claim asks for Block; ask for Filesystem',
		mend: (of) => claimAnew(of),
	},
	{
		what: 'a pair of a block device and a file system',
		claim: both(),
		make: (of) => makeSource(of, { spec: { volumeMode: 'Block' } }),
		says: () => 'it is a Block volume, but the claim asks for Filesystem; ask for Block',
		mend: sourceAnew,
	},
	{
		what: 'a claim that is its own source',
		itself: true,
		make: async () => {},
		says: () => 'it is the claim itself; use another',
		async mend({ scene, name }) {
			await scene.api.deleteAndWait(scene.at.claim(name));
			await scene.claim(name, undefined);
		},
	},
	{
		what: 'a pair cloned from each other',
		claim: both(),
		make: (of) => of.scene.claim(of.source.name, { kind: 'PersistentVolumeClaim', name: of.name }),
		says: () => 'it is to be cloned from the claim in its turn; give one of them another source',
		mend: sourceAnew,
	},
	{
		what: 'a pair of two drivers',
		claim: both(),
		async make(of) {
			await provisionBy(of, NOBODY);
			await makeSource(of, { storageClass: ownClass(of) });
		},
		says(of) {
			const { name } = of.scene.driver;
			return `its class ${ownClass(of)} provisions by ${NOBODY}, but class ${name} by ${name}; use a class of driver ${NOBODY}`;
		},
		mend: (of) => provisionBy(of, of.scene.driver.name),
	},
	{
		what: 'a pair on a local volume',
		claim: both(),
		async make(of) {
			const name = ownClass(of);
			await of.scene.api.createAll([localClass(name), localVolume(name, 'validity-1', name)]);
			await makeSource(of, { storageClass: name });
		},
		says: (of) => `its class ${ownClass(of)} provisions no CSI volume; use a claim that is on one`,
		mend: sourceAnew,
	},
	{
		what: 'a pair whose clone has no storageClassName',
		claim: (of) => both(byAnnotation(of))(of),
		make: (of) => makeSource(of),
		says: () => 'the claim has no storageClassName, which cloning needs; set it',
		mend: (of) => nameClass(of, of.scene.at.claim(of.name)),
	},
	{
		what: 'a pair whose source has no storageClassName',
		claim: both(),
		make: (of) => makeSource(of, byAnnotation(of)),
		says: () => 'it has no storageClassName, which cloning needs; set it',
		mend: (of) => nameClass(of, source(of)),
	},
];

export const UNFIT_PAIRS: readonly Unfit[] = PAIRS.map((pair) => ({ ...pair, along: true }));
