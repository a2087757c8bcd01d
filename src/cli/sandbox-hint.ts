import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { Pod } from '../domain/model.ts';
import { explainPod } from '../explain/explanation.ts';

/** A line of 5,000 names is no line to paste. */
const MOST_NAMES = 20;
/** Each costs a judgement of every node. */
const MOST_PODS = 20;

export interface HintUrls {
	readonly extender: string;
	readonly admin: string;
}

/** What a person can paste once a sandbox listens: calls as kube-scheduler would make them, for a pod that waits in it. */
export function sandboxHint({ state }: Cluster, { extender, admin }: HintUrls, manifests: string): string {
	const pod = podToTry(state);
	return `
This is a sandbox: the manifests of ${manifests}, in memory. No cluster is touched. Try, from another terminal:

${pod ? callsFor(pod, state, { extender, admin }) : '  # None of its pods has claims and waits for a node, so there is none to place\n'}
  # What was decided lately; where the topology lies; what is measured
  curl -s ${admin}/api/v1/decisions
  curl -s ${admin}/api/v1/topology
  curl -s ${admin}/metrics

Ctrl-C ends it. topobind serve --help tells how to serve a cluster.

`;
}

/** The first scene of the examples, else a pod that can be placed, else one that cannot. */
function podToTry(state: ClusterState): Pod | undefined {
	const waiting = [...state.all('Pod').values()].filter(
		({ nodeName, claimVolumes }) => nodeName === '' && claimVolumes.length > 0,
	);
	const placeable = () => waiting.slice(0, MOST_PODS).find((pod) => explainPod(pod, state).nodes.feasible > 0);
	return waiting.find(({ name }) => name === 'local-pod') ?? placeable() ?? waiting[0];
}

function callsFor(pod: Pod, state: ClusterState, { extender, admin }: HintUrls): string {
	const { namespace, name, uid } = pod;
	const volumes = pod.claimVolumes.map(({ volumeName, claimName, ephemeral }) =>
		ephemeral
			? { name: volumeName, ephemeral: { volumeClaimTemplate: { spec: {} } } }
			: { name: volumeName, persistentVolumeClaim: { claimName } },
	);
	const good = explainPod(pod, state).nodes.examples;
	const all = [...state.all('Node').keys()];
	const names = all.length > MOST_NAMES ? [...new Set([...good, ...all])].slice(0, MOST_NAMES) : all;
	const judged = { Pod: { metadata: { namespace, name, uid }, spec: { volumes } }, NodeNames: names };
	const call = (verb: string, body: object) =>
		`curl -s ${extender}/${verb} -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
	const bind = { PodNamespace: namespace, PodName: name, PodUID: uid, Node: good[0] };
	return `  # Which nodes can the storage of ${name} work on?
  ${call('filter', judged)}

  # How well?
  ${call('prioritize', judged)}

  # Why, claim by claim?
  curl -s ${admin}/api/v1/explain/pods/${namespace}/${name}
${
	bind.Node === undefined
		? ''
		: `
  # Bind its claims, then the pod; an empty Error means that it is done
  ${call('bind', bind)}
`
}`;
}
