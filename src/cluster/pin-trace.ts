/** What became of a pinned claim so far, read from the claim and its events as the API server holds them. */

const STORAGE_PROVISIONER = [
	'volume.kubernetes.io/storage-provisioner',
	'volume.beta.kubernetes.io/storage-provisioner',
];
const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

/** The claim itself, of its trace. */
export interface PinnedClaim {
	readonly uid: string;
	readonly resourceVersion: string;
	/**
	 * Whom the PV controller has asked for a volume: setClaimProvisioner in
	 * pkg/controller/volume/persistentvolume/pv_controller_base.go. It never takes that back, and provisioners do nothing
	 * before it: shouldProvision in sig-storage-lib-external-provisioner/controller/controller.go.
	 */
	readonly provisioner: string | undefined;
	/** When selected-node was written, in ms by the API server's clock; undefined where that is not known. */
	readonly pinnedAt: number | undefined;
	/** When `provisioner` was written; as for pinnedAt. */
	readonly askedAt: number | undefined;
}

export interface PinTrace extends PinnedClaim {
	/** The last that the provisioner said of the claim, of what is still kept of it. */
	readonly lastWord: ProvisionerWord | undefined;
	/** The last that any provisioner said of it, whichever was asked. */
	readonly lastSign: ProvisionerSign | undefined;
}

/** Shows that a provisioner was there, and nothing else. */
export type ProvisionerSign = Pick<ProvisionerWord, 'reason' | 'at'>;

export interface ProvisionerWord {
	readonly reason: string;
	/** gRPC code of a CreateVolume that failed; undefined where it says nothing of the kind. */
	readonly code: string | undefined;
	/** When it was written, in ms by the API server's clock. */
	readonly at: number | undefined;
}

interface RawManagedFields {
	readonly time?: string | undefined;
	readonly fieldsV1?: { readonly 'f:metadata'?: { readonly 'f:annotations'?: object } } | undefined;
}

interface RawMetadata {
	readonly uid?: string | undefined;
	readonly resourceVersion?: string | undefined;
	readonly annotations?: Readonly<Record<string, string>> | undefined;
	readonly managedFields?: readonly RawManagedFields[] | undefined;
}

export interface RawPinnedClaim {
	readonly metadata?: RawMetadata | undefined;
}

export interface RawEvent {
	readonly metadata?: RawMetadata | undefined;
	readonly involvedObject?: { readonly uid?: string | undefined } | undefined;
	readonly reason?: string | undefined;
	readonly message?: string | undefined;
	readonly source?: { readonly component?: string | undefined } | undefined;
	readonly reportingComponent?: string | undefined;
}

export function pinnedClaimOf({ metadata = {} }: RawPinnedClaim): PinnedClaim {
	const { uid = '', resourceVersion = '', annotations = {}, managedFields = [] } = metadata;
	const provisioner = STORAGE_PROVISIONER.map((name) => annotations[name]).find((value) => value !== undefined);
	const writtenAt = (names: readonly string[]) =>
		newestTime(
			managedFields.filter(({ fieldsV1 }) =>
				names.some((name) => Object.hasOwn(fieldsV1?.['f:metadata']?.['f:annotations'] ?? {}, `f:${name}`)),
			),
		);
	return {
		...{ uid, resourceVersion, provisioner },
		pinnedAt: writtenAt([SELECTED_NODE]),
		askedAt: writtenAt(STORAGE_PROVISIONER),
	};
}

export function traceOf(raw: RawPinnedClaim, events: readonly RawEvent[]): PinTrace {
	const claim = pinnedClaimOf(raw);
	const { uid, provisioner } = claim;
	const own = events.filter(({ involvedObject }) => involvedObject?.uid === uid);
	return {
		...claim,
		lastWord: provisioner === undefined ? undefined : lastWordOf(provisioner, own),
		lastSign: lastSignOf(provisioner, own),
	};
}

/** The reasons with which the library and external-provisioner tell of an attempt's start, failure and success. */
const WORDS: ReadonlySet<string | undefined> = new Set(['Provisioning', 'ProvisioningFailed', 'ProvisioningSucceeded']);

/**
 * Of the newest by arrival: an attempt that fails at once begins and ends within the same second, so times do not tell
 * which came last. Resource versions of one kind are numbers that grow (KEP-5504); with any other nothing is known.
 */
function lastWordOf(provisioner: string, events: readonly RawEvent[]): ProvisionerWord | undefined {
	const newest = newestOf(events.filter((event) => WORDS.has(event.reason) && isFrom(provisioner, event)));
	if (!newest) return undefined;
	const { reason = '', message = '', metadata } = newest;
	return { reason, code: CREATE_FAILED.exec(message)?.[1], at: newestTime(metadata?.managedFields ?? []) };
}

/**
 * Generous, as what is overheard here makes a provisioner look silent: whatever tells of provisioning counts, from whomever
 * but the PV controller, which tells of its own failures in the same words.
 */
function lastSignOf(provisioner: string | undefined, events: readonly RawEvent[]): ProvisionerSign | undefined {
	const signs = events.filter((event) => {
		if (componentOf(event) === 'persistentvolume-controller') return false;
		return /^Provision/.test(event.reason ?? '') || (provisioner !== undefined && isFrom(provisioner, event));
	});
	if (signs.length === 0) return undefined;
	const { reason = '', metadata } = newestOf(signs) ?? {};
	return { reason, at: newestTime(metadata?.managedFields ?? []) };
}

/** Undefined where there is none, or the order is not known. */
function newestOf(events: readonly RawEvent[]): RawEvent | undefined {
	if (!events.every(({ metadata }) => /^\d+$/.test(metadata?.resourceVersion ?? ''))) return undefined;
	const version = ({ metadata }: RawEvent) => BigInt(metadata?.resourceVersion ?? '0');
	return events.toSorted((a, b) => (version(a) > version(b) ? -1 : 1))[0];
}

/** The library's event source is `<provisioner>_<host>_<uuid>`. */
function isFrom(provisioner: string, event: RawEvent): boolean {
	const component = componentOf(event);
	return component === provisioner || component.startsWith(`${provisioner}_`);
}

function componentOf({ source, reportingComponent }: RawEvent): string {
	return source?.component || reportingComponent || '';
}

/** The event's message is CreateVolume's error as it is, after what client-go's correlator and the library, now and in old releases, put before it. */
const CREATE_FAILED =
	/^(?:\(combined from similar events\): )?(?:Volume provisioning failed with infeasible error\. Retries will be delayed\. |failed to provision volume with StorageClass "[^"]*": )?rpc error: code = (\w+) desc = /;

function newestTime(entries: readonly RawManagedFields[]): number | undefined {
	const times = entries.map(({ time }) => Date.parse(time ?? '')).filter((time) => !Number.isNaN(time));
	return times.length === 0 ? undefined : Math.max(...times);
}
