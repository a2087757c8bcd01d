import { LRUCache } from 'lru-cache';
import { type Expression, matchesValue } from './expression.ts';
import type { Labels } from './labels.ts';
import { NodeSet } from './node-set.ts';
import type { Requirement, Term } from './requirement.ts';

/** Sets kept at once: more than 5,000 nodes have capacity segments of their own. 16,384 sets of 5,000 nodes are 10 MB. */
const KEPT_SETS = 16_384;

/**
 * The nodes and their labels, and for each requirement the set of nodes that meet it.
 *
 * - Every node has an id, the same as long as it is in the index; ids are dense and reused after removal.
 * - A label key is indexed by value when it is first asked for, and from then on kept up to date.
 * - A requirement's set is kept until a node comes, goes or changes its labels. Sets given out must not be changed.
 */
export class NodeIndex {
	readonly #ids = new Map<string, number>();
	readonly #names: (string | undefined)[] = [];
	readonly #labels: Labels[] = [];
	readonly #free: number[] = [];
	/** Label key → value → ids of the nodes that have it. */
	readonly #byLabel = new Map<string, Map<string, Set<number>>>();
	readonly #sets = new LRUCache<string, NodeSet>({ max: KEPT_SETS });
	#all = new NodeSet();
	/** Whether #all was given out as it is. */
	#allGiven = false;

	get size(): number {
		return this.#ids.size;
	}

	/** The nodes there are, as a set. */
	get all(): NodeSet {
		this.#allGiven = true;
		return this.#all;
	}

	idOf(name: string): number | undefined {
		return this.#ids.get(name);
	}

	nameOf(id: number): string {
		return this.#names[id] ?? '';
	}

	labelsOf(id: number): Labels {
		return this.#labels[id] ?? {};
	}

	upsert(name: string, labels: Labels): void {
		const known = this.#ids.get(name);
		if (known !== undefined && sameLabels(this.labelsOf(known), labels)) return;
		if (known !== undefined) this.#unindex(known);
		const id = known ?? this.#free.pop() ?? this.#names.length;
		this.#ids.set(name, id);
		this.#names[id] = name;
		this.#labels[id] = labels;
		for (const [key, byValue] of this.#byLabel) this.#indexLabel(id, key, byValue);
		if (known === undefined) this.#allToChange().add(id);
		this.#forgetSets();
	}

	remove(name: string): void {
		const id = this.#ids.get(name);
		if (id === undefined) return;
		this.#unindex(id);
		this.#ids.delete(name);
		this.#names[id] = undefined;
		this.#labels[id] = {};
		this.#free.push(id);
		this.#allToChange().delete(id);
		this.#forgetSets();
	}

	/** The nodes that meet the requirement. */
	select(requirement: Requirement): NodeSet {
		const kept = this.#sets.get(requirement.key);
		if (kept) return kept;
		const set = requirement.terms.reduce((union, term) => union.union(this.#selectTerm(term)), new NodeSet());
		this.#sets.set(requirement.key, set);
		return set;
	}

	/** The same nodes one by one. For thousands of requirements at once, of one host or zone each: no set is made or kept. */
	idsMeeting(requirement: Requirement): Iterable<number> {
		const [term, ...others] = requirement.terms;
		const only = others.length === 0 && term?.length === 1 ? term[0] : undefined;
		if (only?.operator !== 'In' || only.values.size !== 1) return this.select(requirement);
		const [value] = only.values;
		return this.#index(only.key).get(value as string) ?? [];
	}

	/** The values that a label key has on nodes, each with the number of nodes. */
	valuesOf(key: string): ReadonlyMap<string, number> {
		return new Map([...this.#index(key)].map(([value, ids]) => [value, ids.size]));
	}

	/** Copied only where somebody has it, and kept sets forgotten only where there are any: nodes come by the thousand. */
	#allToChange(): NodeSet {
		if (this.#allGiven) this.#all = this.#all.copy();
		this.#allGiven = false;
		return this.#all;
	}

	#forgetSets(): void {
		if (this.#sets.size > 0) this.#sets.clear();
	}

	#selectTerm(term: Term): NodeSet {
		return term.reduce((set, expression) => set.intersection(this.#selectExpression(expression)), this.all);
	}

	#selectExpression(expression: Expression): NodeSet {
		const byValue = this.#index(expression.key);
		const matching = new NodeSet(this.#names.length);
		if (expression.operator === 'In') {
			for (const value of expression.values) for (const id of byValue.get(value) ?? []) matching.add(id);
			return matching;
		}
		const present = new NodeSet(this.#names.length);
		for (const [value, ids] of byValue) {
			const matches = matchesValue(expression, value);
			for (const id of ids) {
				present.add(id);
				if (matches) matching.add(id);
			}
		}
		return matchesValue(expression, undefined) ? matching.union(this.#all.difference(present)) : matching;
	}

	#index(key: string): Map<string, Set<number>> {
		const known = this.#byLabel.get(key);
		if (known) return known;
		const byValue = new Map<string, Set<number>>();
		for (const id of this.#ids.values()) this.#indexLabel(id, key, byValue);
		this.#byLabel.set(key, byValue);
		return byValue;
	}

	#indexLabel(id: number, key: string, byValue: Map<string, Set<number>>): void {
		const labels = this.labelsOf(id);
		if (!Object.hasOwn(labels, key)) return;
		const value = labels[key] as string;
		const ids = byValue.get(value);
		if (ids) ids.add(id);
		else byValue.set(value, new Set([id]));
	}

	#unindex(id: number): void {
		const labels = this.labelsOf(id);
		for (const [key, byValue] of this.#byLabel) {
			if (!Object.hasOwn(labels, key)) continue;
			const value = labels[key] as string;
			const ids = byValue.get(value);
			ids?.delete(id);
			if (ids?.size === 0) byValue.delete(value);
		}
	}
}

function sameLabels(a: Labels, b: Labels): boolean {
	const keys = Object.keys(a);
	return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}
