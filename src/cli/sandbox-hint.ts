import type { Cluster } from '../cluster/cluster.ts';

/** What a person can paste after `npm start`: calls as kube-scheduler would make them, on the example manifests. */
export function sandboxHint(cluster: Cluster, extender: string, admin: string): string {
	const metadata = {
		namespace: 'default',
		name: 'local-pod',
		uid: cluster.state.pod('default', 'local-pod')?.uid ?? '',
	};
	const spec = { volumes: [{ name: 'share', persistentVolumeClaim: { claimName: 'local-pvc' } }] };
	const names = [...cluster.state.all('Node').keys()];
	const call = (verb: string, body: object) =>
		`curl -s ${extender}/${verb} -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
	return `
This is a sandbox: the manifests of manifests/examples, in memory. No cluster is touched. Try, from another terminal:

  # Which nodes can the storage of local-pod work on?
  ${call('filter', { Pod: { metadata, spec }, NodeNames: names })}

  # How well?
  ${call('prioritize', { Pod: { metadata, spec }, NodeNames: names })}

  # Bind its claim to the volume there, then the pod; an empty Error means that it is done
  ${call('bind', { PodNamespace: 'default', PodName: 'local-pod', PodUID: metadata.uid, Node: 'node1' })}

  # What was decided lately; where the topology lies; what is measured
  curl -s ${admin}/api/v1/decisions
  curl -s ${admin}/api/v1/topology
  curl -s ${admin}/metrics

Ctrl-C ends it. topobind serve --help tells how to serve a cluster.

`;
}
