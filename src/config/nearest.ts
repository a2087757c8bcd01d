/** The candidate that someone who wrote `word` most likely meant; undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
	const allowed = Math.max(2, Math.floor(word.length / 3));
	let best: string | undefined;
	let bestDistance = allowed + 1;
	for (const candidate of candidates) {
		const distance = editDistance(plain(word), plain(candidate));
		// A distance as long as the candidate means that nothing of it was written.
		if (distance < bestDistance && distance < candidate.length) {
			best = candidate;
			bestDistance = distance;
		}
	}
	return best;
}

/** Case, hyphens and underscores are what people mix up most: they do not count as a difference. */
function plain(word: string): string {
	return word.toLowerCase().replace(/[-_]/g, '');
}

/** How many single characters to add, drop or replace to turn one word into the other (Levenshtein). */
export function editDistance(from: string, to: string): number {
	// row[j]: distance between the part of `from` read so far and the first j characters of `to`.
	let row = Array.from({ length: to.length + 1 }, (_, j) => j);
	for (let i = 1; i <= from.length; i++) {
		const next = [i];
		for (let j = 1; j <= to.length; j++) {
			const replace = at(row, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
			next.push(Math.min(replace, at(row, j) + 1, at(next, j - 1) + 1));
		}
		row = next;
	}
	return at(row, to.length);
}

function at(row: readonly number[], index: number): number {
	return row[index] ?? Number.POSITIVE_INFINITY;
}
