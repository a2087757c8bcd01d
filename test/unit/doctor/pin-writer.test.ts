import { describe, expect, it } from 'vitest';
import type { RequestOptions } from '../../../src/cluster/api/client.ts';
import { ApiError } from '../../../src/cluster/api/errors.ts';
import { type RawEvent, traceOf } from '../../../src/cluster/pin-trace.ts';
import { ApiPinWriter } from '../../../src/cluster/pin-writer.ts';
import { project } from '../domain/builders.ts';
import { DRIVER } from '../domain/source-builders.ts';
import { LATER, PINNED_AT, pinned } from './support.ts';

const judged = project(pinned('data', 'n9', { version: '41' }));
const PATH = '/api/v1/namespaces/ns/persistentvolumeclaims/data';

interface Request {
	readonly method: string;
	readonly path: string;
	readonly options: RequestOptions | undefined;
}

/** Answers in turn: with a value, or with an HTTP status as an error. */
function writerFor(...answers: readonly (object | number)[]) {
	const requests: Request[] = [];
	const left = [...answers];
	const request = async (method: string, path: string, options?: RequestOptions) => {
		requests.push({ method, path, options });
		const answer = left.shift() ?? {};
		if (typeof answer === 'number') throw new ApiError({ method, path }, answer, { message: `answered ${answer}` });
		return answer as never;
	};
	return { writer: new ApiPinWriter({ request }), requests };
}

const time = (ms: number) => new Date(ms).toISOString();

const raw = (annotations: Record<string, string> = { 'volume.kubernetes.io/storage-provisioner': DRIVER }) => ({
	metadata: {
		uid: 'uid-data',
		resourceVersion: '41',
		annotations,
		managedFields: [
			{ time: time(PINNED_AT - 5000), fieldsV1: { 'f:spec': {} } },
			{
				time: time(PINNED_AT),
				fieldsV1: { 'f:metadata': { 'f:annotations': { 'f:volume.kubernetes.io/selected-node': {} } } },
			},
			{
				time: time(PINNED_AT + 1000),
				fieldsV1: { 'f:metadata': { 'f:annotations': { 'f:volume.kubernetes.io/storage-provisioner': {} } } },
			},
		],
	},
});

function event(version: number, reason: string, message = '', fields: Partial<RawEvent> = {}): RawEvent {
	return {
		metadata: { resourceVersion: String(version), managedFields: [{ time: time(LATER) }] },
		involvedObject: { uid: 'uid-data' },
		source: { component: `${DRIVER}_provisioner-0_4711` },
		reason,
		message,
		...fields,
	};
}

const NOT_FOUND = 'rpc error: code = NotFound desc = no such snapshot here';

