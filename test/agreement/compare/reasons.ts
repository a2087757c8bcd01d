/** What kube-scheduler says, in topobind's words. */

import { type ReasonCode, reasonTemplates } from '../../../src/domain/decision/reasons.ts';

interface Meaning {
	/** The plugin's message; where it captures a name, that is the claim it is about. */
	readonly message: RegExp;
	/** That claim goes with the first of them. */
	readonly codes: readonly ReasonCode[];
}

/** One entry for each reason and error of the two plugins; the codes are those that mean the same, or more exactly. */
const MEANINGS: readonly Meaning[] = [
	// VolumeBinding, PreFilter.
	{ message: /^persistentvolumeclaim "(.*)" not found$/, codes: ['CLAIM_MISSING'] },
	{
		message: /^waiting for ephemeral volume controller to create the persistentvolumeclaim "(.*)"$/,
		codes: ['CLAIM_NOT_CREATED'],
	},
	{ message: /^persistentvolumeclaim "(.*)" bound to non-existent persistentvolume ".*"$/, codes: ['CLAIM_LOST'] },
	{ message: /^persistentvolumeclaim "(.*)" is being deleted$/, codes: ['CLAIM_DELETING'] },
	{ message: /^PVC [^/]*\/(\S*) was not created for pod \S+ \(pod is not owner\)$/, codes: ['CLAIM_NOT_OWNED'] },
	// A class that does not exist counts as one that does not wait.
	{ message: /^pod has unbound immediate PersistentVolumeClaims$/, codes: ['CLAIM_UNBOUND', 'CLASS_MISSING'] },
	{ message: /^VolumeBindingMode not set for StorageClass ".*"$/, codes: ['CLASS_INVALID'] },

	// VolumeBinding, Filter.
	{ message: /^node\(s\) didn't match PersistentVolume's node affinity$/, codes: ['VOLUME_NODE_AFFINITY'] },
	{
		message: /^node\(s\) didn't find available persistent volumes to bind$/,
		codes: ['SELECTED_NODE', 'NO_STATIC_VOLUME', 'CLASS_TOPOLOGY'],
	},
	{ message: /^node\(s\) did not have enough free storage$/, codes: ['CAPACITY'] },
	{
		message: /^node\(s\) unavailable due to one or more pvc\(s\) bound to non-existent pv\(s\)$/,
		codes: ['VOLUME_MISSING'],
	},
	{ message: /^could not translate pv: /, codes: ['VOLUME_UNTRANSLATABLE'] },
	{
		// What was found of the bound claims is lost in the error; topobind tells it first.
		message: /^error creating internal label selector for claim: [^/]*\/([^:]*): /,
		codes: ['CLAIM_INVALID', 'VOLUME_NODE_AFFINITY', 'VOLUME_MISSING'],
	},

	// VolumeZone.
	{ message: /^persistentvolume ".*" not found$/, codes: ['VOLUME_MISSING'] },
	{ message: /^storageclass\.storage\.k8s\.io ".*" not found$/, codes: ['CLASS_MISSING'] },
	{ message: /^PersistentVolumeClaim had no pv name and storageClass name$/, codes: ['CLAIM_UNBOUND'] },
	{ message: /^PersistentVolume had no name$/, codes: ['CLAIM_UNBOUND'] },
	{ message: /^node\(s\) had no available volume zone$/, codes: ['ZONE_LABEL'] },
];

/**
 * Whether one of kube-scheduler's messages says what topobind's does, of the same claim. Throws where the table has no
 * entry: kube-scheduler then has a reason that topobind does not know.
 */
export function isAmong(message: string, theirs: readonly string[]): boolean {
	const code = codeOf(message);
	const claim = claimIn(message);
	return theirs.map(meaningOf).some(({ codes, claim: theirClaim }) => {
		if (!codes.includes(code)) return false;
		return code !== codes[0] || theirClaim === undefined || theirClaim === claim;
	});
}

/** Whether it is what topobind tells only of claims that have no source, or whose source is good. */
export function couldFollow(theirs: string): boolean {
	return meaningOf(theirs).codes.some((code) => code === 'CLASS_TOPOLOGY' || code === 'CAPACITY');
}

function meaningOf(message: string): { readonly codes: readonly ReasonCode[]; readonly claim: string | undefined } {
	for (const meaning of MEANINGS) {
		const match = meaning.message.exec(message);
		if (match) return { codes: meaning.codes, claim: match[1] };
	}
	throw new Error(`no entry for kube-scheduler's reason ${JSON.stringify(message)}`);
}

/** The claim that one of topobind's messages is about. */
export function claimIn(message: string): string | undefined {
	return /^claim (\S*)/.exec(message)?.[1];
}

/** The code of one of topobind's messages, by the templates of the catalogue. */
export function codeOf(message: string): ReasonCode {
	const code = FORMS.find(([, form]) => form.test(message))?.[0];
	if (!code) throw new Error(`no template gives topobind's message ${JSON.stringify(message)}`);
	return code;
}

const FORMS = Object.entries(reasonTemplates).map(([code, template]) => {
	const form = template
		.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
		.replace(/\{(claim|volume|class)\}/g, '\\S*')
		.replace(/\{\w+\}/g, '.*');
	return [code as ReasonCode, new RegExp(`^${form}$`, 's')] as const;
});
