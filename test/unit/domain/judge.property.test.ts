import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterState } from '../../../src/cluster/state.ts';
import { judge } from '../../../src/domain/decision/judge.ts';
import { NodeIndex } from '../../../src/domain/topology/node-index.ts';
import { NodeSet } from '../../../src/domain/topology/node-set.ts';
import { build, localScenario, scenario, shuffled } from './arbitraries.ts';
import { configuredCluster, type Manifest, pod, project } from './builders.ts';
import { naivelyWorks } from './naive-judge.ts';
import { feasible, reasons } from './verdicts.ts';

const messages = (of: Manifest<'Pod'>, state: ClusterState, candidates?: NodeSet) =>
	Object.entries(reasons(of, state, candidates)).map(([name, why]) => [name, why?.message]);

/** Where a managing node's volumes are is read off the cluster's own nodes. */
function withoutManager({ metadata, ...rest }: Manifest): Manifest {
	const { labels: _, ...kept } = metadata;
	return { ...rest, metadata: rest.kind === 'VolumeSnapshotContent' ? kept : metadata };
}

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
			fc.property(shuffled(scenario), ([given, objects]) => {
				const other = configuredCluster(given.drivers, ...objects);
				expect(messages(given.pod, other)).toEqual(messages(given.pod, build(given)));
			}),
			{ numRuns: 300 },
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
				const first = messages(given.pod, state);
				// What is kept of one judgement must not show in the next, of whatever pod.
				messages(pod('other', 'c2', 'c0', 'c1'), state);
				expect(messages(given.pod, state)).toEqual(first);
			}),
		);
	});

	it('is the same of nodes that are sent along instead of known', () => {
		fc.assert(
			fc.property(scenario, (any) => {
				const given = { ...any, others: any.others.map(withoutManager) };
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
					// What a volume or a source requires may name nodes: that is its text, not the node judged.
					if (code === 'VOLUME_NODE_AFFINITY' || code === 'SOURCE_UNREACHABLE') continue;
					expect(message).not.toMatch(/\bn[0-3]\b/);
				}
			}),
		);
	});
});
