/** A single rule of the domain, broken. */
export interface Fault {
	readonly what: string;
	/** Below src/domain. */
	readonly file: string;
	/** Stands in the file exactly once. */
	readonly from: string;
	readonly to: string;
}

export function inFile(
	file: string,
	...faults: readonly (readonly [what: string, from: string, to: string])[]
): Fault[] {
	return faults.map(([what, from, to]) => ({ what, file, from, to }));
}
