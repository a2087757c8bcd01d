/** How far a snapshot reaches where it does not say so itself: the operator's word before the driver's documentation. */

import type { SnapshotContent, SnapshotReach } from '../../model.ts';
import type { ClusterView } from '../../view.ts';
import { WELL_KNOWN_DRIVERS } from './drivers.ts';

export const REACH_ANNOTATION = 'topobind.dev/snapshot-reach';

export interface ReachPolicy {
	readonly reach: SnapshotReach;
	/** Where it comes from, for a person. */
	readonly basis: string;
	/** Annotations that were passed over because nobody knows what they mean. */
	readonly ignored: readonly string[];
}

/**
 * The first that is set of: the content's annotation, its class's annotation, the configuration, what is known of the
 * driver. Without any of them a snapshot is taken to reach everywhere, and so it is with a mistyped annotation that
 * nothing else stands behind: a good restore is never refused by guess.
 */
export function reachPolicyOf(content: SnapshotContent, view: ClusterView): ReachPolicy {
	const ignored: string[] = [];
	const snapshotClass = view.snapshotClass(content.className);
	for (const [written, place] of [
		[content.reach, `content ${content.name}`],
		[snapshotClass?.reach, `snapshot class ${content.className}`],
	] as const) {
		if (written === undefined) continue;
		const annotation = `annotation ${REACH_ANNOTATION} of ${place}`;
		if (isSnapshotReach(written)) return { reach: written, basis: annotation, ignored };
		ignored.push(`${annotation} is ${JSON.stringify(written)}, which is none of ${REACHES.join(', ')}`);
	}
	const { driver } = content;
	const configured = view.snapshotReach(driver);
	if (configured) return { reach: configured, basis: `the configuration for driver ${driver}`, ignored };
	const known = WELL_KNOWN_DRIVERS.get(driver);
	if (known) return { reach: known.snapshots, basis: `what is known of driver ${driver}`, ignored };
	return { reach: 'anywhere', basis: `nothing is known of driver ${driver}`, ignored };
}

const REACHES: readonly string[] = ['anywhere', 'source-volume', 'managed-by-node'] satisfies SnapshotReach[];

function isSnapshotReach(text: string): text is SnapshotReach {
	return REACHES.includes(text);
}
