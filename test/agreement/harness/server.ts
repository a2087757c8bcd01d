// topobind's extender over a cluster that a test hands in:
//
//   node test/agreement/harness/server.ts
//
// Writes its address to stdout, and ends when its stdin does. POST /cluster replaces the cluster by a List of
// manifests; everything else is what kube-scheduler would talk to.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Binder } from '../../../src/binder/binder.ts';
import type { Cluster } from '../../../src/cluster/cluster.ts';
import type { Kind, KindTypes } from '../../../src/cluster/kinds.ts';
import { projections } from '../../../src/cluster/projections.ts';
import { ClusterState, type DriverSettings } from '../../../src/cluster/state.ts';
import { ClusterScheduling } from '../../../src/server/cluster-scheduling.ts';
import { buildExtender } from '../../../src/server/extender.ts';
import type { Scheduling } from '../../../src/server/scheduling.ts';

// What an operator may have set for the drivers of ../generate/words.ts; of the others nothing is configured.
const DRIVERS: DriverSettings = {
	'silent.csi.example.com': { snapshots: 'source-volume' },
	'undecided.csi.example.com': { snapshots: 'managed-by-node' },
};

// Mode delegate, in which a fault of ours is an answer of its own and never passes for a verdict.
let scheduling = schedulingOf([]);
const current: Scheduling = {
	hasClaims: async () => true,
	knowledge: () => 'current',
	filter: (pod, candidates) => scheduling.filter(pod, candidates),
	prioritize: (pod, candidates) => scheduling.prioritize(pod, candidates),
	bind: (request) => scheduling.bind(request),
};
const app = buildExtender({ scheduling: current, mode: 'delegate', bodyLimitBytes: 64 * 1024 * 1024 });
app.post<{ Body: { items: readonly { kind: Kind }[] } }>('/cluster', async (request) => {
	// From nothing each time: a verdict depends on the cluster, not on those before it.
	scheduling = schedulingOf(request.body.items);
	return {};
});
await app.listen({ host: '127.0.0.1', port: 0 });
console.log(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
process.stdin.resume();
await once(process.stdin, 'end');
app.server.closeAllConnections();
await app.close();

function schedulingOf(items: readonly { kind: Kind }[]): Scheduling {
	const state = new ClusterState(DRIVERS);
	for (const item of items) state.upsert(item.kind, project(item));
	// All that filter reads of a cluster; nothing is bound here.
	const cluster = { state, synced: true } as Cluster;
	return new ClusterScheduling(cluster, undefined as unknown as Binder, { staticBonus: 0, fit: 0, capacity: 0 });
}

function project(item: { kind: Kind }): KindTypes[Kind] {
	return projections[item.kind](item as never);
}
