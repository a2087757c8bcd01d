/** A checkout with one fault in it, as far as the extender needs it. */

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout } from '../harness/topobind.ts';
import type { Fault } from './fault.ts';

const HARNESS = 'test/agreement/harness';

/** Makes the copy; the caller removes it. */
export function copyWith(fault: Fault): { readonly root: string; readonly remove: () => void } {
	const patched = apply(fault);
	const root = mkdtempSync(join(tmpdir(), 'agreement-fault-'));
	cpSync(join(checkout, 'src'), join(root, 'src'), { recursive: true });
	mkdirSync(join(root, HARNESS), { recursive: true });
	cpSync(join(checkout, HARNESS, 'server.ts'), join(root, HARNESS, 'server.ts'));
	cpSync(join(checkout, 'package.json'), join(root, 'package.json'));
	symlinkSync(join(checkout, 'node_modules'), join(root, 'node_modules'));
	writeFileSync(join(root, 'src/domain', fault.file), patched);
	return { root, remove: () => rmSync(root, { recursive: true }) };
}

/** The faulty text of the file. Throws where the rule no longer stands there as it did. */
export function apply({ file, from, to, what }: Fault): string {
	const parts = readFileSync(join(checkout, 'src/domain', file), 'utf8').split(from);
	if (parts.length === 2) return parts.join(to);
	const found = parts.length === 1 ? 'is not there' : `is there ${parts.length - 1} times`;
	throw new Error(`the fault "${what}" does not apply: in ${file} this ${found}:\n${from}`);
}
