/** Claims: what a pod's volume may find under its claim's name. */

import type { Manifest } from '../manifest.ts';
import type { Classes } from './classes.ts';
import type { Random } from './random.ts';
import { volumeSelector } from './selectors.ts';
import { type Style, size } from './style.ts';
import {
	ACCESS_MODES,
	ATTRIBUTES_CLASSES,
	BETA_CLASS,
	BIND_COMPLETED,
	HOSTNAME,
	MISSING,
	SELECTED_NODE,
} from './words.ts';

export interface ClaimOptions {
	readonly namespace: string;
	readonly name: string;
	readonly ownerReferences?: readonly object[];
}

/** Unbound, of a class that waits: its pod is judged by volumes and provisioning. */
export function delayedClaim(
	random: Random,
	style: Style,
	classNames: readonly string[],
	options: ClaimOptions,
): Manifest {
	const annotations = random.maybe(0.1, SELECTED_NODE, () => selectedNode(random, style));
	const className = random.pick(classNames);
	return claim(random, style, options, {
		className,
		annotations: random.chance(style.oddness / 5) ? { ...annotations, [BIND_COMPLETED]: 'yes' } : annotations,
		phase: 'Pending',
		spec: random.maybe(0.25, 'selector', () => volumeSelector(random, style.oddness)),
	});
}

/** Bound to a volume of this name, whether or not there is one. */
export function boundClaim(random: Random, style: Style, options: ClaimOptions, volumeName: string): Manifest {
	return claim(random, style, options, {
		className: random.pick(['local', 'told', 'at-once', '', MISSING]),
		annotations: { [BIND_COMPLETED]: random.pick(['yes', 'yes', '']) },
		// The phase is not what decides.
		phase: random.chance(0.9) ? 'Bound' : 'Pending',
		spec: { volumeName },
	});
}

/** For which no node will do, in one of many ways. */
export function hopelessClaim(
	random: Random,
	style: Style,
	classes: Classes,
	options: ClaimOptions,
	volumeName: string,
): Manifest {
	const delayed = random.pick(classes.delayed);
	const make = (className: string, more: Partial<ClaimParts> = {}) =>
		claim(random, style, options, { className, annotations: {}, phase: 'Pending', spec: {}, ...more });
	return random.pick<() => Manifest>([
		() => make('at-once'),
		() => make(''),
		() => withoutClass(make('')),
		() => make(MISSING),
		() => make('no-mode'),
		() => make(delayed, { phase: 'Lost' }),
		() => make(delayed, { phase: 'Lost', spec: { volumeName } }),
		() => make(delayed, { spec: { volumeName } }),
		() => make(MISSING, { spec: { volumeName } }),
		() => make('no-mode', { spec: { volumeName } }),
		() => make('at-once', { annotations: { [BIND_COMPLETED]: 'yes' } }),
		() => make(delayed, { spec: { volumeName: MISSING } }),
		() => deleting(make(delayed, { phase: 'Lost', spec: { volumeName } })),
		() => deleting(make(delayed)),
		() => deleting(boundClaim(random, style, options, volumeName)),
		() => make(delayed, { spec: { selector: { matchExpressions: [{ key: 'tier', operator: 'Gt', values: ['1'] }] } } }),
		() => boundClaim(random, style, options, MISSING),
	])();
}

interface ClaimParts {
	readonly className: string;
	readonly annotations: Readonly<Record<string, string>>;
	readonly phase: string;
	readonly spec: object;
}

function claim(random: Random, style: Style, options: ClaimOptions, parts: ClaimParts): Manifest {
	const { namespace, name, ownerReferences } = options;
	const beta = random.chance(style.oddness / 2);
	const annotations = { ...parts.annotations, ...(beta && { [BETA_CLASS]: parts.className }) };
	return {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		metadata: {
			namespace,
			name,
			uid: claimUid(namespace, name),
			...(Object.keys(annotations).length > 0 && { annotations }),
			...(ownerReferences && { ownerReferences }),
		},
		spec: {
			...random.maybe(0.98, 'accessModes', () => accessModes(random)),
			...random.maybe(0.97, 'resources', () => ({
				requests: random.maybe(0.98, 'storage', () => size(random, style, parts.className !== 'local')),
			})),
			storageClassName: beta ? 'local-2' : parts.className,
			...random.maybe(0.25, 'volumeMode', () => random.pick(['Filesystem', 'Filesystem', 'Block'])),
			...random.maybe(0.08, 'volumeAttributesClassName', () => random.pick([...ATTRIBUTES_CLASSES, ''])),
			...parts.spec,
		},
		status: random.chance(0.05) && parts.phase === 'Pending' ? {} : { phase: parts.phase },
	};
}

export function claimUid(namespace: string, name: string): string {
	return `uid-${namespace}-${name}`;
}

function accessModes(random: Random): string[] {
	return random.chance(0.85) ? ['ReadWriteOnce'] : random.some(ACCESS_MODES, 0.4);
}

function selectedNode(random: Random, style: Style): string {
	return random.pick([...(style.words[HOSTNAME] ?? []), MISSING, '']);
}

function withoutClass(claim: Manifest): Manifest {
	const { storageClassName: _, ...spec } = claim.spec as { storageClassName: string };
	return { ...claim, spec };
}

function deleting(claim: Manifest): Manifest {
	return { ...claim, metadata: { ...claim.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
}
