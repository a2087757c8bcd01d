/** The example manifests: one coherent cluster, on which every scene works. */

import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { judge } from '../../src/domain/decision/judge.ts';
import { startSandbox } from '../../src/sandbox/cluster.ts';
import { recordingLogger, TestSandbox } from './support.ts';

const EXAMPLES = fileURLToPath(new URL('../../manifests/examples', import.meta.url));

async function examples(): Promise<TestSandbox> {
	const sandbox = await startSandbox({ paths: [EXAMPLES] });
	onTestFinished(() => sandbox.stop());
	return new TestSandbox(sandbox);
}

/** The nodes on which the pod's storage can work. */
function nodesFor(scene: TestSandbox, podName: string): string[] {
	const { state } = scene.sandbox;
	const refusals = judge(scene.pod(podName), state, state.nodes.all);
	const names = [...state.all('Node').keys()].sort();
	return names.filter((name) => !refusals.some(({ nodes }) => nodes.has(state.nodes.idOf(name) ?? -1)));
}

describe('the examples', () => {
	it('load without a warning, and every kind of theirs is used', async () => {
		const logger = recordingLogger();
		const { summary, stop } = await startSandbox({ paths: [EXAMPLES], logger });
		await stop();
		expect(logger.warnings).toEqual([]);
		expect(summary.unused).toEqual({});
		expect(summary.files.length).toBeGreaterThanOrEqual(5);
	});

	it.each([
		['local-pod', ['node1']],
		['disk-pod', ['node3', 'node4']],
		['region-zone-pod', ['node1', 'node2']],
		['old-labels-pod', ['node3', 'node4']],
		['one-host-pod', ['node2']],
		['one-rack-pod', ['node1', 'node3']],
	])('let %s run on %j', async (podName, nodes) => {
		expect(nodesFor(await examples(), podName)).toEqual(nodes);
	});

	it.each([
		['disk-pvc', 'node3', 'topology.diskplugin.csi.alibabacloud.com/zone in (cn-hangzhou-d)'],
		[
			'region-zone-pvc',
			'node1',
			'topology.kubernetes.io/region in (cn-hangzhou) and topology.kubernetes.io/zone in (cn-hangzhou-b)',
		],
		[
			'old-labels-pvc',
			'node3',
			'failure-domain.beta.kubernetes.io/region in (cn-hangzhou) and failure-domain.beta.kubernetes.io/zone in (cn-hangzhou-d)',
		],
		['one-host-pvc', 'node2', 'kubernetes.io/hostname in (node2)'],
		['one-rack-pod-data', 'node3', 'rack in (rack1)'],
	])('%s, provisioned for %s, needs %s', async (claimName, node, requirement) => {
		const scene = await examples();
		await scene.select(claimName, node);
		expect(scene.claim(claimName).phase).toBe('Bound');
		expect(scene.volumeOf(claimName).affinity?.text).toBe(requirement);
	});

	it('bind local-pvc to local-pv', async () => {
		const scene = await examples();
		await scene.claimVolume('local-pv', 'local-pvc');
		expect(scene.claim('local-pvc')).toMatchObject({ phase: 'Bound', volumeName: 'local-pv' });
	});

	it('let restore-pod run when disk-pod has been bound', async () => {
		const scene = await examples();
		await scene.select('disk-pvc', 'node4');
		expect(nodesFor(scene, 'restore-pod')).toEqual(['node3', 'node4']);
		await scene.select('restore-pvc', 'node3');
		expect(scene.claim('restore-pvc').phase).toBe('Bound');
	});
});
