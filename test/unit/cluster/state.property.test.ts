import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ClusterState } from '../../../src/cluster/state.ts';
import type { CapacitySegment, Volume } from '../../../src/domain/model.ts';
import { claimManifest, nodeLabels, volumeManifest } from '../domain/arbitraries.ts';
import { capacity, node, project } from '../domain/builders.ts';
import { naiveBest } from '../domain/naive-volumes.ts';

const volumeName = fc.constantFrom('pv0', 'pv1', 'pv2', 'pv3');
const segment = fc.record({
	name: fc.constantFrom('s0', 's1', 's2'),
	class: fc.constantFrom('local', 'csi'),
	capacity: fc.constantFrom('1Gi', '2Gi'),
});
const nodeName = fc.constantFrom('n0', 'n1', 'n2');

const operation = fc.oneof(
	{
		weight: 4,
		arbitrary: volumeName.chain(volumeManifest).map((seen) => ({ do: 'see' as const, volume: project(seen) })),
	},
	fc.record({ do: fc.constant('lose' as const), name: volumeName }),
	{ weight: 3, arbitrary: fc.record({ do: fc.constant('assume' as const), name: volumeName }) },
	fc.record({ do: fc.constant('confirm' as const), name: volumeName }),
	fc.record({ do: fc.constant('revert' as const), name: volumeName }),
	fc.record({ do: fc.constant('catch up' as const), name: volumeName }),
	fc.record({ do: fc.constant('list' as const), names: fc.uniqueArray(volumeName) }),
	{ weight: 3, arbitrary: segment.map((given) => ({ do: 'segment' as const, given })) },
	fc.record({ do: fc.constant('drop segment' as const), name: fc.constantFrom('s0', 's1', 's2') }),
	fc.record({ do: fc.constant('node' as const), name: nodeName, labels: fc.option(nodeLabels, { nil: undefined }) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Drives a state, and keeps in plain maps what it must come to. */
class Driver {
	readonly state = new ClusterState();
	readonly seen = new Map<string, Volume>();
	readonly held = new Map<string, { assumed: Volume; now: Volume; base: string }>();
	readonly segments = new Map<string, CapacitySegment>();
	readonly nodes = new Map<string, Record<string, string>>();
	#version = 0;

	run(operation: Operation): void {
		switch (operation.do) {
			case 'see':
				this.#see({ ...operation.volume, resourceVersion: this.#next() });
				return;
			case 'lose':
				this.state.remove('PersistentVolume', operation.name);
				this.seen.delete(operation.name);
				this.held.delete(operation.name);
				return;
			case 'assume':
				this.#assume(operation.name);
				return;
			case 'confirm':
				this.#confirm(operation.name);
				return;
			case 'revert': {
				const held = this.held.get(operation.name);
				if (!held) return;
				this.state.revertVolume(held.assumed);
				if (held.now === held.assumed) this.held.delete(operation.name);
				return;
			}
			case 'catch up': {
				const now = this.held.get(operation.name)?.now;
				if (now && now.resourceVersion !== this.seen.get(operation.name)?.resourceVersion) this.#see({ ...now });
				return;
			}
			case 'list': {
				const list = new Map([...this.seen].filter(([name]) => operation.names.some((kept) => kept === name)));
				this.state.replace('PersistentVolume', new Map(list));
				for (const name of [...this.seen.keys()].filter((known) => !list.has(known))) {
					this.seen.delete(name);
					this.held.delete(name);
				}
				return;
			}
			case 'segment': {
				const { name, ...options } = operation.given;
				const projected = project(capacity(name, { ...options, version: this.#next() }));
				this.state.upsert('CSIStorageCapacity', projected);
				this.segments.set(name, projected);
				return;
			}
			case 'drop segment':
				this.state.remove('CSIStorageCapacity', `drivers/${operation.name}`);
				this.segments.delete(operation.name);
				return;
			case 'node':
				if (operation.labels) {
					this.state.upsert('Node', project(node(operation.name, operation.labels, { version: this.#next() })));
					this.nodes.set(operation.name, operation.labels);
				} else {
					this.state.remove('Node', operation.name);
					this.nodes.delete(operation.name);
				}
		}
	}

	/** What is judged by: what was seen, under what was assumed. */
	current(): Volume[] {
		return [...this.seen.values()].map((volume) => this.held.get(volume.name)?.now ?? volume);
	}

	#see(volume: Volume): void {
		this.state.upsert('PersistentVolume', volume);
		this.seen.set(volume.name, volume);
		this.held.delete(volume.name);
	}

	#assume(name: string): void {
		const base = this.seen.get(name);
		if (!base) return;
		const assumed = { ...base, claimRef: { namespace: 'ns', name: 'c0', uid: 'uid-c0' } };
		expect(this.state.assumeVolume(assumed, base)).toBe(!this.held.has(name));
		if (!this.held.has(name)) this.held.set(name, { assumed, now: assumed, base: base.resourceVersion });
	}

	#confirm(name: string): void {
		const held = this.held.get(name);
		if (!held || held.now !== held.assumed) return;
		const written = { ...held.assumed, resourceVersion: this.#next() };
		this.state.confirmVolume(written, held.assumed);
		this.held.set(name, { ...held, now: written });
	}

	#next(): string {
		this.#version += 1;
		return `${this.#version}`;
	}
}

it('keeps its indexes at what it gives, after any operations', () => {
	const wanted = fc.constantFrom('c0', 'c1').chain(claimManifest).map(project);
	fc.assert(
		fc.property(
			fc.array(operation, { maxLength: 30 }),
			wanted,
			fc.array(nodeLabels, { maxLength: 3 }),
			(operations, claim, asked) => {
				const driver = new Driver();
				const { state } = driver;
				for (const one of operations) {
					driver.run(one);
					const current = driver.current();
					expect(current.map(({ name }) => state.volume(name))).toEqual(current);
					expect(state.assumed).toBe(driver.held.size);
					for (const labels of [{}, ...asked]) {
						const best = state.staticVolumes(claim.className)?.search(claim).best(labels, new Set());
						expect(best?.name).toBe(naiveBest(claim, current, labels, new Set())?.name);
					}
				}
				for (const name of ['local', 'csi']) {
					const expected = [...driver.segments.values()].filter(({ className }) => className === name);
					expect(state.capacitySegments(name)).toEqual(expected.sort((a, b) => (a.name < b.name ? -1 : 1)));
				}
				expect([...state.nodes.all].map((id) => state.nodes.nameOf(id)).sort()).toEqual(
					[...driver.nodes.keys()].sort(),
				);
				expect(state.all('PersistentVolume').size).toBe(driver.seen.size);
			},
		),
		{ numRuns: 300 },
	);
});
