/** Pods and the claims they mount, each claim with what it is bound to. */

import type { Manifest } from '../manifest.ts';
import { boundClaim, type ClaimOptions, claimUid, delayedClaim, hopelessClaim } from './claims.ts';
import type { Classes } from './classes.ts';
import type { Random } from './random.ts';
import type { Style } from './style.ts';
import { anyPhase, volume } from './volumes.ts';
import { MISSING, NAMESPACES } from './words.ts';

export interface Workloads {
	readonly pods: readonly Manifest[];
	readonly claims: readonly Manifest[];
	/** The volumes of bound claims. */
	readonly volumes: readonly Manifest[];
}

export function workloads(random: Random, style: Style, classes: Classes, count: number): Workloads {
	const maker = new WorkloadMaker(random, style, classes);
	for (let i = 0; i < count; i++) maker.addPod(`pod-${i}`);
	return maker;
}

/**
 * One claim that stops the pod hides all others, so only the claims of an `odd` pod may. Those of `rivals` all want
 * the same volumes, and which of them each gets decides what is left for the next.
 */
type Mood = 'fair' | 'rivals' | 'odd';

class WorkloadMaker implements Workloads {
	readonly pods: Manifest[] = [];
	readonly claims: Manifest[] = [];
	readonly volumes: Manifest[] = [];
	readonly #random: Random;
	readonly #style: Style;
	readonly #classes: Classes;

	constructor(random: Random, style: Style, classes: Classes) {
		this.#random = random;
		this.#style = style;
		this.#classes = classes;
	}

	addPod(name: string): void {
		const random = this.#random;
		const namespace = random.pick(NAMESPACES);
		const mood = random.weighted<Mood>({ fair: 5, rivals: 3, odd: 2 });
		const volumes: object[] = [];
		for (let i = random.pick(mood === 'rivals' ? [2, 3, 4, 4, 9] : [0, 1, 1, 1, 2, 2, 3]); i > 0; i--) {
			const volumeName = `v${volumes.length}`;
			volumes.push({ name: volumeName, ...this.#mount(namespace, name, volumeName, mood, volumes) });
		}
		this.pods.push({
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: { namespace, name, uid: `uid-${namespace}-${name}` },
			spec: { containers: [{ name: 'main', image: 'none' }], ...(random.chance(0.99) && { volumes }) },
		});
	}

	#mount(namespace: string, pod: string, volumeName: string, mood: Mood, earlier: readonly object[]): object {
		const random = this.#random;
		const known = this.claims.filter(({ metadata }) => metadata.namespace === namespace);
		const mounted = (claimName: string) => ({ persistentVolumeClaim: { claimName } });
		switch (random.weighted({ own: 14, ephemeral: 3, shared: 2, again: 1, none: 1, missing: mood === 'odd' ? 2 : 0 })) {
			case 'shared':
				if (known.length > 0) return mounted(random.pick(known).metadata.name);
				break;
			case 'again': {
				const twice = earlier.find((volume) => 'persistentVolumeClaim' in volume);
				if (twice) return { persistentVolumeClaim: (twice as { persistentVolumeClaim: object }).persistentVolumeClaim };
				const owned = earlier.find((volume): volume is { name: string } => 'ephemeral' in volume);
				if (owned) return mounted(`${pod}-${owned.name}`);
				break;
			}
			case 'ephemeral':
				return this.#ephemeral(namespace, pod, volumeName, mood);
			case 'none':
				return random.pick([{ emptyDir: {} }, { hostPath: { path: '/tmp' } }]);
			case 'missing':
				return mounted(MISSING);
			default:
		}
		const name = `${pod}-claim-${volumeName}`;
		this.#addClaim({ namespace, name }, mood);
		return mounted(name);
	}

	#ephemeral(namespace: string, pod: string, volumeName: string, mood: Mood): object {
		const random = this.#random;
		const owner = (name: string, controller?: boolean) => ({
			apiVersion: 'v1',
			kind: 'Pod',
			name,
			uid: `uid-${namespace}-${name}`,
			...(controller === undefined ? {} : { controller }),
		});
		const right = random.pick([[owner(pod, true)], [owner('another', false), owner(pod, true)]]);
		const wrong = random.pick([
			undefined,
			[],
			[owner(pod)],
			[owner(pod, false)],
			[owner('another', true)],
			[owner('another', true), owner(pod, true)],
		]);
		const ownerReferences = mood === 'odd' && random.chance(0.3) ? wrong : right;
		if (mood !== 'odd' || random.chance(0.9)) {
			this.#addClaim({ namespace, name: `${pod}-${volumeName}`, ...(ownerReferences && { ownerReferences }) }, mood);
		}
		return { ephemeral: { volumeClaimTemplate: { spec: {} } } };
	}

	#addClaim(options: ClaimOptions, mood: Mood): void {
		const random = this.#random;
		const kind =
			mood === 'rivals' ? 'rival' : random.weighted({ delayed: 6, bound: 4, hopeless: mood === 'odd' ? 6 : 0 });
		if (kind === 'delayed' || kind === 'rival') {
			const names = kind === 'rival' ? ['local'] : this.#classes.delayed;
			this.claims.push(delayedClaim(random, this.#style, names, options));
			return;
		}
		const volumeName = this.#volumeFor(options);
		this.claims.push(
			kind === 'bound'
				? boundClaim(random, this.#style, options, volumeName)
				: hopelessClaim(random, this.#style, this.#classes, options, volumeName),
		);
	}

	/** Mostly a volume of the claim's own; that it belongs to another, or is in a bad way, is not for the scheduler to see. */
	#volumeFor({ namespace, name, ownerReferences }: ClaimOptions): string {
		const random = this.#random;
		// Of ephemeral claims only VolumeBinding finds it, node by node.
		if (random.chance(ownerReferences ? 0.15 : 0.03)) return MISSING;
		if (this.volumes.length > 0 && random.chance(0.05)) return random.pick(this.volumes).metadata.name;
		const volumeName = `pv-bound-${this.volumes.length}`;
		const own = { namespace, name, uid: claimUid(namespace, name) };
		const other = { namespace, name: 'other', uid: 'uid-other' };
		this.volumes.push(
			volume(random, this.#style, {
				name: volumeName,
				className: random.pick(['local', 'told', '']),
				bound: true,
				phase: random.chance(0.9) ? 'Bound' : anyPhase(random),
				...(random.chance(0.95) && { claimRef: random.chance(0.95) ? own : other }),
			}),
		);
		return volumeName;
	}
}
