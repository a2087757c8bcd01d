interface Versioned {
	readonly resourceVersion: string;
}

/**
 * What topobind has decided or written, until the watch shows it: assume_cache.go in
 * pkg/scheduler/framework/plugins/volumebinding.
 *
 * - An assumption is made on a base: the object as last seen. It stands while the watch stays at the base's
 *   resourceVersion, and ends as soon as the watch shows any other, or that the object is gone.
 * - That cannot lose a write: a write carries the base's resourceVersion, so what the watch shows next is either the
 *   write itself or a change that makes the write fail.
 * - An object has one assumption at most; who holds it must confirm or revert it.
 */
export class Assumptions<T extends Versioned> {
	readonly #held = new Map<string, { readonly object: T; readonly baseVersion: string }>();

	get size(): number {
		return this.#held.size;
	}

	get(key: string): T | undefined {
		return this.#held.get(key)?.object;
	}

	has(key: string): boolean {
		return this.#held.has(key);
	}

	/** False, and nothing assumed, when the base is no longer what is seen or already carries an assumption. */
	assume(key: string, object: T, base: T, seen: T | undefined): boolean {
		if (this.#held.has(key) || seen?.resourceVersion !== base.resourceVersion) return false;
		this.#held.set(key, { object, baseVersion: base.resourceVersion });
		return true;
	}

	/** A confirmed assumption outlives its holder; if the watch was quicker than the answer there is nothing left to hold. */
	confirm(key: string, written: T, assumed: T): void {
		const held = this.#held.get(key);
		if (held?.object === assumed) this.#held.set(key, { object: written, baseVersion: held.baseVersion });
	}

	/** False where the assumption has ended already, or was confirmed. */
	revert(key: string, assumed: T): boolean {
		return this.#held.get(key)?.object === assumed && this.#held.delete(key);
	}

	/** Takes what the watch shows now. */
	observe(key: string, seen: T | undefined): void {
		const held = this.#held.get(key);
		if (held && seen?.resourceVersion !== held.baseVersion) this.#held.delete(key);
	}
}
