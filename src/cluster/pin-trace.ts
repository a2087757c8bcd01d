/** What became of a pinned claim so far, read from the claim and its events as the API server holds them. */

const STORAGE_PROVISIONER = [
	'volume.kubernetes.io/storage-provisioner',
	'volume.beta.kubernetes.io/storage-provisioner',
];
const SELECTED_NODE_FIELD = 'f:volume.kubernetes.io/selected-node';

export interface PinTrace {
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
	/** The last that the provisioner said of the claim, of what is still kept of it. */
	readonly lastWord: ProvisionerWord | undefined;
}

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

export function traceOf({ metadata = {} }: RawPinnedClaim, events: readonly RawEvent[]): PinTrace {
	const { uid = '', resourceVersion = '', annotations = {}, managedFields = [] } = metadata;
	const provisioner = STORAGE_PROVISIONER.map((name) => annotations[name]).find((value) => value !== undefined);
	const pinning = managedFields.filter(({ fieldsV1 }) =>
		Object.hasOwn(fieldsV1?.['f:metadata']?.['f:annotations'] ?? {}, SELECTED_NODE_FIELD),
	);
	const own = events.filter(({ involvedObject }) => involvedObject?.uid === uid);
	return {
		uid,
		resourceVersion,
		provisioner,
		pinnedAt: newestTime(pinning),
		lastWord: provisioner === undefined ? undefined : lastWordOf(provisioner, own),
	};
}

/** The reasons with which the library and external-provisioner tell of an attempt's start, failure and success. */
const WORDS: ReadonlySet<string | undefined> = new Set(['Provisioning', 'ProvisioningFailed', 'ProvisioningSucceeded']);

/**
 * Of the newest by arrival: an attempt that fails at once begins and ends within the same second, so times do not tell
 * which came last. Resource versions of one kind are numbers that grow (KEP-5504); with any other nothing is known.
 */
function lastWordOf(provisioner: string, events: readonly RawEvent[]): ProvisionerWord | undefined {
	const words = events.filter((event) => WORDS.has(event.reason) && isFrom(provisioner, event));
	if (!words.every(({ metadata }) => /^\d+$/.test(metadata?.resourceVersion ?? ''))) return undefined;
	const version = ({ metadata }: RawEvent) => BigInt(metadata?.resourceVersion ?? '0');
	const [newest] = words.sort((a, b) => (version(a) > version(b) ? -1 : 1));
	if (!newest) return undefined;
	const { reason = '', message = '', metadata } = newest;
	return { reason, code: CREATE_FAILED.exec(message)?.[1], at: newestTime(metadata?.managedFields ?? []) };
}

/** The library's event source is `<provisioner>_<host>_<uuid>`; the PV controller tells of failures of its own. */
function isFrom(provisioner: string, { source, reportingComponent }: RawEvent): boolean {
	const component = source?.component || reportingComponent || '';
	return component === provisioner || component.startsWith(`${provisioner}_`);
}

/** The event's message is CreateVolume's error as it is, after what client-go's correlator and the library, now and in old releases, put before it. */
const CREATE_FAILED =
	/^(?:\(combined from similar events\): )?(?:Volume provisioning failed with infeasible error\. Retries will be delayed\. |failed to provision volume with StorageClass "[^"]*": )?rpc error: code = (\w+) desc = /;

function newestTime(entries: readonly RawManagedFields[]): number | undefined {
	const times = entries.map(({ time }) => Date.parse(time ?? '')).filter((time) => !Number.isNaN(time));
	return times.length === 0 ? undefined : Math.max(...times);
}
