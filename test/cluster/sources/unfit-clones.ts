// Claims that another claim cannot be cloned from, each kind.
//
// Four are missing, of a source that is Bound: its volume is not seen yet, is not bound to it yet, is bound to another claim,
// is not Bound. The PV controller puts each right, or calls the claim Lost, within milliseconds; test/unit/domain/sources.test.ts has them.

import { localClass, localVolume } from '../objects.ts';
import { isBound } from '../shared.ts';
import type { RestoreOptions } from './scene.ts';
import {
	byAnnotation,
	type Case,
	claimAnew,
	holdInDeletion,
	NOBODY,
	nameClass,
	ownClass,
	provisionBy,
	release,
	remove,
	type Unfit,
} from './unfit.ts';

const fill = ({ scene, source }: Case, options: RestoreOptions = {}) => scene.fill(source.name, options);
const original = ({ scene, source }: Case): string => scene.at.claim(source.name);

/** Another source of the same name. */
async function fillAnew(of: Case): Promise<void> {
	await of.scene.api.deleteAndWait(original(of));
	await fill(of);
}

export const UNFIT_CLONES: readonly Unfit[] = [
	{
		what: 'a claim that does not exist',
		waits: true,
		make: async () => {},
		says: () => 'it does not exist',
		mend: fill,
	},
	{
		what: 'a claim that is not bound',
		waits: true,
		make: ({ scene, source }) => scene.claim(source.name, undefined),
		says: () => 'it is not bound yet',
		mend: ({ scene, source }) => scene.write(source.name),
	},
	{
		what: 'a claim that is lost',
		async make(of) {
			await fill(of);
			const { api } = of.scene;
			await remove(of.scene, `/api/v1/persistentvolumes/${(await api.get(original(of))).spec.volumeName}`);
			await api.waitFor(original(of), (object) => object?.status.phase === 'Lost');
		},
		says: () => 'it has lost its volume; use another',
		mend: fillAnew,
	},
	{
		what: 'a claim that is being deleted',
		async make(of) {
			await fill(of);
			await holdInDeletion(of.scene, original(of));
		},
		says: () => 'it is being deleted; use another',
		async mend(of) {
			await release(of.scene, original(of));
			await fill(of);
		},
	},
	{
		what: 'a claim without storageClassName',
		make: (of) => fill(of, byAnnotation(of)),
		says: () => 'it has no storageClassName, which cloning needs; set it',
		mend: (of) => nameClass(of, original(of)),
	},
	{
		what: 'a claim, for one without storageClassName',
		claim: byAnnotation,
		make: fill,
		says: () => 'the claim has no storageClassName, which cloning needs; set it',
		mend: (of) => nameClass(of, of.scene.at.claim(of.name)),
	},
	{
		what: 'a claim larger than its clone',
		make: (of) => fill(of, { size: '2Gi' }),
		says: () => 'it asks for 2Gi, but the claim for 1Gi; ask for at least 2Gi',
		mend: (of) => claimAnew(of, { size: '2Gi' }),
	},
	{
		what: 'a claim whose volume is not of CSI',
		async make(of) {
			const { scene, source, node } = of;
			const { api } = scene;
			const name = ownClass(of);
			await api.createAll([localClass(name), localVolume(name, node, name)]);
			await scene.claim(source.name, undefined, { storageClass: name });
			await scene.write(source.name);
			await api.waitFor(original(of), isBound);
		},
		says: (of) => `its volume ${ownClass(of)} is not a CSI volume; use a claim that is on one`,
		mend: fillAnew,
	},
	{
		what: 'a claim of another driver',
		claim: (of) => ({ storageClass: ownClass(of) }),
		async make(of) {
			await fill(of);
			await provisionBy(of, NOBODY);
		},
		says: (of) => {
			const { name } = of.scene.driver;
			return `is of driver ${name}, but class ${ownClass(of)} provisions by ${NOBODY}; use a class of driver ${name}`;
		},
		mend: (of) => provisionBy(of, of.scene.driver.name),
	},
	{
		what: 'a claim of another volume mode',
		make: (of) => fill(of, { spec: { volumeMode: 'Block' } }),
		says: () => 'it is a Block volume, but the claim asks for Filesystem; ask for Block',
		mend: fillAnew,
	},
	{
		what: 'a claim, for one with a selector',
		claim: () => ({ spec: { selector: { matchLabels: { tier: 'gold' } } } }),
		make: fill,
		says: () => 'the claim has a selector, which is for volumes that are there; create it without',
		mend: (of) => claimAnew(of),
	},
];
