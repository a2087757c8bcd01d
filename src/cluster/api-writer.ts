import type { Claim, Pod, Volume } from '../domain/model.ts';
import { isReservedFor } from '../domain/storage/static-volumes.ts';
import type { KubeClient, RequestOptions } from './api/client.ts';
import { ApiError, ApiUnreachable } from './api/errors.ts';
import { passes } from './insist.ts';
import { projectClaim, projectPod, projectVolume } from './projections.ts';
import { type ClusterWriter, type PodMarker, TRY_AGAIN, WriteError, type WriteFailure } from './writer.ts';

/** Shorter than the reads': a bind has a deadline of its own and may try again. */
const TIMEOUT_MS = 10_000;

const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

/** Writes to a real API server. Patches carry the resourceVersion that was judged, so that a change in between is a conflict. */
export class ApiWriter implements ClusterWriter, PodMarker {
	readonly #client: KubeClient;

	constructor(client: KubeClient) {
		this.#client = client;
	}

	async claimVolume(volume: Volume, claim: Claim): Promise<Volume> {
		const { namespace, name, uid, resourceVersion } = claim;
		const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion };
		// A volume that its owner has reserved stays marked as such.
		const annotations = isReservedFor(volume, claim) ? {} : { [BOUND_BY_CONTROLLER]: 'yes' };
		const path = `/api/v1/persistentvolumes/${segment(volume.name)}`;
		return projectVolume(await this.#patch(path, volume, { metadata: { annotations }, spec: { claimRef } }));
	}

	async selectNode(claim: Claim, node: string): Promise<Claim> {
		const path = claimPath(claim.namespace, claim.name);
		return projectClaim(await this.#patch(path, claim, { metadata: { annotations: { [SELECTED_NODE]: node } } }));
	}

	async bindPod(
		pod: { readonly namespace: string; readonly name: string; readonly uid: string },
		node: string,
	): Promise<void> {
		const { namespace, name, uid } = pod;
		await this.#send('POST', `/api/v1/namespaces/${segment(namespace)}/pods/${segment(name)}/binding`, {
			body: {
				apiVersion: 'v1',
				kind: 'Binding',
				metadata: { namespace, name, uid },
				target: { apiVersion: 'v1', kind: 'Node', name: node },
			},
		});
	}

	async markPod(
		pod: { readonly namespace: string; readonly name: string; readonly uid: string },
		mark: string,
	): Promise<void> {
		const { namespace, name, uid } = pod;
		const body = { metadata: { uid, annotations: { [TRY_AGAIN]: mark } } };
		const contentType = 'application/merge-patch+json';
		await this.#send('PATCH', `/api/v1/namespaces/${segment(namespace)}/pods/${segment(name)}`, { body, contentType });
	}

	async readPod(namespace: string, name: string): Promise<Pod | undefined> {
		const raw = await this.#read(`/api/v1/namespaces/${segment(namespace)}/pods/${segment(name)}`);
		return raw && projectPod(raw);
	}

	async readClaim(namespace: string, name: string): Promise<Claim | undefined> {
		const raw = await this.#read(claimPath(namespace, name));
		return raw && projectClaim(raw);
	}

	#patch(
		path: string,
		{ uid, resourceVersion }: Volume | Claim,
		change: { readonly metadata: object; readonly spec?: object },
	): Promise<never> {
		const body = { ...change, metadata: { uid, resourceVersion, ...change.metadata } };
		return this.#send('PATCH', path, { body, contentType: 'application/merge-patch+json' });
	}

	async #read(path: string): Promise<never | undefined> {
		try {
			return await this.#send('GET', path);
		} catch (error) {
			if (error instanceof WriteError && error.failure === 'gone') return undefined;
			throw error;
		}
	}

	async #send(method: string, path: string, options: RequestOptions = {}): Promise<never> {
		try {
			return await this.#client.request<never>(method, path, { ...options, timeoutMs: TIMEOUT_MS });
		} catch (error) {
			throw writeErrorOf(error);
		}
	}
}

const NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;

/** A name as part of a path. What is no name would address something else, so it is never sent. */
function segment(name: string): string {
	if (NAME.test(name)) return name;
	throw new WriteError('refused', `${JSON.stringify(name.slice(0, 300))} is not a name that Kubernetes takes`);
}

function claimPath(namespace: string, name: string): string {
	return `/api/v1/namespaces/${segment(namespace)}/persistentvolumeclaims/${segment(name)}`;
}

function writeErrorOf(error: unknown): unknown {
	if (error instanceof ApiUnreachable) return new WriteError('transient', error.message, { cause: error });
	if (!(error instanceof ApiError)) return error;
	const { retryAfterMs } = error;
	return new WriteError(failureOf(error), error.message, {
		cause: error,
		...(retryAfterMs !== undefined && { retryAfterMs }),
	});
}

function failureOf(error: ApiError): WriteFailure {
	if (error.status === 409) return 'conflict';
	if (error.status === 404) return 'gone';
	return passes(error) ? 'transient' : 'refused';
}
