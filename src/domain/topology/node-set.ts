/** A set of nodes, as bits at the ids that a NodeIndex gave them. Ids of one index only go together. */
export class NodeSet {
	#words: Uint32Array;

	constructor(size = 0) {
		this.#words = new Uint32Array((size + 31) >>> 5);
	}

	static of(ids: Iterable<number>, size = 0): NodeSet {
		const set = new NodeSet(size);
		for (const id of ids) set.add(id);
		return set;
	}

	add(id: number): void {
		const word = id >>> 5;
		if (word >= this.#words.length) this.#grow(word + 1);
		this.#words[word] = (this.#words[word] as number) | (1 << (id & 31));
	}

	delete(id: number): void {
		const word = id >>> 5;
		if (word < this.#words.length) this.#words[word] = (this.#words[word] as number) & ~(1 << (id & 31));
	}

	has(id: number): boolean {
		return (((this.#words[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
	}

	get size(): number {
		let count = 0;
		for (let word of this.#words) for (; word !== 0; word &= word - 1) count++;
		return count;
	}

	get isEmpty(): boolean {
		return this.#words.every((word) => word === 0);
	}

	addAll(other: NodeSet): void {
		if (other.#words.length > this.#words.length) this.#grow(other.#words.length);
		other.#words.forEach((word, at) => {
			this.#words[at] = (this.#words[at] as number) | word;
		});
	}

	union(other: NodeSet): NodeSet {
		const result = this.copy();
		result.addAll(other);
		return result;
	}

	intersection(other: NodeSet): NodeSet {
		const result = this.copy();
		for (let at = 0; at < result.#words.length; at++) {
			result.#words[at] = (result.#words[at] as number) & (other.#words[at] ?? 0);
		}
		return result;
	}

	difference(other: NodeSet): NodeSet {
		const result = this.copy();
		for (let at = 0; at < result.#words.length; at++) {
			result.#words[at] = (result.#words[at] as number) & ~(other.#words[at] ?? 0);
		}
		return result;
	}

	copy(): NodeSet {
		const result = new NodeSet();
		result.#words = this.#words.slice();
		return result;
	}

	/** Ids in ascending order. */
	*[Symbol.iterator](): IterableIterator<number> {
		for (let at = 0; at < this.#words.length; at++) {
			for (let word = this.#words[at] as number; word !== 0; word &= word - 1) {
				yield (at << 5) + (31 - Math.clz32(word & -word));
			}
		}
	}

	#grow(length: number): void {
		const words = new Uint32Array(Math.max(length, this.#words.length * 2));
		words.set(this.#words);
		this.#words = words;
	}
}