describe('the trace of a pinned claim', () => {
	it('tells whom was asked, when it was pinned, and the last word', () => {
		expect(traceOf(raw(), [event(9, 'Provisioning'), event(10, 'ProvisioningFailed', NOT_FOUND)])).toEqual({
			uid: 'uid-data',
			resourceVersion: '41',
			provisioner: DRIVER,
			pinnedAt: PINNED_AT,
			askedAt: PINNED_AT + 1000,
			lastWord: { reason: 'ProvisioningFailed', code: 'NotFound', at: LATER },
			lastSign: { reason: 'ProvisioningFailed', at: LATER },
		});
	});

	it.each<[string, RawEvent]>([
		['another library of the same provisioner', event(9, 'Odd', '', { source: { component: `${DRIVER}_x` } })],
		['a provisioner of another name', event(9, 'ProvisioningFailed', '', { source: { component: 'own-provisioner' } })],
		['what says who it is in the new way', event(9, 'Provisioning', '', { source: {}, reportingComponent: DRIVER })],
	])('takes %s for a sign of life', (_, sign) => {
		expect(traceOf(raw(), [sign])).toMatchObject({ lastSign: { reason: sign.reason, at: LATER } });
	});

	it.each<[string, RawEvent]>([
		[
			'that the PV controller waits',
			event(9, 'ExternalProvisioning', '', { source: { component: 'persistentvolume-controller' } }),
		],
		[
			'that the PV controller fails',
			event(9, 'ProvisioningFailed', '', { source: { component: 'persistentvolume-controller' } }),
		],
		['what the doctor says', event(9, 'TopobindPinFound', '', { source: { component: 'topobind' } })],
		['what was said of an earlier claim', event(9, 'Provisioning', '', { involvedObject: { uid: 'earlier' } })],
	])('does not take for one %s', (_, other) => {
		expect(traceOf(raw(), [other]).lastSign).toBeUndefined();
	});

	it('goes by the newest sign, and knows that there was one where the order is not known', () => {
		const begun = event(9, 'Provisioning');
		expect(traceOf(raw(), [event(10, 'ProvisioningFailed'), begun]).lastSign?.reason).toBe('ProvisioningFailed');
		const odd = event(11, 'Provisioning', '', { metadata: { resourceVersion: 'abc' } });
		expect(traceOf(raw(), [begun, odd]).lastSign).toEqual({ reason: '', at: undefined });
	});

	it('goes by the last time that anything was written', () => {
		const [early, late] = [{ time: time(PINNED_AT) }, { time: time(LATER) }];
		for (const managedFields of [
			[early, late],
			[late, early],
		]) {
			const metadata = { resourceVersion: '9', managedFields };
			expect(traceOf(raw(), [event(9, 'Provisioning', '', { metadata })]).lastWord?.at).toBe(LATER);
		}
	});

	it('goes by arrival, as numbers', () => {
		const failed = event(9, 'ProvisioningFailed', NOT_FOUND);
		expect(traceOf(raw(), [failed, event(10, 'Provisioning')]).lastWord?.reason).toBe('Provisioning');
		expect(traceOf(raw(), [event(10, 'Provisioning'), failed]).lastWord?.reason).toBe('Provisioning');
		const odd = event(11, 'Provisioning', '', { metadata: { resourceVersion: 'abc' } });
		expect(traceOf(raw(), [failed, odd]).lastWord).toBeUndefined();
	});

	it('listens to the provisioner alone, and of this claim alone', () => {
		const others = [
			event(12, 'ProvisioningFailed', 'x', { source: { component: 'persistentvolume-controller' } }),
			event(13, 'ExternalProvisioning'),
			event(14, 'Provisioning', '', { involvedObject: { uid: 'uid-of-an-earlier-one' } }),
			event(15, 'Provisioning', '', { source: { component: `${DRIVER}.other_x` } }),
		];
		const word = traceOf(raw(), [event(9, 'ProvisioningFailed', NOT_FOUND), ...others]).lastWord;
		expect(word?.code).toBe('NotFound');
	});

	it.each([
		[NOT_FOUND, 'NotFound'],
		[`(combined from similar events): ${NOT_FOUND}`, 'NotFound'],
		[`failed to provision volume with StorageClass "csi": ${NOT_FOUND}`, 'NotFound'],
		[
			'Volume provisioning failed with infeasible error. Retries will be delayed. rpc error: code = InvalidArgument desc = no',
			'InvalidArgument',
		],
		[`error getting handle for DataSource Type VolumeSnapshot by Name s: ${NOT_FOUND}`, undefined],
		['error generating accessibility requirements: no topology key found on node n1', undefined],
	])('reads an answer of CreateVolume and nothing else: %s', (message, code) => {
		expect(traceOf(raw(), [event(9, 'ProvisioningFailed', message)]).lastWord?.code).toBe(code);
	});

	it('knows the beta annotation too, and of nobody asked', () => {
		const beta = { 'volume.beta.kubernetes.io/storage-provisioner': DRIVER };
		expect(traceOf(raw(beta), []).provisioner).toBe(DRIVER);
		expect(traceOf(raw({}), [event(9, 'Provisioning')])).toMatchObject({ provisioner: undefined, lastWord: undefined });
		expect(traceOf({}, []).pinnedAt).toBeUndefined();
	});
});

describe('ApiPinWriter', () => {
	it('reads the claim, then its events', async () => {
		const { writer, requests } = writerFor(raw(), { items: [event(9, 'Provisioning')] });
		expect((await writer.trace(judged))?.lastWord?.reason).toBe('Provisioning');
		expect(requests.map(({ method, path, options }) => [method, path, options?.query])).toEqual([
			['GET', PATH, undefined],
			['GET', '/api/v1/namespaces/ns/events', { fieldSelector: 'involvedObject.uid=uid-data' }],
		]);
		expect(await writerFor(404).writer.trace(judged)).toBeUndefined();
		await expect(writerFor(403).writer.trace(judged)).rejects.toThrow('answered 403');
	});

	it('reads the claim alone', async () => {
		const { writer, requests } = writerFor(raw());
		expect(await writer.read(judged)).toMatchObject({ provisioner: DRIVER, pinnedAt: PINNED_AT });
		expect(requests).toHaveLength(1);
		expect(await writerFor(404).writer.read(judged)).toBeUndefined();
		await expect(writerFor(403).writer.read(judged)).rejects.toThrow('answered 403');
	});

	it('removes the annotation alone, of this very version of this very claim', async () => {
		const { writer, requests } = writerFor({});
		expect(await writer.removePin(judged)).toBe(true);
		expect(requests).toEqual([
			{
				method: 'PATCH',
				path: PATH,
				options: {
					contentType: 'application/merge-patch+json',
					body: {
						metadata: {
							uid: 'uid-data',
							resourceVersion: '41',
							annotations: { 'volume.kubernetes.io/selected-node': null },
						},
					},
				},
			},
		]);
	});

	it('tells a conflict and a claim that is gone from a failure', async () => {
		expect(await writerFor(409).writer.removePin(judged)).toBe(false);
		expect(await writerFor(404).writer.removePin(judged)).toBe(false);
		await expect(writerFor(403).writer.removePin(judged)).rejects.toThrow('answered 403');
	});
});
