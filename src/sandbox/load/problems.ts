/** What is wrong with the manifests, gathered so that one run shows it all. */

/** More than this helps nobody at once. */
const SHOWN = 20;

/** The manifests cannot be used. The message lists every problem, one a line. */
export class ManifestError extends Error {
	readonly problems: readonly string[];

	constructor(problems: readonly string[], hidden = 0) {
		const lines = hidden > 0 ? [...problems, `and ${hidden} more`] : problems;
		super(
			lines.length === 1
				? lines[0]
				: `the manifests have ${problems.length + hidden} problems:\n  ${lines.join('\n  ')}`,
		);
		this.name = 'ManifestError';
		this.problems = problems;
	}
}

export class Problems {
	readonly #shown: string[] = [];
	#hidden = 0;

	add(problem: string): void {
		if (this.#shown.length < SHOWN) this.#shown.push(problem);
		else this.#hidden++;
	}

	get count(): number {
		return this.#shown.length + this.#hidden;
	}

	throwIfAny(): void {
		if (this.count > 0) throw new ManifestError(this.#shown, this.#hidden);
	}
}
