/** What a scheduler said of a waiting pod in topobind's words: all that is left of refusals before this process began. */

const HAD_PROBLEM = /\bclaim \S+ (?:waits for|cannot be filled from) its source, /;
const WAS_SENT = /\bclaim (\S+) must go where its source, .+?, can be reached: /g;

/** What a claim's source says now. */
export interface SourceVerdict {
	/** The claim's name. */
	readonly claim: string;
	/** The same text for the same verdicts: where the source can be reached, or its problem. */
	readonly text: string;
	/** It has no problem. */
	readonly fit: boolean;
}

/** A source is among what the pod was refused for. */
export function wasRefusedForSource(said: string): boolean {
	return HAD_PROBLEM.test(said) || said.search(WAS_SENT) !== -1;
}

/** What was said of sources may not hold any more: one had a problem, or reached other nodes than it does now. */
export function mayBeOutdated(said: string, now: readonly SourceVerdict[]): boolean {
	if (HAD_PROBLEM.test(said)) return true;
	return said.matchAll(WAS_SENT).some(({ 0: words, 1: claim, index }) => {
		const reach = said.slice(index + words.length);
		const verdict = now.find((each) => each.claim === claim);
		return verdict?.fit === true && !beginsWithWhole(reach, verdict.text);
	});
}

/** kube-scheduler goes on with another reason, or ends. */
function beginsWithWhole(said: string, text: string): boolean {
	return said.startsWith(text) && /^[,.]/.test(said.slice(text.length));
}
