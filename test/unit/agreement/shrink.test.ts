import { afterEach, describe, expect, it, vi } from 'vitest';
import { shrink } from '../../agreement/compare/shrink.ts';
import { keyOf, type Manifest } from '../../agreement/manifest.ts';

const object = (kind: string, name: string, more: object = {}): Manifest => ({
	apiVersion: 'v1',
	kind,
	metadata: { name },
	...more,
});
const inShop = (kind: string, name: string, more: object = {}): Manifest =>
	object(kind, name, { metadata: { namespace: 'shop', name, uid: `uid-${name}`, labels: { app: name } }, ...more });

const nodes = Array.from({ length: 15 }, (_, i) => object('Node', `n${i}`));
const volumes = Array.from({ length: 15 }, (_, i) => object('PersistentVolume', `pv${i}`));
const web = inShop('Pod', 'web');

const names = (manifests: readonly Manifest[]) => manifests.map((one) => `${one.kind} ${keyOf(one)}`).sort();
const has = (manifests: readonly Manifest[], ...wanted: string[]) =>
	wanted.every((name) => names(manifests).includes(name));

afterEach(() => vi.restoreAllMocks());

describe('a cluster is made smaller', () => {
	it.each([
		['Node n0', 'PersistentVolume pv14'],
		['Node n7', 'Node n8'],
		['Node n14', 'PersistentVolume pv0'],
	])('to the pod and %s and %s, of 30 objects', async (...needed) => {
		const small = await shrink([...nodes, web, ...volumes], 'shop/web', async (some) => has(some, ...needed));
		expect(names(small)).toEqual([...needed, 'Pod shop/web'].sort());
	});

	it('to that one pod, not to what is called like it', async () => {
		const alike = [inShop('PersistentVolumeClaim', 'web'), object('Pod', 'web'), inShop('Pod', 'web-2')];
		const small = await shrink([web, ...alike, ...nodes], 'shop/web', async () => true);
		expect(names(small)).toEqual(['Pod shop/web']);
	});

	it('not at all where all of it is needed', async () => {
		const all = [...nodes, ...volumes, inShop('Pod', 'web')];
		const text = JSON.stringify(all);
		const small = await shrink(all, 'shop/web', async (some) => JSON.stringify(some) === text);
		expect(small).toEqual(all);
	});

	it('by objects before fields, of which there are many more', async () => {
		const labelled = nodes.map((node) => ({ ...node, metadata: { ...node.metadata, labels: { a: '', b: '' } } }));
		const sizes: number[] = [];
		await shrink([...labelled, web], 'shop/web', async (some) => {
			const isWhole = some.every((one) => [...labelled, web].includes(one));
			if (!isWhole) sizes.push(some.length);
			return has(some, 'Node n3', 'Node n9');
		});
		expect(sizes.length).toBeGreaterThan(0);
		expect(Math.max(...sizes)).toBe(3);
	});

	it('by fields and list items, but for what makes an object the one it is', async () => {
		const spec = {
			terms: [{ key: 'a' }, { key: 'zone', values: ['x', 'y', 'z'], operator: 'In' }, { key: 'b' }],
			capacity: { storage: '1Gi' },
		};
		const cluster = [object('PersistentVolume', 'pv', { spec, status: { phase: 'Available' } }), web];
		const before = structuredClone(cluster);
		const small = await shrink(cluster, 'shop/web', async (some) => JSON.stringify(some).includes('"values":["x"'));
		expect(small).toEqual([
			object('PersistentVolume', 'pv', { spec: { terms: [{ values: ['x'] }] } }),
			object('Pod', 'web', { metadata: { namespace: 'shop', name: 'web', uid: 'uid-web' } }),
		]);
		expect(cluster).toEqual(before);
	});

	it('by an object that only a field needed', async () => {
		const pod = inShop('Pod', 'web', { spec: { mounts: ['data'] } });
		const isWhole = (some: readonly Manifest[]) =>
			has(some, 'PersistentVolumeClaim shop/data') || !JSON.stringify(some).includes('"mounts":["data"]');
		const shows = async (some: readonly Manifest[]) => isWhole(some) && has(some, 'Node n3');
		const small = await shrink([inShop('PersistentVolumeClaim', 'data'), ...nodes, pod], 'shop/web', shows);
		expect(names(small)).toEqual(['Node n3', 'Pod shop/web']);
	});

	it('by a field that only a field of a later object needed', async () => {
		const node = object('Node', 'n0', { spec: { zone: 'a' } });
		const volume = object('PersistentVolume', 'pv', { spec: { zone: 'a' } });
		const agree = ([one, other]: readonly Manifest[]) =>
			!other?.spec || JSON.stringify(one?.spec) === JSON.stringify(other.spec);
		const shows = async (some: readonly Manifest[]) => has(some, 'Node n0', 'PersistentVolume pv') && agree(some);
		const small = await shrink([node, volume, web], 'shop/web', shows);
		expect(small.slice(0, 2)).toEqual([object('Node', 'n0'), object('PersistentVolume', 'pv')]);
	});

	it('for a minute, and then as far as it got', async () => {
		let now = 0;
		vi.spyOn(performance, 'now').mockImplementation(() => now);
		const shows = vi.fn(async (some: readonly Manifest[]) => {
			now += 10_000;
			return has(some, 'Node n0', 'Node n1');
		});
		const small = await shrink([...nodes, ...volumes, web], 'shop/web', shows);
		expect(shows).toHaveBeenCalledTimes(6);
		expect(small.length).toBeLessThan(31);
		expect(has(small, 'Node n0', 'Node n1', 'Pod shop/web')).toBe(true);
	});
});
