import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WELL_KNOWN_DRIVERS } from '../../../src/domain/storage/sources/drivers.ts';
import { isProblem } from '../../../src/domain/storage/sources/problem.ts';
import type { Reach } from '../../../src/domain/storage/sources/reach.ts';
import { judgeSource } from '../../../src/domain/storage/sources.ts';
import type { ClusterView } from '../../../src/domain/view.ts';
import {
	claim,
	HOST,
	type Manifest,
	node,
	pod,
	put,
	storageClass,
	terms,
	topologies,
	volume,
	ZONE,
} from './builders.ts';
import {
	type ContentOptions,
	clone,
	configured,
	content,
	DRIVER,
	EVERYWHERE,
	origin,
	REACH,
	registered,
	restore,
	scene,
	snapshot,
	snapshotClass,
} from './source-builders.ts';
import { feasible, reasons } from './verdicts.ts';

const r = pod('p', 'r');
const ALL = ['n1', 'n2', 'n3'];

/** A restore of a snapshot of `pv`, which is on n2. */
function restored(options: ContentOptions = {}, ...more: Manifest[]): Manifest[] {
	return [restore('r', 's'), snapshot('s'), content('s', options), ...origin(), ...more];
}

function reachOf(view: ClusterView): Reach {
	const found = view.claim('ns', 'r');
	const storageClass = view.storageClass('csi');
	if (!found?.source || !storageClass) throw new Error('the scene has no restore');
	const reach = judgeSource(found, found.source, storageClass, view);
	if (!reach || isProblem(reach)) throw new Error(`no reach: ${JSON.stringify(reach)}`);
	return reach;
}

describe('a clone', () => {
	it('goes where its source volume is, whatever is said of snapshots', () => {
		for (const drivers of [{}, configured('anywhere'), configured('managed-by-node')]) {
			expect(feasible(r, scene([clone('r', 'origin'), ...origin()], drivers))).toEqual(['n2']);
		}
	});

	it('goes anywhere if its source volume does', () => {
		const [bound] = origin() as [Manifest];
		const free = volume('pv', {
			class: 'csi',
			phase: 'Bound',
			claimRef: { name: 'origin', uid: 'uid-origin' },
			spec: { csi: { driver: DRIVER, volumeHandle: 'h' } },
		});
		expect(feasible(r, scene([clone('r', 'origin'), bound, free]))).toEqual(ALL);
	});

	it('is refused elsewhere in words that name the requirement and no judged node', () => {
		const found = reasons(r, scene([clone('r', 'origin'), ...origin()]));
		const message = `claim r must go where its source, PersistentVolumeClaim origin, can be reached: ${HOST} in (n2)`;
		expect(found).toMatchObject({ n1: { code: 'SOURCE_UNREACHABLE', message }, n3: { message } });
	});
});

