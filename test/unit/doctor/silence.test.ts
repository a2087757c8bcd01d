import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PinTrace } from '../../../src/cluster/pin-trace.ts';
import { waitingPins } from '../../../src/doctor/diagnose.ts';
import { listenTo } from '../../../src/doctor/silence.ts';
import { cluster, FakePinWriter, LATER, PINNED_AT, pinned, traceFor } from './support.ts';

const MINUTE = 60_000;
const SILENCE_MS = 10 * MINUTE;

beforeEach(() => {
	vi.useFakeTimers();
	vi.setSystemTime(PINNED_AT + 30 * MINUTE);
});
afterEach(() => void vi.useRealTimers());

async function listen(trace: Partial<PinTrace> | undefined) {
	const writer = new FakePinWriter();
	writer.trace_ = (judged) => trace && traceFor(judged, trace);
	const [waiting] = waitingPins(cluster(pinned('data', 'n1')));
	if (!waiting) throw new Error('nothing waits');
	return { ...(await listenTo(waiting, writer, SILENCE_MS)), calls: writer.calls };
}

describe('a provisioner is silent', () => {
	it('that has said nothing since it was asked', async () => {
		const { finding } = await listen({});
		expect(finding).toMatchObject({
			code: 'PIN_PROVISIONER_SILENT',
			node: 'n1',
			message:
				'local.example.com was asked for its volume on node n1, and no event on record tells of an attempt since 2026-11-01T10:00:00.000Z',
		});
	});

	it('that has failed, and said nothing since', async () => {
		const { finding } = await listen({ lastSign: { reason: 'ProvisioningFailed', at: LATER } });
		expect(finding?.message).toMatch(/an attempt since ProvisioningFailed at 2026-11-01T10:01:00.000Z$/);
	});

	it('that was asked long after the claim was pinned, or the other way round: the later counts', async () => {
		const { finding } = await listen({ askedAt: LATER });
		expect(finding?.message).toMatch(/10:01:00/);
		expect((await listen({ pinnedAt: LATER })).finding?.message).toMatch(/10:01:00/);
		expect(
			(await listen({ lastSign: { reason: 'ProvisioningFailed', at: PINNED_AT - MINUTE } })).finding?.message,
		).toMatch(/since 2026-11-01T10:00:00/);
	});
});

describe('nothing is found, and no event read,', () => {
	it('before silence can be long enough', async () => {
		const pinnedAt = Date.now() - SILENCE_MS + 1;
		expect(await listen({ pinnedAt })).toEqual({ silentAt: Date.now() + 1, calls: ['read data'] });
		expect(await listen({ askedAt: pinnedAt })).toEqual({ silentAt: Date.now() + 1, calls: ['read data'] });
		expect((await listen({ pinnedAt: pinnedAt - 1 })).finding).toBeDefined();
	});

	it.each<[string, Partial<PinTrace> | undefined]>([
		['nobody was asked', { provisioner: undefined }],
		['another provisioner was asked', { provisioner: 'old.example.com' }],
		['it is not known when it was pinned', { pinnedAt: undefined }],
		['it is not known when anybody was asked', { askedAt: undefined }],
		['the claim is gone', undefined],
	])('where %s', async (_, trace) => {
		expect(await listen(trace)).toEqual({ calls: ['read data'] });
	});
});

describe('nothing is found', () => {
	it('while it speaks', async () => {
		const at = Date.now() - SILENCE_MS + 1;
		const { finding, silentAt } = await listen({ lastSign: { reason: 'ProvisioningFailed', at } });
		expect(finding).toBeUndefined();
		expect(silentAt).toBe(Date.now() + 1);
	});

	it.each<[string, Partial<PinTrace>]>([
		['an attempt has begun, however long ago', { lastSign: { reason: 'Provisioning', at: LATER } }],
		['an attempt had begun before it was pinned', { lastSign: { reason: 'Provisioning', at: PINNED_AT - 1 } }],
		['when it last spoke is not known', { lastSign: { reason: 'ProvisioningFailed', at: undefined } }],
		['the claim is another by now', { uid: 'another' }],
		['the claim has changed', { resourceVersion: '7' }],
	])('where %s', async (_, trace) => {
		expect((await listen(trace)).finding).toBeUndefined();
	});
});
