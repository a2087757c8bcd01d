/** Why a claim cannot be provisioned from its source now. */
export interface SourceProblem {
	/**
	 * Not ready: it may come right without anybody doing more than they are about to do anyway.
	 * Invalid: it stays wrong until somebody changes the claim, the source or a permission; the text says what to change.
	 */
	readonly code: 'SOURCE_NOT_READY' | 'SOURCE_INVALID';
	/** The same text each time for the same cause; without the names of claim and source, which stand before it. */
	readonly problem: string;
}

export function notReady(problem: string): SourceProblem {
	return { code: 'SOURCE_NOT_READY', problem };
}

export function invalid(problem: string): SourceProblem {
	return { code: 'SOURCE_INVALID', problem };
}

export function isProblem(found: object): found is SourceProblem {
	return 'problem' in found;
}
