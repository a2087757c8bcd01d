/** Makes parsed objects smaller and plainer: a fleet's worth of them stays in memory. */

type Fields = Record<string, unknown>;

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Drops, in place, fields that are null (to Kubernetes the same as absent) and what no storage decision reads. */
export function makeLean(object: Fields): void {
	const metadata = fieldsOf(object.metadata);
	delete metadata?.managedFields;
	const annotations = fieldsOf(metadata?.annotations);
	if (annotations?.[LAST_APPLIED] !== undefined) delete annotations[LAST_APPLIED];
	if (object.kind === 'Node') delete fieldsOf(object.status)?.images;
	dropNulls(object);
}

function dropNulls(value: object): void {
	if (Array.isArray(value)) {
		for (const item of value) if (typeof item === 'object' && item !== null) dropNulls(item);
		return;
	}
	for (const name of Object.keys(value)) {
		const field = (value as Fields)[name];
		if (field === null) delete (value as Fields)[name];
		else if (typeof field === 'object') dropNulls(field);
	}
}

function fieldsOf(value: unknown): Fields | undefined {
	return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
