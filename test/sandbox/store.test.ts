import { describe, expect, it } from 'vitest';
import { ObjectStore, type StoreEvent } from '../../src/sandbox/store.ts';

const node = (name: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });

function watched() {
	const store = new ObjectStore();
	const events: StoreEvent[] = [];
	store.watch((event) => events.push(event));
	const told = () =>
		events.map(({ key, previous, current }) => [
			key,
			previous?.metadata.resourceVersion,
			current?.metadata.resourceVersion,
		]);
	return { store, told };
}

describe('ObjectStore', () => {
	it('gives each write the next version and tells watchers in order, after the write', async () => {
		const { store, told } = watched();
		const created = store.create('Node', node('a'));
		store.update('Node', { ...created, metadata: { ...created.metadata, labels: { rack: 'r1' } } });
		store.create('Node', node('b'));
		store.delete('Node', 'a');
		expect(told()).toEqual([]);
		await store.quiet();
		expect(told()).toEqual([
			['a', undefined, '1'],
			['a', '1', '2'],
			['b', undefined, '3'],
			['a', '2', undefined],
		]);
	});

	it('refuses an update made from an older version', () => {
		const { store } = watched();
		const created = store.create('Node', node('a'));
		store.update('Node', created);
		expect(() => store.update('Node', created)).toThrow(expect.objectContaining({ failure: 'conflict' }));
	});

	it('refuses an update of another object of the same name', () => {
		const { store } = watched();
		const created = store.create('Node', node('a'));
		store.delete('Node', 'a');
		store.create('Node', node('a'));
		expect(() => store.update('Node', created)).toThrow(expect.objectContaining({ failure: 'conflict' }));
	});

	it('refuses to touch what is gone and to create what is there', () => {
		const { store } = watched();
		const created = store.create('Node', node('a'));
		expect(() => store.create('Node', node('a'))).toThrow(expect.objectContaining({ failure: 'conflict' }));
		store.delete('Node', 'a');
		expect(() => store.update('Node', created)).toThrow(expect.objectContaining({ failure: 'gone' }));
		expect(() => store.delete('Node', 'a')).toThrow(expect.objectContaining({ failure: 'gone' }));
	});

	it('is quiet only when what watchers wrote has been told too', async () => {
		const { store, told } = watched();
		store.watch(({ key }) => {
			if (key.length < 4) store.create('Node', node(`${key}x`));
		});
		store.create('Node', node('a'));
		await store.quiet();
		expect(told().map(([key]) => key)).toEqual(['a', 'ax', 'axx', 'axxx']);
	});

	it('tells nothing after it was closed, or to a watch that has ended', async () => {
		const { store, told } = watched();
		const others: StoreEvent[] = [];
		store.watch((event) => others.push(event))();
		store.create('Node', node('a'));
		store.close();
		await store.quiet();
		expect([...told(), ...others]).toEqual([]);
	});
});
