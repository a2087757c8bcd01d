import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { judge } from '../../../src/domain/decision/judge.ts';
import { isReason, planBinding } from '../../../src/domain/decision/plan.ts';
import { NodeIndex } from '../../../src/domain/topology/node-index.ts';
import { NodeSet } from '../../../src/domain/topology/node-set.ts';
import { localScenario, type Scenario, scenario } from './arbitraries.ts';
import { cluster, type Manifest, project } from './builders.ts';
import { naivelyWorks } from './naive-judge.ts';
import { naiveBest } from './naive-volumes.ts';
import { feasible, reasons } from './verdicts.ts';

const build = ({ nodes, volumes, others }: Scenario) => cluster(...nodes, ...volumes, ...others);
const messages = (pod: Manifest<'Pod'>, state: ClusterState, candidates?: NodeSet) =>
	Object.entries(reasons(pod, state, candidates)).map(([name, why]) => [name, why?.message]);

describe('a judgement', () => {
	it.each([
		['of any cluster', scenario],
		['of one with local volumes', localScenario],
	])('%s passes the nodes that going through all of it passes', (_, clusters) => {
		fc.assert(
			fc.property(clusters, (given) => {
				const state = build(given);
				const expected = given.nodes
					.map(({ metadata }) => metadata.name)
					.filter((name) => naivelyWorks(project(given.pod), state, name));
				expect(feasible(given.pod, state)).toEqual(expected);
			}),
			{ numRuns: 500 },
		);
	});

	it('does not depend on the order in which anything came', () => {
		fc.assert(
			fc.property(scenario, (given) => {
				const reversed = cluster(
					...given.others.toReversed(),
					...given.volumes.toReversed(),
					...given.nodes.toReversed(),
				);
				expect(messages(given.pod, reversed)).toEqual(messages(given.pod, build(given)));
			}),
		);
	});

	it('of some nodes is that part of the judgement of all', () => {
		fc.assert(
			fc.property(scenario, fc.subarray([0, 1, 2, 3]), (given, ids) => {
				const state = build(given);
				const all = new Map(messages(given.pod, state) as [string, string | undefined][]);
				for (const [name, message] of messages(given.pod, state, NodeSet.of(ids))) {
					expect(message).toBe(all.get(name as string));
				}
			}),
		);
	});

	it('is the same the second time', () => {
		fc.assert(
			fc.property(scenario, (given) => {
				const state = build(given);
				expect(messages(given.pod, state)).toEqual(messages(given.pod, state));
			}),
		);
	});

	it('is the same of nodes that are sent along instead of known', () => {
		fc.assert(
			fc.property(scenario, (given) => {
				const known = build(given);
				const unknown = build({ ...given, nodes: [] });
				const sent = new NodeIndex();
				for (const one of given.nodes) sent.upsert(one.metadata.name, one.metadata.labels ?? {});
				const refusals = judge(project(given.pod), unknown, sent.all, sent);
				const refused = new Set(refusals.flatMap(({ nodes }) => [...nodes].map((id) => sent.nameOf(id))));
				expect(given.nodes.map(({ metadata }) => metadata.name).filter((name) => !refused.has(name))).toEqual(
					feasible(given.pod, known),
				);
			}),
		);
	});

	it('refuses candidates only, and each reason that is given refuses some', () => {
		fc.assert(
			fc.property(scenario, fc.subarray([0, 1, 2, 3]), (given, ids) => {
				const candidates = NodeSet.of(ids);
				for (const { nodes } of judge(project(given.pod), build(given), candidates)) {
					expect(nodes.isEmpty).toBe(false);
					expect([...nodes.difference(candidates)]).toEqual([]);
				}
			}),
		);
	});

	it('names no node that it refuses by a message of its own', () => {
		fc.assert(
			fc.property(scenario, (given) => {
				for (const { code, message } of Object.values(reasons(given.pod, build(given))).filter(
					(why) => why !== undefined,
				)) {
					// The requirement of a volume or class may name nodes: that is its text, not the node judged.
					if (code === 'VOLUME_NODE_AFFINITY') continue;
					expect(message).not.toMatch(/\bn[0-3]\b/);
				}
			}),
		);
	});
});

describe('a volume less', () => {
	it('never helps a pod with one delayed claim, except where the volume was reserved for it', () => {
		fc.assert(
			fc.property(scenario, fc.nat(6), (given, at) => {
				const removed = given.volumes[at];
				const single = {
					...given.pod,
					spec: { volumes: (given.pod.spec as { volumes: object[] }).volumes.slice(0, 1) },
				};
				fc.pre(removed !== undefined && (removed.spec as { claimRef?: object }).claimRef === undefined);
				const fewer = { ...given, volumes: given.volumes.filter((one) => one !== removed) };
				const before = new Set(feasible(single, build(given)));
				expect(feasible(single, build(fewer)).filter((name) => !before.has(name))).toEqual([]);
			}),
		);
	});
});

describe('a plan', () => {
	it('is made for every node that works, and for no other than filter would pass with each claim mounted once', () => {
		fc.assert(
			fc.property(scenario, (given) => {
				const state = build(given);
				const works = new Set(feasible(given.pod, state));
				for (const { metadata } of given.nodes) {
					const plan = planBinding(project(given.pod), state, metadata.name);
					if (works.has(metadata.name)) expect(isReason(plan)).toBe(false);
					if (isReason(plan)) expect(plan.message).toBeTruthy();
				}
			}),
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
				expect(again.bindings.map(({ volume }) => volume.name)).toEqual(plan.bindings.map(({ volume }) => volume.name));
				expect(again.provisions.map(({ claim }) => claim.name).sort()).toEqual(
					plan.provisions.map(({ claim }) => claim.name).sort(),
				);
			}),
		);
	});

	it('gives each claim, smallest first, the volume that looking at every volume finds', () => {
		fc.assert(
			fc.property(scenario, fc.nat(3), (given, at) => {
				const state = build(given);
				const id = state.nodes.idOf(given.nodes[at]?.metadata.name as string) as number;
				const plan = planBinding(project(given.pod), state, state.nodes.nameOf(id));
				if (isReason(plan)) return;
				const taken = new Set<string>();
				for (const { claim, volume } of plan.bindings) {
					expect(naiveBest(claim, state.all('PersistentVolume').values(), state.nodes.labelsOf(id), taken)?.name).toBe(
						volume.name,
					);
					taken.add(volume.name);
				}
			}),
		);
	});
});
