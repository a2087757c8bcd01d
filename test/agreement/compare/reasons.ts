/** kube-scheduler's reasons, each with the codes of topobind that mean it. */

import type { ReasonCode, ReasonDetails } from '../../../src/domain/decision/reasons.ts';
import type { PluginVerdict, PodJudgement } from '../harness/oracle.ts';
import type { Said } from './messages.ts';

export interface Meaning {
	/** A short name, for people. */
	readonly name: string;
	/** The plugin's message; what it names is in groups that are called as topobind calls it. */
	readonly message: RegExp;
	/** Those that say the same, or more exactly; none where another plugin always has something to tell before. */
	readonly codes: readonly ReasonCode[];
}

/**
 * Every reason and error of the two plugins. Each code stands at one of them, but for VOLUME_MISSING: that is what both
 * plugins find of a volume, the one of claims that are mounted by name, the other of those of ephemeral volumes too.
 */
export const MEANINGS: readonly Meaning[] = [
	...stage('VolumeBinding, PreFilter', [
		['claim not found', /^persistentvolumeclaim "(?<claim>.*)" not found$/, 'CLAIM_MISSING'],
		[
			'claim not created',
			/^waiting for ephemeral volume controller to create the persistentvolumeclaim "(?<claim>.*)"$/,
			'CLAIM_NOT_CREATED',
		],
		[
			'claim lost',
			/^persistentvolumeclaim "(?<claim>.*)" bound to non-existent persistentvolume "(?<volume>.*)"$/,
			'CLAIM_LOST',
		],
		['claim deleted', /^persistentvolumeclaim "(?<claim>.*)" is being deleted$/, 'CLAIM_DELETING'],
		[
			'claim not owned',
			/^PVC [^/]*\/(?<claim>\S*) was not created for pod \S+ \(pod is not owner\)$/,
			'CLAIM_NOT_OWNED',
		],
		// A class that does not exist counts as one that does not wait.
		['unbound', /^pod has unbound immediate PersistentVolumeClaims$/, 'CLAIM_UNBOUND', 'CLASS_MISSING'],
		['class without mode', /^VolumeBindingMode not set for StorageClass "(?<class>.*)"$/, 'CLASS_INVALID'],
	]),
	...stage('VolumeZone, PreFilter', [
		['volume not found', /^persistentvolume "(?<volume>.*)" not found$/, 'VOLUME_MISSING'],
		// VolumeBinding has called these claims unbound.
		['class not found', /^storageclass\.storage\.k8s\.io ".*" not found$/],
		['no volume, no class', /^PersistentVolumeClaim had no pv name and storageClass name$/],
		['no volume', /^PersistentVolume had no name$/],
	]),
	...stage('VolumeBinding, Filter', [
		['ErrReasonNodeConflict', /^node\(s\) didn't match PersistentVolume's node affinity$/, 'VOLUME_NODE_AFFINITY'],
		[
			'ErrReasonBindConflict',
			/^node\(s\) didn't find available persistent volumes to bind$/,
			'SELECTED_NODE',
			'NO_STATIC_VOLUME',
			'CLASS_TOPOLOGY',
		],
		['ErrReasonNotEnoughSpace', /^node\(s\) did not have enough free storage$/, 'CAPACITY'],
		[
			'ErrReasonPVNotExist',
			/^node\(s\) unavailable due to one or more pvc\(s\) bound to non-existent pv\(s\)$/,
			'VOLUME_MISSING',
		],
		['cannot translate', /^could not translate pv: /, 'VOLUME_UNTRANSLATABLE'],
		['bad selector', /^error creating internal label selector for claim: [^/]*\/(?<claim>[^:]*): /, 'CLAIM_INVALID'],
	]),
	...stage('VolumeZone, Filter', [['ErrReasonConflict', /^node\(s\) had no available volume zone$/, 'ZONE_LABEL']]),
];

function stage(
	where: string,
	rows: readonly (readonly [name: string, message: RegExp, ...codes: readonly ReasonCode[]])[],
): Meaning[] {
	return rows.map(([name, message, ...codes]) => ({ name: `${where}: ${name}`, message, codes }));
}

/** In the order of kube-scheduler's default profile. */
const PLUGINS = ['VolumeBinding', 'VolumeZone'];

/**
 * All that speaks against the node, in kube-scheduler's order: of the pod as a whole, then of the node, plugin by plugin.
 * A person is told the first, and what else the same plugin says: the first plugin that does not let pass is the last asked.
 */
export function reasonsOn(node: string, { preFilter = {}, filter = {} }: PodJudgement): string[] {
	return [preFilter, filter[node] ?? {}].flatMap((stage) => PLUGINS.flatMap((plugin) => messagesOf(stage[plugin])));
}

function messagesOf({ reasons = [], error }: PluginVerdict = {}): readonly string[] {
	return error === undefined ? reasons : [error];
}

/** Throws where the table has no entry: kube-scheduler then has a reason that topobind does not know. */
export function meaningOf(theirs: string): Meaning {
	const meaning = MEANINGS.find(({ message }) => message.test(theirs));
	if (!meaning) throw new Error(`no entry for kube-scheduler's reason ${JSON.stringify(theirs)}`);
	return meaning;
}

/** Whether kube-scheduler's message says what topobind does, of the same claim, volume and class as far as it names them. */
export function isSame(theirs: string, { code, details }: Said): boolean {
	const { message, codes } = meaningOf(theirs);
	const named = Object.entries(message.exec(theirs)?.groups ?? {}) as [keyof ReasonDetails, string][];
	return codes.includes(code) && named.every(([what, name]) => details[what] === name);
}
