/** What the API server asks of names and labels. */

import { isLabelKey, isLabelValue } from '../../domain/topology/labels.ts';
import { legible } from './place.ts';
import type { Report } from './validate.ts';

const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** Reports what is wrong, beyond the types of the fields. */
export function checkMetadata(metadata: unknown, report: Report): void {
	const { name, namespace, labels } = (metadata ?? {}) as Readonly<Record<string, unknown>>;
	if (name === undefined) report(['metadata', 'name'], 'is required');
	else if (typeof name === 'string' && (name.length > 253 || !SUBDOMAIN.test(name))) {
		report(
			['metadata', 'name'],
			`${JSON.stringify(legible(name))} is not a name: it takes lower-case letters, digits, "-" and "."`,
		);
	}
	if (typeof namespace === 'string' && !DNS_LABEL.test(namespace)) {
		report(['metadata', 'namespace'], `${JSON.stringify(legible(namespace))} is not the name of a namespace`);
	}
	for (const [key, value] of Object.entries(labels ?? {})) {
		if (!isLabelKey(key)) report(['metadata', 'labels', key], 'is not a label key');
		else if (typeof value === 'string' && !isLabelValue(value)) {
			report(['metadata', 'labels', key], `${JSON.stringify(legible(value))} is not a label value`);
		}
	}
}
