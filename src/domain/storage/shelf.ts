import type { Volume } from '../model.ts';
import type { Requirement } from '../topology/requirement.ts';

/** Available volumes that differ in size, name and labels only. */
export interface Shelf {
	readonly affinity: Requirement | undefined;
	readonly volumeMode: string;
	readonly attributesClass: string;
	readonly accessModes: ReadonlySet<string>;
	/** By size, then name. */
	readonly volumes: Volume[];
	/** The volumes' sizes as doubles, in the same order: most volumes are passed over by a look at these alone. */
	readonly sizes: number[];
	/** Whoever finds the shelf by its one label meets its affinity. */
	readonly exact: boolean;
}
