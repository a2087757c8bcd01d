import { describe, expect, it } from 'vitest';
import type { KubeClient, RequestOptions } from '../../../src/cluster/api/client.ts';
import { ApiError, ApiUnreachable } from '../../../src/cluster/api/errors.ts';
import { ApiWriter } from '../../../src/cluster/api-writer.ts';
import { claim, pod, project, volume } from '../domain/builders.ts';

const CLAIM = project(claim('data'));
const POD = { namespace: 'ns', name: 'app', uid: 'uid-app' };

/** Answers with this, or throws it. */
function writerFor(answer: object | Error) {
	const requests: { method: string; path: string; options: RequestOptions }[] = [];
	const client = {
		async request(method: string, path: string, options: RequestOptions = {}) {
			requests.push({ method, path, options });
			if (answer instanceof Error) throw answer;
			return answer;
		},
	};
	return { requests, writer: new ApiWriter(client as unknown as KubeClient) };
}

const MERGE = { contentType: 'application/merge-patch+json', timeoutMs: 10_000 };
const status = (code: number, seconds?: number) =>
	new ApiError({ method: 'X', path: '/x' }, code, {
		message: `answered ${code}`,
		...(seconds && { details: { retryAfterSeconds: seconds } }),
	});

describe('a volume is claimed', () => {
	const { uid, resourceVersion } = CLAIM;
	const claimRef = {
		...{ kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: 'ns', name: 'data', uid, resourceVersion },
	};

	it('as the version and the volume that were judged, marked as bound by a controller', async () => {
		const free = volume('pv');
		const { requests, writer } = writerFor({ ...free, metadata: { ...free.metadata, resourceVersion: '99' } });
		expect(await writer.claimVolume(project(free), CLAIM)).toMatchObject({ name: 'pv', resourceVersion: '99' });
		const judged = project(free);
		const annotations = { 'pv.kubernetes.io/bound-by-controller': 'yes' };
		expect(requests).toEqual([
			{
				method: 'PATCH',
				path: '/api/v1/persistentvolumes/pv',
				options: {
					...MERGE,
					body: {
						metadata: { uid: judged.uid, resourceVersion: judged.resourceVersion, annotations },
						spec: { claimRef },
					},
				},
			},
		]);
	});

	it('without the mark where its owner has reserved it', async () => {
		const reserved = volume('pv', { claimRef: { name: 'data' } });
		const { requests, writer } = writerFor(reserved);
		await writer.claimVolume(project(reserved), CLAIM);
		const { uid, resourceVersion } = project(reserved);
		const metadata = { uid, resourceVersion, annotations: {} };
		expect(requests[0]?.options.body).toEqual({ metadata, spec: { claimRef } });
	});
});

it('a node is selected for the version and the claim that were judged', async () => {
	const { requests, writer } = writerFor(claim('data'));
	await writer.selectNode(CLAIM, 'n1');
	const { uid, resourceVersion } = CLAIM;
	const annotations = { 'volume.kubernetes.io/selected-node': 'n1' };
	expect(requests).toEqual([
		{
			method: 'PATCH',
			path: '/api/v1/namespaces/ns/persistentvolumeclaims/data',
			options: { ...MERGE, body: { metadata: { uid, resourceVersion, annotations } } },
		},
	]);
});

it('a pod is bound, and marked, by its UID', async () => {
	const { requests, writer } = writerFor({});
	await writer.bindPod(POD, 'n1');
	await writer.markPod(POD, 'now');
	expect(requests).toEqual([
		{
			method: 'POST',
			path: '/api/v1/namespaces/ns/pods/app/binding',
			options: {
				timeoutMs: 10_000,
				body: {
					...{ apiVersion: 'v1', kind: 'Binding', metadata: POD },
					target: { apiVersion: 'v1', kind: 'Node', name: 'n1' },
				},
			},
		},
		{
			method: 'PATCH',
			path: '/api/v1/namespaces/ns/pods/app',
			options: { ...MERGE, body: { metadata: { uid: 'uid-app', annotations: { 'topobind.dev/try-again': 'now' } } } },
		},
	]);
});

it('a pod and a claim are read; undefined where they are gone', async () => {
	expect(await writerFor(pod('app')).writer.readPod('ns', 'app')).toMatchObject({ name: 'app' });
	const { requests, writer } = writerFor(claim('data'));
	expect(await writer.readClaim('ns', 'data')).toMatchObject({ name: 'data' });
	expect(requests[0]).toMatchObject({ method: 'GET', path: '/api/v1/namespaces/ns/persistentvolumeclaims/data' });
	const { writer: gone } = writerFor(status(404));
	expect([await gone.readPod('ns', 'app'), await gone.readClaim('ns', 'data')]).toEqual([undefined, undefined]);
	await expect(writerFor(status(503)).writer.readClaim('ns', 'data')).rejects.toMatchObject({ failure: 'transient' });
});

it.each([
	[409, 'conflict'],
	[404, 'gone'],
	[401, 'transient'],
	[429, 'transient'],
	[500, 'transient'],
	[403, 'refused'],
	[422, 'refused'],
])('%i is %s', async (code, failure) => {
	const { writer } = writerFor(status(code, 3));
	await expect(writer.bindPod(POD, 'n1')).rejects.toMatchObject({
		...{ name: 'WriteError', failure, message: `answered ${code}`, retryAfterMs: 3_000 },
	});
});

it('no answer may be tried again; a fault of ours is none of the API server', async () => {
	const lost = new ApiUnreachable('https://api.test', { method: 'X', path: '/x' }, new Error('reset'));
	await expect(writerFor(lost).writer.bindPod(POD, 'n1')).rejects.toMatchObject({ failure: 'transient' });
	await expect(writerFor(new TypeError('x')).writer.bindPod(POD, 'n1')).rejects.toThrow(TypeError);
});

it.each(['', '..', 'a/b', 'a?b', 'A', 'x'.repeat(254), 'app/status'])(
	'%j is no name, so nothing is sent',
	async (name) => {
		const { requests, writer } = writerFor({});
		const calls = [
			() => writer.bindPod({ ...POD, name }, 'n1'),
			() => writer.bindPod({ ...POD, namespace: name }, 'n1'),
			() => writer.markPod({ ...POD, name }, 'now'),
			() => writer.readPod('ns', name),
			() => writer.readClaim(name, 'data'),
			() => writer.selectNode({ ...CLAIM, name }, 'n1'),
			() => writer.claimVolume({ ...project(volume('pv')), name }, CLAIM),
		];
		for (const call of calls) await expect(call()).rejects.toMatchObject({ failure: 'refused' });
		expect(requests).toEqual([]);
	},
);
