/** Single rules of the domain, broken: with each, topobind passes or refuses a node as kube-scheduler does not. */

import { type Fault, inFile } from './fault.ts';

export const WRONG_VERDICTS: readonly Fault[] = [
	...inFile(
		'topology/expression.ts',
		[
			'NotIn does not match a label that is absent',
			'return value === undefined || !values.has(value);',
			'return value !== undefined && !values.has(value);',
		],
		['Exists matches what is absent', 'return value !== undefined;', 'return true;'],
		['DoesNotExist matches everything', 'return value === undefined;', 'return true;'],
		['Gt takes an equal number', 'integer > bound', 'integer >= bound'],
		['Lt is Gt', 'integer < bound', 'integer > bound'],
		['In may have no values', 'if (values.length === 0) throw', 'if (values.length < 0) throw'],
		['Exists may have values', 'if (values.length > 0) throw', 'if (values.length > 99) throw'],
		['any text is a label value', 'if (!isLabelValue(value))', 'if (!isLabelValue(value) && value.length > 999)'],
		['any text is a label key', 'if (!isLabelKey(key))', 'if (!isLabelKey(key) && key.length > 999)'],
	),
	...inFile(
		'topology/labels.ts',
		['an integer may be larger than an int64', 'value < INT64_MIN || value > INT64_MAX ? undefined : value', 'value'],
		['leading zeros are no integer', '/^[+-]?\\d+$/', '/^[+-]?(?:0|[1-9]\\d*)$/'],
	),
	...inFile(
		'topology/requirement.ts',
		[
			'an empty term of a node selector matches everything',
			'if (!matchExpressions?.length && !matchFields?.length) continue;',
			'',
		],
		['matchFields are not parsed', 'for (const field of matchFields ?? []) checkField(field);', ''],
		[
			'an empty term of allowedTopologies matches everything',
			'if (!matchLabelExpressions?.length) continue;',
			'if (!matchLabelExpressions) continue;',
		],
		[
			'an empty list of allowedTopologies matches nothing',
			'if (!raw?.length) return undefined;',
			'if (!raw) return undefined;',
		],
		[
			'label selectors know Gt and Lt',
			"if (expression.operator !== 'Gt' && expression.operator !== 'Lt') return expression;",
			'return expression;',
		],
		['one term is enough to refuse', 'return terms.some((term) =>', 'return terms.every((term) =>'],
	),
	...inFile('topology/node-index.ts', [
		'one expression of a term is enough',
		'set.intersection(this.#selectExpression(expression)), this.all',
		'set.union(this.#selectExpression(expression)), new NodeSet()',
	]),
	...inFile(
		'storage/pod-claims.ts',
		['a lost claim is waited for', "if (claim.phase === 'Lost')", "if (claim.phase === 'lost')"],
		[
			'a claim that is being deleted is used',
			'if (claim.deleting)',
			'if (claim.deleting && claim.volumeName === claim.name)',
		],
		[
			'an ephemeral claim may be anybody’s',
			'if (ephemeral && claim.controllerUid !== pod.uid)',
			'if (ephemeral && claim.controllerUid === undefined)',
		],
		[
			'a volumeName alone binds',
			"return claim.volumeName !== '' && claim.bindCompleted;",
			"return claim.volumeName !== '';",
		],
		[
			'the annotation alone binds',
			"return claim.volumeName !== '' && claim.bindCompleted;",
			'return claim.bindCompleted;',
		],
		[
			'a class without a mode waits',
			"return reason('CLASS_INVALID', { claim: claim.name, class: claim.className });",
			"return 'delayed';",
		],
		[
			'an Immediate class waits',
			"storageClass?.bindingMode === 'WaitForFirstConsumer'",
			'storageClass?.bindingMode !== undefined',
		],
		[
			'a prebound claim is delayed',
			"storageClass?.bindingMode === 'WaitForFirstConsumer' && claim.volumeName === ''",
			"storageClass?.bindingMode === 'WaitForFirstConsumer'",
		],
	),
	...inFile(
		'storage/delayed-claims.ts',
		[
			'an empty selected-node is none',
			'.filter((claim) => claim.selectedNode !== undefined)',
			'.filter((claim) => claim.selectedNode)',
		],
		[
			'a claim with a source may leave its selected node',
			'.filter((claim) => claim.selectedNode !== undefined)',
			'.filter((claim) => claim.selectedNode !== undefined && !claim.source)',
		],
		[
			'a claim with a source takes no volume that is there',
			'search: view.staticVolumes(claim.className)?.search(claim)',
			'search: claim.source ? undefined : view.staticVolumes(claim.className)?.search(claim)',
		],
		['a claim with a selected node may go elsewhere', 'nodes: left.difference(here) }', 'nodes: new NodeSet() }'],
		[
			'a claim with a selected node needs no provisioner',
			'for (const claim of this.#selected) {\n\t\t\tconst failure',
			'for (const claim of [] as Claim[]) {\n\t\t\tconst failure',
		],
		['two claims may have one volume', 'best(labels, this.#taken)', 'best(labels, new Set())'],
		['a selector that cannot be used is none', 'if (invalid) {', "if (invalid?.name === '') {"],
	),
	...inFile(
		'storage/static-volumes.ts',
		[
			'a volume that is being deleted is used',
			'add(volume: Volume): void {\n\t\tif (volume.deleting) return;',
			'add(volume: Volume): void {',
		],
		[
			'the phase does not matter',
			"} else if (volume.phase === 'Available') {\n\t\t\tconst shelf = this.#shelfFor",
			'} else {\n\t\t\tconst shelf = this.#shelfFor',
		],
		[
			'the UID of a claimRef does not matter',
			"return claimRef.uid === '' || claimRef.uid === claim.uid;",
			'return true;',
		],
		[
			'a claimRef without a UID reserves nothing',
			"claimRef.uid === '' || claimRef.uid === claim.uid",
			'claimRef.uid === claim.uid',
		],
		['a reserved volume may be too small', 'compareQuantities(volume.capacity, claim.request ?? ZERO) >= 0 &&', ''],
		['a reserved volume may be of another mode', 'volume.volumeMode === claim.volumeMode &&', ''],
		[
			'a reserved volume may be of another attributes class',
			'&&\n\t\tvolume.attributesClass === claim.attributesClass',
			'',
		],
	),
	...inFile(
		'storage/static-search.ts',
		[
			'the largest request comes first',
			'compareQuantities(a.request ?? ZERO, b.request ?? ZERO)',
			'compareQuantities(b.request ?? ZERO, a.request ?? ZERO)',
		],
		[
			'equal sizes: the last by name',
			'a.name < b.name ? -1 : a.name > b.name ? 1 : 0',
			'a.name < b.name ? 1 : a.name > b.name ? -1 : 0',
		],
		['the largest volume wins', 'bySizeThenName(best, first) <= 0', 'bySizeThenName(best, first) >= 0'],
		[
			'a volume must be larger than the request',
			'return compareQuantities((volumes[at] as Volume).capacity, request) >= 0;',
			'return false;',
		],
		[
			'a reserved volume is tried elsewhere',
			'if (reserved) return reaches(reserved.affinity, labels) ? reserved : undefined;',
			'if (reserved && reaches(reserved.affinity, labels)) return reserved;',
		],
		['claim selectors do not matter', 'return this.claim.selector === undefined || matches', 'return true || matches'],
		['volumeMode does not matter', 'shelf.volumeMode !== volumeMode || shelf.attributesClass', 'shelf.attributesClass'],
		[
			'the attributes class does not matter',
			'shelf.volumeMode !== volumeMode || shelf.attributesClass !== attributesClass',
			'shelf.volumeMode !== volumeMode',
		],
		['one access mode is enough', 'return accessModes.every((mode)', 'return accessModes.some((mode)'],
		[
			'affinity of static volumes does not matter',
			'if (shelf.exact || reaches(shelf.affinity, labels)) best = first;',
			'best = first;',
		],
		[
			'many alike volumes: a taken one is given again',
			'for (const volume of found.fitting) if (!taken.has(volume)) return volume;',
			'for (const volume of found.fitting) return volume;',
		],
		[
			'alike claims: one volume serves all of them',
			'if (next++ >= shelf.sizes.length)',
			'if (next >= shelf.sizes.length)',
		],
	),
	...inFile(
		'storage/provisioning.ts',
		[
			'volumes without a provisioner are provisioned',
			'storageClass.provisioner === NO_PROVISIONER',
			'storageClass.provisioner === NO_PROVISIONER + 1',
		],
		['an empty provisioner provisions', "storageClass.provisioner === '' || ", ''],
		['allowedTopologies do not matter', 'if (allowedTopologies) {', 'if (allowedTopologies && !claim) {'],
		['capacity counts before maximumVolumeSize', 'maximumVolumeSize ?? capacity;', 'capacity ?? maximumVolumeSize;'],
		['more than the request must be free', 'limit < bytes', 'limit <= bytes'],
		['a driver that says nothing tells its capacity', '?.storageCapacity) return', '?.name) return'],
		[
			'a good source makes up for what the class allows',
			'if (source) steps.push(source);',
			'if (source) return [source];',
		],
		[
			'a claim without a source waits for one',
			'claim.source && sourceStep(claim, claim.source, ',
			"sourceStep(claim, claim.source ?? { apiGroup: '', kind: 'PersistentVolumeClaim', namespace: 'none', name: 'none' }, ",
		],
		['a claim with a source is never short of room', 'if (!claim.request ||', 'if (!claim.request || claim.source ||'],
	),
	...inFile('storage/sources.ts', [
		'what a populator fills is judged',
		'if (!isSnapshot && !isClaim) return undefined;',
		'',
	]),
	...inFile(
		'storage/quantity.ts',
		['whole units are rounded down', 'return nano > 0n ? quotient + 1n', 'return nano > 0n ? quotient'],
		['Mi is a million', 'Mi: 2n ** 20n', 'Mi: 1_000_000n'],
		['binary amounts are not capped', 'return nano > INT64_MAX * NANO ? INT64_MAX * NANO : nano;', 'return nano;'],
	),
	...inFile(
		'storage/zone-labels.ts',
		[
			'a node without zones is refused',
			'if (!KEYS.some((zoneKey) => Object.hasOwn(labels, zoneKey))) return true;',
			'',
		],
		['a label that cannot be parsed counts', "values.includes('') ? [] :", ''],
		['a beta label does not match the GA one', 'labels[key] ?? labels[GA_KEY_OF[key] as string]', 'labels[key]'],
		['zones are split on one underscore', "split('__')", "split('_')"],
	),
	...inFile(
		'storage/migration.ts',
		['zone labels are not added to the affinity', 'if (zones.length === 0) return selector;', 'return selector;'],
		['the beta region stays as it is', 'renameKey(zoned, BETA_REGION, REGION)', 'zoned'],
		[
			'beta keys come before GA keys',
			'if (inAffinity(ZONE)) return false;\n\tif (inAffinity(BETA_ZONE)) return true;',
			'if (inAffinity(BETA_ZONE)) return true;\n\tif (inAffinity(ZONE)) return false;',
		],
		['EBS volumes may be called anything', '/^vol-[^/]*$/', '/^[^/]*$/'],
		['GCE disks may span regions', 'regions.size === 1', 'regions.size > 0'],
		['Azure disks may be of any kind', "kind.toLowerCase() === 'managed'", 'kind.length >= 0'],
	),
	...inFile(
		'decision/judge.ts',
		['migration does not matter', 'if (!migration) return', 'if (migration || !migration) return'],
		['zones matter for ephemeral volumes', 'if (!volume || ephemeral) return [];', 'if (!volume) return [];'],
		[
			'a volume that is gone is no problem',
			"return [{ reason: reason('VOLUME_MISSING', details), nodes: candidates }];",
			"return [{ reason: reason('VOLUME_MISSING', details), nodes: new NodeSet() }];",
		],
		[
			'the affinity of bound volumes does not matter',
			'const refused = candidates.difference(nodes.select(affinity));',
			'const refused = new NodeSet();',
		],
	),
];
