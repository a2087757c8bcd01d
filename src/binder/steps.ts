import type { Plan } from '../domain/decision/plan.ts';
import { type Claim, objectKey } from '../domain/model.ts';
import { isClone } from '../domain/storage/sources/circle.ts';

/** What of a plan is written at one time. */
export type Part = Pick<Plan, 'bindings' | 'provisions'>;

/**
 * The plan in parts: the claims of each are bound before the next is written.
 *
 * - The first volume comes alone. Two claims cannot be bound at once, but each is bound once only: whoever plans by what is out
 *   of date, as another replica may, finds out by the first and not with the pod's volumes on two nodes. Selected nodes need
 *   no such care: a write of what is out of date fails.
 * - A clone comes after the claim of the pod that it is cloned from. The provisioner does not begin with it sooner, and when it
 *   gives the source's node back for want of room, the clone's would stay and hold the pod there.
 */
export function inSteps(plan: Plan): Part[] {
	const steps: Part[] = [{ bindings: plan.bindings.slice(0, 1), provisions: [] }];
	let bindings = plan.bindings.slice(1);
	let provisions = plan.provisions;
	while (bindings.length > 0 || provisions.length > 0) {
		const open = new Set([...bindings, ...provisions].map(({ claim }) => objectKey(claim)));
		const later = provisions.filter(({ claim }) => isClonedFrom(claim, open));
		steps.push({ bindings, provisions: provisions.filter((each) => !later.includes(each)) });
		// A circle is never planned; if it were, it must not hold up the process.
		if (bindings.length === 0 && later.length === provisions.length) return [...steps, { bindings, provisions }];
		bindings = [];
		provisions = later;
	}
	return steps.filter(({ bindings, provisions }) => bindings.length > 0 || provisions.length > 0);
}

function isClonedFrom({ source }: Claim, claims: ReadonlySet<string>): boolean {
	return source !== undefined && isClone(source) && claims.has(objectKey(source));
}