describe('what a snapshot reaches', () => {
	it('is everything, where nothing is said', () => {
		const state = scene(restored());
		expect(feasible(r, state)).toEqual(ALL);
		expect(reachOf(state)).toMatchObject({
			limit: undefined,
			basis: `anywhere (nothing is known of driver ${DRIVER})`,
		});
	});

	it('is what the content says itself, before all else', () => {
		const others = {
			annotations: { [REACH]: 'source-volume' },
			managedBy: 'n1',
		};
		const zoneB = { ...others, affinity: topologies({ zone: ['b'] }) };
		expect(feasible(r, scene(restored(zoneB), configured('source-volume')))).toEqual(['n3']);
		const two = { ...others, affinity: topologies({ [HOST]: ['n1'] }, { zone: ['b'] }) };
		expect(feasible(r, scene(restored(two)))).toEqual(['n1', 'n3']);
		// An empty list is the field, saying that there is no limit.
		expect(feasible(r, scene(restored({ ...others, affinity: [] }), configured('source-volume')))).toEqual(ALL);
		expect(reachOf(scene(restored(zoneB))).basis).toBe('spec.nodeAffinity of content c-s');
	});

	it('is then what the content’s annotation says, then that of its class, then the configuration', () => {
		const annotated = (reach: string) => ({ annotations: { [REACH]: reach }, managedBy: 'n3' });
		const ofClass = (reach: string) => snapshotClass({ [REACH]: reach });
		const onContent = scene(restored(annotated('managed-by-node'), ofClass('source-volume')), configured('anywhere'));
		expect(feasible(r, onContent)).toEqual(['n3']);
		expect(reachOf(onContent).basis).toContain(`managed-by-node (annotation ${REACH} of content c-s)`);
		const onClass = scene(restored({ managedBy: 'n3' }, ofClass('source-volume')), configured('anywhere'));
		expect(feasible(r, onClass)).toEqual(['n2']);
		expect(reachOf(onClass).basis).toContain(`source-volume (annotation ${REACH} of snapshot class snapshots)`);
		const inConfig = scene(restored({ managedBy: 'n3' }, snapshotClass()), configured('managed-by-node'));
		expect(feasible(r, inConfig)).toEqual(['n3']);
		expect(reachOf(inConfig).basis).toContain(`managed-by-node (the configuration for driver ${DRIVER})`);
		const unlimited = scene(restored(annotated('anywhere'), ofClass('source-volume')), configured('source-volume'));
		expect(feasible(r, unlimited)).toEqual(ALL);
	});

	it('is then what is known of the driver, unless configured otherwise', () => {
		const topolvm = 'topolvm.io';
		const [bound, held] = origin({ csi: { driver: topolvm } }) as [Manifest, Manifest];
		const objects = [
			storageClass('csi', { provisioner: topolvm }),
			restore('r', 's'),
			snapshot('s'),
			content('s', { spec: { driver: topolvm } }),
			bound,
			held,
		];
		expect(feasible(r, scene(objects))).toEqual(['n2']);
		expect(reachOf(scene(objects)).basis).toBe(
			'source-volume (what is known of driver topolvm.io): taken of volume pv',
		);
		expect(feasible(r, scene(objects, { [topolvm]: { snapshots: 'anywhere' } }))).toEqual(ALL);
	});

	it('passes over an annotation that means nothing, and says so', () => {
		const state = scene(restored({ annotations: { [REACH]: 'zone' } }, snapshotClass({ [REACH]: 'source-volume' })));
		expect(feasible(r, state)).toEqual(['n2']);
		expect(reachOf(state).ignored).toEqual([
			`annotation ${REACH} of content c-s is "zone", which is none of anywhere, source-volume, managed-by-node`,
		]);
		expect(feasible(r, scene(restored({ annotations: { [REACH]: 'Source-Volume' } })))).toEqual(ALL);
	});

	it('is not found in the names that every object has', () => {
		const odd = 'constructor';
		const objects = [
			storageClass('csi', { provisioner: odd }),
			restore('r', 's'),
			snapshot('s'),
			content('s', { spec: { driver: odd } }),
		];
		expect(feasible(r, scene(objects, {}))).toEqual(ALL);
	});
});

