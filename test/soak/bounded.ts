/** The end of the work, or an error that says what has not ended in time. What the work stands for may go on. */
export async function within<T>(ms: number, what: () => string, work: Promise<T>): Promise<T> {
	const late = Promise.withResolvers<never>();
	const timer = setTimeout(() => late.reject(new Error(`${what()} has not ended after ${ms / 1000} s`)), ms);
	try {
		return await Promise.race([work, late.promise]);
	} finally {
		clearTimeout(timer);
	}
}

/** What went wrong, each in words; many of one kind would say no more than the first ones. */
export class Problems {
	readonly #found: string[] = [];
	#count = 0;

	add(problem: string): void {
		this.#count++;
		if (this.#found.length === MOST_TOLD) return;
		const found = `${new Date().toISOString()} ${problem}`;
		this.#found.push(found);
		// At once too: what a soak leads to may be hours away.
		console.error(found);
	}

	get all(): readonly string[] {
		const more = this.#count - this.#found.length;
		return more === 0 ? this.#found : [...this.#found, `and ${more} more like these`];
	}
}

const MOST_TOLD = 10;
