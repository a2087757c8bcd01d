import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReason, planBinding } from '../../../src/domain/decision/plan.ts';
import { build, localScenario, scenario, shuffled } from './arbitraries.ts';
import { configuredCluster, type Manifest, pod, project } from './builders.ts';
import { naiveBest } from './naive-volumes.ts';
import { feasible, reasons } from './verdicts.ts';

interface Mount {
	readonly persistentVolumeClaim: { readonly claimName: string };
}

function mountsOf({ spec }: Manifest<'Pod'>): string[] {
	return (spec as { volumes: Mount[] }).volumes.map(({ persistentVolumeClaim }) => persistentVolumeClaim.claimName);
}

function mountedOnce(of: Manifest<'Pod'>): Manifest<'Pod'> {
	return pod(of.metadata.name, ...new Set(mountsOf(of)));
}

describe('a plan', () => {
	it('is made for the nodes that filter passes with each claim mounted once, and refused for its reason on the others', () => {
		fc.assert(
			fc.property(scenario, (given) => {
				const state = build(given);
				for (const [name, refusal] of Object.entries(reasons(mountedOnce(given.pod), state))) {
					const plan = planBinding(project(given.pod), state, name);
					expect(isReason(plan) ? plan.message : undefined).toBe(refusal?.message);
				}
			}),
			{ numRuns: 300 },
		);
	});

	it('is made for every node that filter passes, however often claims are mounted', () => {
		fc.assert(
			fc.property(scenario, (given) => {
				const state = build(given);
				for (const name of feasible(given.pod, state)) {
					expect(planBinding(project(given.pod), state, name)).not.toHaveProperty('code');
				}
			}),
			{ numRuns: 300 },
		);
	});

	it('still stands once it is assumed, and is then all written', () => {
		fc.assert(
			fc.property(scenario, fc.nat(3), (given, at) => {
				const state = build(given);
				const name = given.nodes[at]?.metadata.name as string;
				const plan = planBinding(project(given.pod), state, name);
				if (isReason(plan)) return;
				for (const { claim, volume } of plan.bindings) {
					state.assumeVolume(
						{ ...volume, claimRef: { namespace: claim.namespace, name: claim.name, uid: claim.uid } },
						volume,
					);
				}
				for (const { claim, written } of plan.provisions)
					if (!written) state.assumeClaim({ ...claim, selectedNode: name }, claim);
				const again = planBinding(project(given.pod), state, name);
				if (isReason(again)) throw new Error(again.message);
				expect([...again.bindings, ...again.provisions].every(({ written }) => written)).toBe(true);
				// As filter has it, and no claim may go elsewhere any more.
				const works = feasible(mountedOnce(given.pod), state);
				if (plan.provisions.length > 0) expect(works).toEqual([name]);
				else expect(works).toContain(name);
				expect(again.bindings.map(({ volume }) => volume.name)).toEqual(plan.bindings.map(({ volume }) => volume.name));
				expect(again.provisions.map(({ claim }) => claim.name).sort()).toEqual(
					plan.provisions.map(({ claim }) => claim.name).sort(),
				);
			}),
			{ numRuns: 500 },
		);
	});

	it('gives each claim, smallest first, the volume that looking at every volume finds, and provisions the rest', () => {
		fc.assert(
			fc.property(scenario, fc.nat(3), (given, at) => {
				const state = build(given);
				const name = given.nodes[at]?.metadata.name as string;
				const labels = state.nodes.labelsOf(state.nodes.idOf(name) as number);
				const plan = planBinding(project(given.pod), state, name);
				if (isReason(plan)) return;
				const taken = new Set<string>();
				for (const { claim, volume } of plan.bindings) {
					expect(naiveBest(claim, state.all('PersistentVolume').values(), labels, taken)?.name).toBe(volume.name);
					taken.add(volume.name);
				}
				const served = plan.bindings.map(({ claim }) => claim);
				const unbound = plan.claims.filter((claim) => claim.volumeName === '' && !served.includes(claim));
				expect(namesOf(plan.provisions.map(({ claim }) => claim))).toEqual(namesOf(unbound));
				expect(namesOf(plan.claims)).toEqual(namesOf(mountsOf(given.pod).map((name) => ({ name }))));
			}),
			{ numRuns: 500 },
		);
	});

	it('does not depend on the order in which anything came', () => {
		fc.assert(
			fc.property(fc.oneof(shuffled(scenario), shuffled(localScenario)), ([given, objects]) => {
				const [state, other] = [build(given), configuredCluster(given.drivers, ...objects)];
				for (const { metadata } of given.nodes) {
					const plans = [state, other].map((each) => planBinding(project(given.pod), each, metadata.name));
					expect(plans[1]).toEqual(plans[0]);
				}
			}),
			{ numRuns: 500 },
		);
	});
});

function namesOf(objects: readonly { readonly name: string }[]): string[] {
	return [...new Set(objects.map(({ name }) => name))].sort();
}
