/** What topobind says against a node, taken apart again. */

import { type ReasonCode, type ReasonDetails, reasonTemplates } from '../../../src/domain/decision/reasons.ts';

export interface Said {
	readonly code: ReasonCode;
	readonly details: ReasonDetails;
}

const FORMS = Object.entries(reasonTemplates).map(([code, template]) => {
	const form = template
		.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
		.replace(/\{(claim|volume|class)\}/g, '(?<$1>\\S*)')
		.replace(/\{(\w+)\}/g, '(?<$1>.*)');
	return [code as ReasonCode, new RegExp(`^${form}$`, 's')] as const;
});

/** By the templates of the catalogue. Throws where none of them gives the message. */
export function read(message: string): Said {
	for (const [code, form] of FORMS) {
		const match = form.exec(message);
		if (match) return { code, details: match.groups ?? {} };
	}
	throw new Error(`no template gives topobind's message ${JSON.stringify(message)}`);
}
