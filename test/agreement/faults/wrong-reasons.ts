/** With each of these topobind refuses the right nodes, and tells another reason, or tells it of another claim. */

import { type Fault, inFile } from './fault.ts';

export const WRONG_REASONS: readonly Fault[] = [
	...inFile(
		'storage/pod-claims.ts',
		[
			'an ephemeral claim that is not there is called missing',
			"reason(ephemeral ? 'CLAIM_NOT_CREATED' : 'CLAIM_MISSING'",
			"reason('CLAIM_MISSING'",
		],
		[
			'a missing claim is waited for',
			"reason(ephemeral ? 'CLAIM_NOT_CREATED' : 'CLAIM_MISSING'",
			"reason('CLAIM_NOT_CREATED'",
		],
		['a lost claim is called deleted', "return reason('CLAIM_LOST'", "return reason('CLAIM_DELETING'"],
		[
			'a deleted claim is called lost',
			"reason('CLAIM_DELETING', { claim: claimName })",
			"reason('CLAIM_LOST', { claim: claimName, volume: claim.volumeName })",
		],
		['another’s claim is called missing', "reason('CLAIM_NOT_OWNED'", "reason('CLAIM_MISSING'"],
		[
			'that a claim is deleted comes before that it is lost',
			"if (claim.phase === 'Lost')",
			"if (claim.phase === 'Lost' && !claim.deleting)",
		],
		[
			'a class that does not exist is a claim that waits for nothing',
			"if (claim.className !== '' && !storageClass && claim.volumeName === '') {",
			'if (claim.className === claim.name) {',
		],
		[
			'a claim without a class names one that does not exist',
			"if (claim.className !== '' && !storageClass",
			'if (!storageClass',
		],
		[
			'a claim of an Immediate class names one that does not exist',
			"return reason('CLAIM_UNBOUND', { claim: claim.name });",
			"return reason('CLASS_MISSING', { claim: claim.name, class: claim.className });",
		],
		[
			'a class without a mode is an Immediate one',
			'storageClass.bindingMode === undefined)',
			"storageClass.bindingMode === '')",
		],
		[
			'a class without a mode is one that does not exist',
			"return reason('CLASS_INVALID'",
			"return reason('CLASS_MISSING'",
		],
		[
			'a claim that waits for nothing comes before a class without a mode',
			"problems.find(({ code }) => code === 'CLASS_INVALID') ?? problems[0]",
			'problems[0]',
		],
	),
	...inFile(
		'storage/delayed-claims.ts',
		[
			'a claim with a selected node finds no volume',
			"reason('SELECTED_NODE', { claim: claim.name })",
			"reason('NO_STATIC_VOLUME', { claim: claim.name, class: claim.className, request: claim.request?.text ?? '0' })",
		],
		[
			'a selector that cannot be used finds no volume',
			"const details = { claim: invalid.name, problem: invalid.selector?.invalid ?? '' };\n\t\t\treturn [...selection, { reason: reason('CLAIM_INVALID', details)",
			"const details = { claim: invalid.name, class: invalid.className, request: '1Gi' };\n\t\t\treturn [...selection, { reason: reason('NO_STATIC_VOLUME', details)",
		],
		[
			'the last claim with a bad selector is told',
			'this.#open.find(({ claim }) => claim.selector?.invalid',
			'this.#open.findLast(({ claim }) => claim.selector?.invalid',
		],
	),
	...inFile(
		'storage/provisioning.ts',
		[
			'a class that does not provision has no room',
			"return reason('NO_STATIC_VOLUME', { claim: claim.name, class: claim.className, request });",
			"return reason('CAPACITY', { claim: claim.name, class: claim.className, request });",
		],
		[
			'a class that does not provision allows nothing',
			"return reason('NO_STATIC_VOLUME', { claim: claim.name, class: claim.className, request });",
			"return reason('CLASS_TOPOLOGY', { claim: claim.name, class: claim.className, requirement: request });",
		],
		[
			'what a class does not allow has no room',
			"reason: reason('CLASS_TOPOLOGY', details)",
			"reason: reason('CAPACITY', { ...details, request: '1Gi' })",
		],
		[
			'what a class does not allow finds no volume',
			"reason: reason('CLASS_TOPOLOGY', details)",
			"reason: reason('NO_STATIC_VOLUME', { ...details, request: '1Gi' })",
		],
		[
			'too little room is not allowed',
			"reason: reason('CAPACITY', details)",
			"reason: reason('CLASS_TOPOLOGY', { ...details, requirement: 'room' })",
		],
		['room comes before what a class allows', 'steps.push({ allowed, reason', 'steps.unshift({ allowed, reason'],
		[
			'the class of another is named',
			'const details = { claim: claim.name, class: claim.className, request:',
			"const details = { claim: claim.name, class: 'local', request:",
		],
		[
			'the claim beside is named',
			"reason('NO_STATIC_VOLUME', { claim: claim.name,",
			"reason('NO_STATIC_VOLUME', { claim: claim.name + '-2',",
		],
	),
	...inFile(
		'decision/judge.ts',
		['zones come before claims that wait', 'refusals.push(...claims.bound', 'refusals.unshift(...claims.bound'],
		['a missing volume has its turn', 'missingFirst(claims.bound, view).flatMap', 'claims.bound.flatMap'],
		[
			'the missing volume of an ephemeral claim comes first',
			'!ephemeral && !view.volume(claim.volumeName)',
			'!view.volume(claim.volumeName)',
		],
		[
			'a volume out of reach is in another zone',
			"reason('VOLUME_NODE_AFFINITY', details)",
			"reason('ZONE_LABEL', details)",
		],
		[
			'a volume in another zone is out of reach',
			"reason('ZONE_LABEL', details)",
			"reason('VOLUME_NODE_AFFINITY', details)",
		],
		[
			'a volume that is gone is out of reach',
			"reason('VOLUME_MISSING', details)",
			"reason('VOLUME_NODE_AFFINITY', { ...details, requirement: 'it' })",
		],
		[
			'a volume that cannot be migrated is gone',
			"return reason('VOLUME_UNTRANSLATABLE', { claim: claim.name, volume: volume.name, problem });",
			"return reason('VOLUME_MISSING', { claim: claim.name, volume: volume.name, problem });",
		],
		[
			'a volume that cannot be migrated is out of reach',
			"return reason('VOLUME_UNTRANSLATABLE', { claim: claim.name, volume: volume.name, problem });",
			"return reason('VOLUME_NODE_AFFINITY', { claim: claim.name, volume: volume.name, requirement: problem });",
		],
		[
			'claims that wait come before bound ones',
			'refusals.push(...new DelayedClaims(claims.delayed, view).refusals(nodes, left));',
			'refusals.unshift(...new DelayedClaims(claims.delayed, view).refusals(nodes, candidates));',
		],
	),
];