describe('source-volume', () => {
	const local = configured('source-volume');

	it('is where the volume with the handle is, whichever claim it is bound to now', () => {
		const zonal = volume('pv', {
			class: 'csi',
			affinity: terms(['zone', 'In', 'a']),
			spec: { csi: { driver: DRIVER, volumeHandle: 'h' } },
		});
		const state = scene([...restored(), zonal], local);
		expect(feasible(r, state)).toEqual(['n1', 'n2']);
		state.remove('PersistentVolumeClaim', 'ns/origin');
		expect(feasible(r, state)).toEqual(['n1', 'n2']);
	});

	it('is everywhere for a volume without affinity', () => {
		const free = volume('pv', { spec: { csi: { driver: DRIVER, volumeHandle: 'h' } } });
		expect(feasible(r, scene([...restored(), free], local))).toEqual(ALL);
		expect(feasible(r, scene([...restored(), ...origin({ volume: EVERYWHERE })], local))).toEqual(ALL);
	});

	it('does not take a volume of another driver for the source', () => {
		const state = scene(restored(), local);
		put(state, ...([origin({ csi: { driver: 'other.example.com' } })[1]] as [Manifest]));
		expect(feasible(r, state)).toEqual(ALL);
	});

	const gone = (managedBy: string, ...nodes: Manifest[]) => {
		const state = scene(restored({ managedBy }, ...nodes), local);
		state.remove('PersistentVolume', 'pv');
		return state;
	};
	const on = (name: string, ...keys: string[]) => registered(name, DRIVER, keys);

	it('falls back on everywhere when the volume is gone, and says so', () => {
		const state = gone('');
		expect(feasible(r, state)).toEqual(ALL);
		expect(reachOf(state).basis).toContain('the source volume is gone, so every node will do');
	});

	it('takes the managing node for all that reach the same volumes, by what the driver registered there', () => {
		const state = gone('n1', on('n1', 'zone'), on('n2', HOST), on('n3', HOST));
		expect(feasible(r, state)).toEqual(['n1', 'n2']);
		expect(reachOf(state).basis).toContain('the source volume is gone, but content c-s tells its managing node');
		put(state, on('n1', HOST));
		expect(feasible(r, state)).toEqual(['n1']);
		put(state, on('n1', 'zone', HOST));
		expect(feasible(r, state)).toEqual(['n1']);
	});

	it.each<[string, Manifest[]]>([
		['is not registered anywhere', []],
		['is zonal', [on('n1', 'zone'), on('n2', 'zone'), on('n3', 'zone')]],
		['is zonal, with one node in each zone', [on('n1', 'zone'), on('n3', 'zone')]],
		['is on one node alone, which proves nothing', [on('n1', HOST)]],
		['is of one node here and of a zone there', [on('n1', HOST), on('n2', 'zone')]],
		['has registered no topology', [on('n1'), on('n2')]],
		['lacks the label here', [on('n1', HOST), on('n2', 'a-label-it-lacks')]],
		['is another', [registered('n1', 'b.example.com', [HOST]), registered('n2', 'b.example.com', [HOST])]],
	])('of a managing node that is gone, is everywhere where the driver %s', (_, csiNodes) => {
		const state = gone('n9', ...csiNodes);
		expect(feasible(r, state)).toEqual(ALL);
		expect(reachOf(state).basis).toContain(
			'but content c-s tells its managing node, n9, where the driver is not registered with its topology; every node will do',
		);
	});

	it('of a managing node that is gone, is that node where the driver has volumes on one node each, and says what to do', () => {
		const state = gone('n9', on('n1', HOST), on('n2', HOST));
		expect(feasible(r, state)).toEqual([]);
		const lost = `node name in (n9), where driver ${DRIVER} is not registered (any more); bring it back, use another snapshot, or set its reach`;
		expect(reasons(r, state).n1).toMatchObject({
			code: 'SOURCE_UNREACHABLE',
			message: `claim r must go where its source, VolumeSnapshot s, can be reached: ${lost}`,
		});
		expect(reachOf(state).basis).toContain('and the driver has volumes on one node each');
		put(state, node('n9'));
		expect(feasible(r, state)).toEqual(['n9']);
	});

	it('of a managing node that is there without the driver, is the same', () => {
		const local = [on('n1', HOST), on('n2', HOST)];
		expect(feasible(r, gone('n3', ...local))).toEqual(['n3']);
		expect(feasible(r, gone('n3', on('n1', 'zone'), on('n2', 'zone')))).toEqual(ALL);
		expect(feasible(r, gone('n3', ...local, on('n3', 'a-label-it-lacks')))).toEqual(ALL);
		// The node's name is not its host name, and the driver may go by either.
		const named = { [HOST]: 'host-5', 'topology.example.com/node': 'n5' };
		expect(feasible(r, gone('n3', ...local, node('n5', named), on('n5', 'topology.example.com/node')))).toEqual(['n3']);
		expect(feasible(r, gone('n3', ...local, node('n5', named), on('n5', HOST)))).toEqual(['n3']);
	});

	it('is where any of several volumes with the handle is', () => {
		const second = (options: object) =>
			volume('pv2', { ...options, spec: { csi: { driver: DRIVER, volumeHandle: 'h' } } });
		const state = scene(restored({}, second({ on: 'n3' })), local);
		expect(feasible(r, state)).toEqual(['n2', 'n3']);
		expect(reachOf(state)).toMatchObject({
			basis: expect.stringContaining('taken of volume pv or pv2'),
			limit: { text: `${HOST} in (n2) or ${HOST} in (n3)` },
		});
		put(state, second({ on: 'n2' }));
		expect(reachOf(state).limit?.text).toBe(`${HOST} in (n2)`);
		put(state, second({}));
		expect(feasible(r, state)).toEqual(ALL);
	});

	it('says that a pre-provisioned content does not tell its source volume', () => {
		const spec = { source: { snapshotHandle: 'x' } };
		const state = scene(restored({ spec }), local);
		expect(feasible(r, state)).toEqual(ALL);
		expect(reachOf(state).basis).toContain('content c-s does not tell its source volume, so every node will do');
		put(state, content('s', { spec, managedBy: 'n1' }));
		put(state, registered('n1', DRIVER, [HOST]));
		expect(feasible(r, state)).toEqual(['n1']);
	});
});

