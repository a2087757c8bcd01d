/** What the tests of the binder share: a binder on a fake cluster, and that it leaves nothing behind. */

import { expect, onTestFinished, vi } from 'vitest';
import { Binder, type BinderOptions } from '../../../src/binder/binder.ts';
import type { BindError } from '../../../src/binder/outcome.ts';
import type { ClusterState } from '../../../src/cluster/state.ts';
import type { Manifest } from '../domain/builders.ts';
import { FakeCluster, GROUND } from './fake-cluster.ts';

export interface Ground {
	readonly cluster: FakeCluster;
	readonly binder: Binder;
}

/** After every test: no bind runs, none listens any more, and nothing is assumed once the watch has caught up. */
export function ground(manifests: readonly Manifest[], options: Partial<BinderOptions> = {}): Ground {
	const cluster = new FakeCluster([...GROUND, ...manifests]);
	const listening = countListeners(cluster.state);
	const binder = new Binder(cluster.state, cluster, { timeoutMs: 10_000, ...options });
	onTestFinished(() => {
		cluster.releaseWatch();
		expect(binder.running).toBe(0);
		expect(listening()).toBe(0);
		expect(cluster.state.assumed).toBe(0);
	});
	return { cluster, binder };
}

function countListeners(state: ClusterState): () => number {
	let count = 0;
	const subscribe = state.subscribe.bind(state);
	vi.spyOn(state, 'subscribe').mockImplementation((listener) => {
		const unsubscribe = subscribe(listener);
		count++;
		return () => {
			count--;
			return unsubscribe();
		};
	});
	return () => count;
}

/** The BindError that a bind ends with. */
export async function errorOf(bind: Promise<void>): Promise<BindError> {
	return bind.then(
		() => expect.fail('the bind succeeded'),
		(error) => error,
	);
}

/** Lets everything run that is ready to. */
export function turn(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

/** Until the condition holds, a turn at a time; bounded. */
export async function until(condition: () => boolean): Promise<void> {
	const deadline = performance.now() + 5_000;
	while (performance.now() < deadline) {
		if (condition()) return;
		await turn();
	}
	expect.fail(`never became true: ${condition}`);
}
