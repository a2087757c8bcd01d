/** The removal of a pin, where its answer is lost: whether it was carried out is found out, not guessed. */

import { expect, it } from 'vitest';
import { ApiError, ApiUnreachable } from '../../../src/cluster/api/errors.ts';
import { ApiPinWriter } from '../../../src/cluster/pin-writer.ts';
import type { Claim } from '../../../src/domain/model.ts';

const PIN = 'volume.kubernetes.io/selected-node';
const judged = { namespace: 'ns', name: 'data', uid: 'uid-data', resourceVersion: '41' } as Claim;

/** A pinned claim; the answer to the first patch is lost, before or after it was carried out. */
function server(loses: 'before' | 'after' | undefined, then: (claim: StoredClaim) => void = () => {}) {
	const claim: StoredClaim = { metadata: { uid: 'uid-data', resourceVersion: '41', annotations: { [PIN]: 'n1' } } };
	const versions: string[] = [];
	let first = true;
	const request = async (method: string, path: string, options: { body?: unknown } = {}) => {
		if (method === 'GET') return claim as never;
		const { metadata } = options.body as StoredClaim;
		versions.push(metadata.resourceVersion);
		const isLost = first && loses !== undefined;
		first = false;
		const lost = new ApiUnreachable('https://api.test', { method, path }, new Error('reset'));
		if (isLost && loses === 'before') {
			then(claim);
			throw lost;
		}
		if (metadata.resourceVersion !== claim.metadata.resourceVersion) throw new ApiError({ method, path }, 409, {});
		claim.metadata.resourceVersion = '42';
		delete claim.metadata.annotations[PIN];
		if (!isLost) return claim as never;
		then(claim);
		throw lost;
	};
	return { claim, versions, writer: new ApiPinWriter({ request }) };
}

interface StoredClaim {
	readonly metadata: { uid: string; resourceVersion: string; readonly annotations: Record<string, string> };
}

it.each(['before', 'after'] as const)('lost %s it was carried out: removed, by the version judged', async (loses) => {
	const { claim, versions, writer } = server(loses);
	expect(await writer.removePin(judged)).toBe(true);
	expect(claim.metadata.annotations).toEqual({});
	expect(new Set(versions)).toEqual(new Set(['41']));
});

it('lost, and somebody has changed the claim meanwhile: nothing was removed, nor is any more', async () => {
	const { claim, writer } = server('before', ({ metadata }) => {
		metadata.resourceVersion = '50';
	});
	expect(await writer.removePin(judged)).toBe(false);
	expect(claim.metadata.annotations).toEqual({ [PIN]: 'n1' });
});

it('carried out, and the claim is pinned again, or another one by then: not told as removed', async () => {
	const pinned = server('after', ({ metadata }) => {
		metadata.annotations[PIN] = 'n2';
	});
	expect(await pinned.writer.removePin(judged)).toBe(false);
	const another = server('after', ({ metadata }) => {
		metadata.uid = 'uid-new';
	});
	expect(await another.writer.removePin(judged)).toBe(false);
});

it('no answer was lost: a conflict is somebody else, though the pin is gone', async () => {
	const { claim, writer } = server(undefined);
	claim.metadata.resourceVersion = '43';
	delete claim.metadata.annotations[PIN];
	expect(await writer.removePin(judged)).toBe(false);
});
