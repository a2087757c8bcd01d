/** What can go wrong between topobind and the API server, as kinds of error that callers tell apart. */

/** The `Status` object that an API server answers with when it refuses. */
export interface KubeStatus {
	readonly code?: number;
	readonly reason?: string;
	readonly message?: string;
	readonly details?: { readonly retryAfterSeconds?: number };
}

/** The request an error is about. */
export interface Attempt {
	readonly method: string;
	/** Without the query. */
	readonly path: string;
}

/** The API server answered, and the answer was no. `message` is the Status.message. */
export class ApiError extends Error {
	/** HTTP status, or the code of an ERROR event in a watch. */
	readonly status: number;
	/** Status.reason (`NotFound`, `Conflict`, `Expired` …), '' where the server gave none. */
	readonly reason: string;
	/** How long the server asks us to stay away, in milliseconds. */
	readonly retryAfterMs?: number;
	readonly method: string;
	readonly path: string;

	constructor(attempt: Attempt, status: number, body: KubeStatus, retryAfterMs = retryAfterOfStatus(body)) {
		super(body.message || answered(attempt, status));
		this.name = 'ApiError';
		this.status = status;
		this.reason = body.reason ?? '';
		this.method = attempt.method;
		this.path = attempt.path;
		if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
	}
}

/** No usable answer: no connection, no credentials, no answer in time, or not an API server at all. */
export class ApiUnreachable extends Error {
	/** The server's URL without user information. */
	readonly server: string;
	readonly method: string;
	readonly path: string;

	constructor(server: string, attempt: Attempt, cause: unknown) {
		super(`cannot reach the API server at ${server} (${attempt.method} ${attempt.path}): ${describeCause(cause)}`, {
			cause,
		});
		this.name = 'ApiUnreachable';
		this.server = server;
		this.method = attempt.method;
		this.path = attempt.path;
	}
}

/** The first request of all was refused. The message names the credentials and the server, as there may be several of each. */
export class ApiRefused extends Error {
	constructor(client: string, error: ApiError) {
		const what = answered(error, error.status);
		super(`${client}: ${what}${error.message === what ? '' : `: ${error.message}`}`, { cause: error });
		this.name = 'ApiRefused';
	}
}

/** A kubeconfig that cannot be used. The message names the file and what is wrong with it. */
export class KubeConfigError extends Error {
	constructor(message: string, cause?: unknown) {
		super(message, { cause });
		this.name = 'KubeConfigError';
	}
}

/** This process runs in a pod whose service account cannot be used. The message names what is missing, and what would help. */
export class ServiceAccountError extends Error {
	constructor(problem: string, cause?: unknown) {
		super(
			`this process runs in a pod, but ${problem}. Let the pod have the token of its service account ` +
				'(serviceAccountName, and automountServiceAccountToken not false), or name a cluster with --kubeconfig, or, ' +
				'for manifests in memory instead of a cluster, files with --manifests',
			{ cause },
		);
		this.name = 'ServiceAccountError';
	}
}

function answered({ method, path }: Attempt, status: number): string {
	return `the API server answered ${status} to ${method} ${path}`;
}

/** The error for a non-2xx response: from its Status where the body is one, else from the start of its text. */
export function errorFromResponse(
	attempt: Attempt,
	status: number,
	text: string,
	retryAfter: string | undefined,
): ApiError {
	const body = parseStatus(text);
	return new ApiError(attempt, status, body, parseRetryAfter(retryAfter) ?? retryAfterOfStatus(body));
}

/** A Retry-After header (seconds, or an HTTP date) in milliseconds from now. */
export function parseRetryAfter(header: string | undefined, now = Date.now()): number | undefined {
	if (header === undefined || header.trim() === '') return undefined;
	const seconds = Number(header);
	if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
	const date = Date.parse(header);
	return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function retryAfterOfStatus(body: KubeStatus): number | undefined {
	const seconds = body.details?.retryAfterSeconds;
	return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
}

function parseStatus(text: string): KubeStatus {
	try {
		const body: unknown = JSON.parse(text);
		if (typeof body === 'object' && body !== null) return body;
	} catch {
		// A proxy in between answers in HTML or plain text; its first words are better than nothing.
	}
	const words = text.trim().slice(0, 200);
	return words === '' ? {} : { message: words };
}

const CERTIFICATE_ADVICE: Readonly<Record<string, string>> = {
	SELF_SIGNED_CERT_IN_CHAIN: "the server's certificate is not signed by the configured certificate authority",
	DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is not signed by the configured certificate authority",
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the server's certificate is not signed by the configured certificate authority",
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the server's certificate is not signed by the configured certificate authority",
	CERT_HAS_EXPIRED: "the server's certificate has expired",
};

function describeCause(cause: unknown): string {
	if (!(cause instanceof Error)) return String(cause);
	// A name with both an IPv4 and an IPv6 address fails with one error an address and no message of its own.
	if (cause instanceof AggregateError && cause.errors.length > 0) return cause.errors.map(describeCause).join('; ');
	const advice = CERTIFICATE_ADVICE[(cause as NodeJS.ErrnoException).code ?? ''];
	const message = cause.message || cause.name;
	return advice === undefined ? message : `${advice} (${message})`;
}
