/** The words that generated objects are made of: few of each, so that they meet. */

export const NAMESPACES = ['shop', 'lab'];

export const HOSTNAME = 'kubernetes.io/hostname';
export const ZONE = 'topology.kubernetes.io/zone';
export const REGION = 'topology.kubernetes.io/region';
export const BETA_ZONE = 'failure-domain.beta.kubernetes.io/zone';
export const BETA_REGION = 'failure-domain.beta.kubernetes.io/region';
export const ZONE_KEYS = [ZONE, REGION, BETA_ZONE, BETA_REGION];

/** The zone keys that the CSI drivers of the migrated plugins have. */
export const DRIVER_ZONES = [
	'topology.ebs.csi.aws.com/zone',
	'topology.gke.io/zone',
	'topology.cinder.csi.openstack.org/zone',
];

const ZONES = ['us-east-1a', 'us-east-1b', 'us-west-2a'];
const REGIONS = ['us-east-1', 'us-west-2'];

/** What nodes are labelled with, hostnames apart. */
export const NODE_LABELS: Readonly<Record<string, readonly string[]>> = {
	[ZONE]: ZONES,
	[REGION]: REGIONS,
	[BETA_ZONE]: ZONES,
	[BETA_REGION]: REGIONS,
	...Object.fromEntries(DRIVER_ZONES.map((key) => [key, ZONES])),
	rack: ['r1', 'r2', 'r3'],
	disk: ['ssd', 'hdd', ''],
	// Compared as numbers: not all of them are.
	'example.com/slots': ['5', '007', '8', '5.5', '7x', '2e1', '9223372036854775807', '9223372036854775808'],
	// A property that every JavaScript object has.
	constructor: ['yes'],
};

/** What volumes are labelled with, zones apart. */
export const VOLUME_LABELS: Readonly<Record<string, readonly string[]>> = {
	tier: ['gold', 'silver', ''],
	'example.com/batch': ['1', '2'],
};

export const ACCESS_MODES = ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'];
export const VOLUME_PHASES = ['Pending', 'Available', 'Bound', 'Released', 'Failed'];
export const ATTRIBUTES_CLASSES = ['fast', 'slow'];

/** Amounts close to each other, some of them equal though written differently. */
export const SIZES = ['1Gi', '1024Mi', '2Gi', '2048Mi', '3Gi', '2G', '4Gi', '4294967296'];
/** Amounts that differ before they are rounded to whole bytes, and do not after. */
export const SMALL_SIZES = ['1', '1500m', '2', '500m', '2000m', '1.2', '900m'];
/** Amounts about the largest that a binary suffix can give. */
export const LARGE_SIZES = ['8Ei', '10Ei', '7.999Ei', '9223372036854775807', '5E', '7Ei'];
/** Amounts that are easily read wrong; all of them pass ParseQuantity. */
export const ODD_SIZES = [
	'0',
	'500m',
	'1',
	'1500m',
	'.5',
	'1.',
	'+1Gi',
	'1.5Gi',
	'1000000n',
	'1u',
	'1k',
	'1Ki',
	'1e3',
	'1E3',
	'5E',
	'5E9',
	'5e-1',
	'8Ei',
	'7.999Ei',
	'10Ei',
	'9223372036854775807',
	'0.0000000001Gi',
	'-1',
];
/**
 * More than an int64 holds. Volumes and requests are compared exactly; but told capacity is compared as an int64, which
 * overflows, and to what depends on how the amount was written. So these stay out of capacity checks; see README.md.
 */
export const HUGE_SIZES = ['9223372036854775808', '100E', '1e20', '10E'];

export const MIGRATED_PLUGINS = [
	'kubernetes.io/aws-ebs',
	'kubernetes.io/gce-pd',
	'kubernetes.io/cinder',
	'kubernetes.io/azure-disk',
	'kubernetes.io/portworx-volume',
	'kubernetes.io/azure-file',
	'kubernetes.io/vsphere-volume',
];

export const DRIVERS = {
	/** Tells its capacity. */
	capacity: 'capacity.csi.example.com',
	/** Says that it does not. */
	silent: 'silent.csi.example.com',
	/** Has a CSIDriver that says nothing of it. */
	undecided: 'undecided.csi.example.com',
	/** Has no CSIDriver. */
	unknown: 'unknown.csi.example.com',
};

/** Of these topobind has it from their documentation where snapshots can be restored. */
export const WELL_KNOWN_DRIVERS = ['topolvm.io', 'ebs.csi.aws.com'];

export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';
export const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';
export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
export const MIGRATED = 'storage.alpha.kubernetes.io/migrated-plugins';
/** Read by migration, and of no bearing on where the volume is. */
export const PORTWORX_SECRET = {
	'openstorage.io/auth-secret-name': 'token',
	'openstorage.io/auth-secret-namespace': 'lab',
};
export const MISSING = 'missing';
