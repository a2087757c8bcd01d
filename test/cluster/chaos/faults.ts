// Every way in which one call to the API server may go wrong.

import type { Fault } from './api-proxy.ts';

export const FAULTS: Readonly<Record<string, Fault>> = {
	'409': { before: { status: 409, reason: 'Conflict' } },
	'401': { before: { status: 401 } },
	'429 with Retry-After': { before: { status: 429, headers: { 'retry-after': '2' } } },
	'500': { before: { status: 500 } },
	'503': { before: { status: 503 } },
	'a reset before it is carried out': { before: 'reset' },
	'a reset after it was carried out': { after: 'reset' },
	'an answer cut in the middle': { after: 'cut' },
	'10 s of silence before it is carried out': { before: 'silence' },
	'10 s of silence after it was carried out': { after: 'silence' },
};

/** As a name in Kubernetes. */
export const nameOf = (...words: string[]): string =>
	words
		.join(' ')
		.toLowerCase()
		.replaceAll(/[^a-z0-9]+/g, '-');
