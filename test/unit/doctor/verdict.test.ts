import { describe, expect, it } from 'vitest';
import type { PinTrace } from '../../../src/cluster/pin-trace.ts';
import { diagnosePins } from '../../../src/doctor/diagnose.ts';
import { PIN_CODES, type PinCode, type PinFinding } from '../../../src/doctor/findings.ts';
import { verdictOn } from '../../../src/doctor/verdict.ts';
import { requirementOfLabelSelector } from '../../../src/domain/topology/requirement.ts';
import { content, restore, snapshot } from '../domain/source-builders.ts';
import { answered, cluster, PINNED_AT, SCENES, SEEN_CODES, silentFinding, traceFor } from './support.ts';

const findings = new Map<PinCode, PinFinding>([['PIN_PROVISIONER_SILENT', await silentFinding()]]);
for (const code of SEEN_CODES) findings.set(code, diagnosePins(SCENES[code]())[0] as PinFinding);
const findingOf = (code: PinCode) => findings.get(code) as PinFinding;

function verdict(code: PinCode, trace: Partial<PinTrace> = {}, gone: readonly string[] = []) {
	const finding = findingOf(code);
	return verdictOn(finding, traceFor(finding.claim, trace), new Set(gone));
}

describe('a verdict', () => {
	it.each(PIN_CODES)('%s: safe while no provisioner was ever asked', (code) => {
		const { repair, because } = verdict(code, { provisioner: undefined });
		expect(repair).toBe('safe');
		expect(because).toContain('storage-provisioner');
	});

	it.each(PIN_CODES)('%s: refused once one was asked, with what to do instead', (code) => {
		expect(verdict(code)).toMatchObject({
			repair: 'refused',
			instead: expect.stringContaining('kubectl delete pvc -n ns data'),
		});
	});

	it.each(PIN_CODES.filter((code) => code !== 'PIN_SOURCE_UNREACHABLE'))(
		'%s: no answer of the driver proves that the next is the same',
		(code) => {
			expect(verdict(code, answered('NotFound')).repair).toBe('refused');
		},
	);

	it.each(PIN_CODES)('%s: a selector proves something of a source that is invalid, and of nothing else', (code) => {
		const { claim, ...finding } = findingOf(code);
		const selecting = { ...claim, selector: requirementOfLabelSelector({ matchLabels: { a: 'b' } }) };
		const { repair } = verdictOn({ ...finding, claim: selecting }, traceFor(claim), new Set());
		expect(repair).toBe(code === 'PIN_SOURCE_INVALID' ? 'safe' : 'refused');
	});

	it.each(['NotFound', 'InvalidArgument'])('PIN_SOURCE_UNREACHABLE: safe once the driver confirms it by %s', (code) => {
		const { repair, because } = verdict('PIN_SOURCE_UNREACHABLE', answered(code));
		expect(repair).toBe('safe');
		expect(because).toContain(`${code}, at 2026-11-01T10:01:00.000Z`);
	});

	it.each<[string, Partial<PinTrace>, string]>([
		['it has begun anew', { lastWord: { reason: 'Provisioning', code: undefined, at: PINNED_AT + 1 } }, 'has begun'],
		['it ran out of time', answered('DeadlineExceeded'), 'DeadlineExceeded, is not about the source'],
		['one is pending', answered('Aborted'), 'Aborted'],
		['the driver went away', answered('Unavailable'), 'Unavailable'],
		['another error is final, but says nothing of the source', answered('Internal'), 'Internal'],
		['it failed before the driver was called', answered(undefined), 'not an answer of the driver'],
		['it has succeeded', answered(undefined, { reason: 'ProvisioningSucceeded' }), 'ProvisioningSucceeded'],
		['the answer is of an earlier pin', answered('NotFound', { at: PINNED_AT - 1 }), 'before it was pinned'],
		['the answer is of the same second', answered('NotFound', { at: PINNED_AT }), 'before it was pinned'],
		[
			'the answer is so soon after the pin that clocks may differ',
			answered('NotFound', { at: PINNED_AT + 2000 }),
			'too soon',
		],
		[
			'the answer is of another provisioner',
			{ ...answered('NotFound'), provisioner: 'old.example.com' },
			'another provisioner',
		],
		['when it was pinned is not known', { ...answered('NotFound'), pinnedAt: undefined }, 'is not known'],
		['nothing is on record', {}, 'no answer of the driver is on record'],
	])('PIN_SOURCE_UNREACHABLE: refused where %s', (_, trace, why) => {
		const { repair, because } = verdict('PIN_SOURCE_UNREACHABLE', trace);
		expect(repair).toBe('refused');
		expect(because).toContain(why);
	});

	it('PIN_NODE_GONE: safe where the operator vouches for that very machine', () => {
		expect(verdict('PIN_NODE_GONE', {}, ['n9']).repair).toBe('safe');
		expect(verdict('PIN_NODE_GONE', {}, ['n8']).repair).toBe('refused');
		expect(verdict('PIN_CSINODE_GONE', {}, ['n1']).repair).toBe('refused');
		// It is that provisioner which may have a volume in the making.
		const { because } = verdict('PIN_NODE_GONE', { provisioner: 'old.example.com' }, ['n9']);
		expect(because).toContain('the provisioner of old.example.com with it');
	});

	it('PIN_SOURCE_INVALID: safe where it is the selector, which cannot change', () => {
		const selector = { matchLabels: { a: 'b' } };
		const data = restore('data', 'snap', { selectedNode: 'n1', selector });
		const [finding] = diagnosePins(cluster(snapshot('snap'), content('snap'), data)) as [PinFinding];
		expect(finding.code).toBe('PIN_SOURCE_INVALID');
		expect(verdictOn(finding, traceFor(finding.claim), new Set()).repair).toBe('safe');
		// Of an earlier class of that name: what it does with selectors is not known.
		const asked = traceFor(finding.claim, { provisioner: 'old.example.com' });
		expect(verdictOn(finding, asked, new Set()).repair).toBe('refused');
	});
});