describe('managed-by-node', () => {
	const managed = configured('managed-by-node');

	it('is the node of that name, not of that host name', () => {
		const state = scene(restored({ managedBy: 'n4' }), managed);
		put(state, node('n4', { [HOST]: 'host-4' }));
		put(state, node('n5', { [HOST]: 'n4' }));
		expect(feasible(r, state)).toEqual(['n4']);
		const message = 'claim r must go where its source, VolumeSnapshot s, can be reached: node name in (n4)';
		expect(reasons(r, state)).toMatchObject({ n1: { message }, n5: { message } });
	});

	it('is nowhere when that node is gone', () => {
		expect(feasible(r, scene(restored({ managedBy: 'n9' }), managed))).toEqual([]);
	});

	it('is everywhere without the label, and says so', () => {
		const state = scene(restored(), managed);
		expect(feasible(r, state)).toEqual(ALL);
		expect(reachOf(state).basis).toContain('content c-s has no label managed-by, so every node will do');
	});
});

describe('the table of well-known drivers', () => {
	const page = readFileSync(new URL('../../../docs/sources.md', import.meta.url), 'utf8');
	const known = /^Known drivers: (.*?)\n\n/ms.exec(page)?.[1] ?? '';

	it('is told in docs/sources.md, whole and right', () => {
		const told = known.split(';').flatMap((group): [string, string | undefined][] => {
			const reach = /(?:is|are)\s+`([a-z-]+)`/.exec(group)?.[1];
			return [...group.matchAll(/`([a-z0-9-]+\.[a-z0-9.-]+)`/g)].map(([, driver = '']) => [driver, reach]);
		});
		const table = [...WELL_KNOWN_DRIVERS].map(([driver, { snapshots }]) => [driver, snapshots]);
		expect(told.sort()).toEqual(table.sort());
	});

	it.each([...WELL_KNOWN_DRIVERS])('cites a page for %s', (driver, { snapshots, citation }) => {
		expect(driver).toMatch(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
		expect(['anywhere', 'source-volume', 'managed-by-node']).toContain(snapshots);
		const { protocol, hostname, pathname } = new URL(citation);
		expect([protocol, hostname.includes('.'), pathname.length > 1]).toEqual(['https:', true, true]);
	});
});

describe('a source only ever takes nodes away', () => {
	const POLICIES = ['anywhere', 'source-volume', 'managed-by-node', 'nonsense', undefined] as const;
	const arbitrary = fc.record({
		zones: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 }),
		allowed: fc.option(fc.subarray(['a', 'b', 'c'], { minLength: 1 }), { nil: undefined }),
		affinity: fc.option(fc.subarray(['a', 'b', 'c']), { nil: undefined }),
		onContent: fc.constantFrom(...POLICIES),
		onClass: fc.constantFrom(...POLICIES),
		volumeOn: fc.option(fc.constantFrom('node0', 'node1', 'gone'), { nil: undefined }),
		managedBy: fc.option(fc.constantFrom('node0', 'node1', 'gone'), { nil: undefined }),
		ready: fc.boolean(),
	});

	it('and exactly those that it does not reach', () => {
		fc.assert(
			fc.property(arbitrary, ({ zones, allowed, affinity, onContent, onClass, volumeOn, managedBy, ready }) => {
				const objects: Manifest[] = [
					...zones.map((zone, at) => node(`node${at}`, { [ZONE]: zone })),
					storageClass('csi', { provisioner: DRIVER, ...(allowed && { topologies: topologies({ [ZONE]: allowed }) }) }),
					snapshot('s', { status: { readyToUse: ready } }),
					content('s', {
						...(affinity && { affinity: affinity.length === 0 ? [] : topologies({ [ZONE]: affinity }) }),
						...(onContent && { annotations: { [REACH]: onContent } }),
						...(managedBy && { managedBy }),
					}),
					snapshotClass(onClass && { [REACH]: onClass }),
					...(volumeOn ? [volume('pv', { on: volumeOn, spec: { csi: { driver: DRIVER, volumeHandle: 'h' } } })] : []),
				];
				const without = feasible(r, scene([...objects, claim('r', { class: 'csi' })]));
				const state = scene([...objects, restore('r', 's')]);
				const limit = ready ? reachOf(state).limit?.nodes(state.nodes) : undefined;
				const reached = (name: string) => limit?.has(state.nodes.idOf(name) ?? -1) ?? ready;
				expect(feasible(r, state)).toEqual(without.filter(reached));
				// What is judged does not depend on the order in which objects were seen.
				expect(feasible(r, scene([restore('r', 's'), ...objects.toReversed()]))).toEqual(feasible(r, state));
			}),
			{ numRuns: 150 },
		);
	});
});
