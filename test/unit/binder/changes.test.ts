/** Waiting for changes loses none that come between two looks, and is not woken twice by one. */

import { expect, onTestFinished, test } from 'vitest';
import { Changes } from '../../../src/binder/changes.ts';
import { node, volume } from '../domain/builders.ts';
import { FakeCluster } from './fake-cluster.ts';

const { signal } = new AbortController();

/** A volume, and what waits for changes of volumes. */
function waiting(): { readonly cluster: FakeCluster; readonly changes: Changes } {
	const cluster = new FakeCluster([node('n1'), volume('pv', { on: 'n1' })]);
	const changes = new Changes(cluster.state, ({ kind }) => kind === 'PersistentVolume');
	onTestFinished(() => changes.close());
	return { cluster, changes };
}

/** Whether it settles without anything else happening. */
async function settles(wait: Promise<void>): Promise<boolean> {
	const pending = new Promise<false>((resolve) => setImmediate(resolve, false));
	return Promise.race([wait.then(() => true as const), pending]);
}

const METHODS = ['next', 'nextShown'] as const;

test.each(METHODS)('%s: what came since the last look counts', async (method) => {
	const { cluster, changes } = waiting();
	cluster.change('PersistentVolume', 'pv', { phase: 'Bound' });
	expect(await settles(changes[method](signal))).toBe(true);
});

test.each(METHODS)('%s: also what came in the turn in which the last wait ended', async (method) => {
	const { cluster, changes } = waiting();
	const first = changes[method](signal);
	cluster.change('PersistentVolume', 'pv', { phase: 'Bound' });
	await first;
	cluster.change('PersistentVolume', 'pv', { phase: 'Released' });
	expect(await settles(changes[method](signal))).toBe(true);
});

test.each(METHODS)('%s: what it has told already, and what does not matter, does not', async (method) => {
	const { cluster, changes } = waiting();
	cluster.change('PersistentVolume', 'pv', { phase: 'Bound' });
	await changes[method](signal);
	cluster.put(node('n2'));
	expect(await settles(changes[method](signal))).toBe(false);
});

test('an assumption that is taken back counts for next, and not for nextShown', async () => {
	const { cluster, changes } = waiting();
	const base = cluster.state.volume('pv');
	if (!base) throw new Error('there is no volume');
	const assumed = { ...base, claimRef: { namespace: 'ns', name: 'data', uid: 'uid-data' } };
	cluster.state.assumeVolume(assumed, base);
	cluster.state.revertVolume(assumed);
	expect(await settles(changes.next(signal))).toBe(true);
	expect(await settles(changes.nextShown(signal))).toBe(false);
});
