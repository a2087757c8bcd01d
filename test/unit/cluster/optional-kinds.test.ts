import { expect, it, onTestFinished } from 'vitest';
import { connectKubernetes } from '../../../src/cluster/kubernetes.ts';
import { FakeApi } from '../cluster-api/fake-api.ts';
import { kubeconfigFile } from './kubeconfig-file.ts';

/** Answers as a cluster that has nothing but what `has` says; gives the paths that were asked for. */
function answer(api: FakeApi, has: (path: string) => boolean): Set<string> {
	const asked = new Set<string>();
	void (async () => {
		for (;;) {
			const exchange = await api.next();
			const { pathname } = exchange.url;
			asked.add(pathname);
			if (!has(pathname)) exchange.refuse(404, 'NotFound');
			else if (exchange.query.has('watch')) exchange.accept();
			else exchange.page([], { resourceVersion: '1' });
		}
	})();
	return asked;
}

it('a cluster without snapshots and grants is a whole cluster', async () => {
	const api = await FakeApi.start();
	const asked = answer(api, (path) => !path.includes('snapshot') && !path.includes('gateway'));
	const cluster = await connectKubernetes({
		kubeconfig: await kubeconfigFile(api.url),
		drivers: { 'local.example.com': { snapshots: 'source-volume' } },
	});
	onTestFinished(() => cluster.stop());
	await cluster.whenSynced;
	const { ready, watches } = cluster.readiness();
	expect(ready).toBe(true);
	expect(watches.filter(({ state }) => state === 'absent').map(({ kind }) => kind)).toEqual([
		'VolumeSnapshot',
		'VolumeSnapshotContent',
		'VolumeSnapshotClass',
		'ReferenceGrant',
	]);
	expect([...asked].filter((path) => /snapshot|gateway/.test(path)).sort()).toEqual([
		'/apis/gateway.networking.k8s.io/v1beta1/referencegrants',
		'/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses',
		'/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents',
		'/apis/snapshot.storage.k8s.io/v1/volumesnapshots',
	]);
	expect(cluster.state.hasSnapshots).toBe(false);
	expect(cluster.state.snapshotReach('local.example.com')).toBe('source-volume');
});
