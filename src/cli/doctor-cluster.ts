import { fileURLToPath } from 'node:url';
import { KubeConfigError } from '../cluster/api/errors.ts';
import type { Cluster, WatchReadiness } from '../cluster/cluster.ts';
import { connectKubernetes } from '../cluster/kubernetes.ts';
import type { Config } from '../config/config.ts';
import { CommandError, EXIT } from './exit.ts';

const SYNC_MS = 60_000;
const LOOK_MS = 50;
/** Sooner than this nobody wonders whether anything happens. */
const SILENT_MS = 2_000;

/** The cluster to examine, once the whole of it has been read; rejects with a CommandError. */
export async function admit({ cluster: source, sources: { drivers } }: Config): Promise<Cluster> {
	if (source.from === 'manifests') return admitManifests(source.paths, drivers);
	if (source.from === 'examples') return admitManifests([EXAMPLES], drivers);
	const kubeconfig = source.from === 'kubeconfig' ? { kubeconfig: source.path } : {};
	try {
		const cluster = await connectKubernetes({ ...kubeconfig, drivers });
		await synced(cluster);
		return cluster;
	} catch (error) {
		if (error instanceof CommandError) throw error;
		const code = error instanceof KubeConfigError ? EXIT.usage : EXIT.unreachable;
		throw new CommandError(code, (error as Error).message, { cause: error });
	}
}

/** Until each kind is read and watched: a pin is removed only while the watches say what goes on. */
async function synced(cluster: Cluster): Promise<void> {
	const started = Date.now();
	let toldAt = started;
	for (;;) {
		const { watches } = cluster.readiness();
		const lacking = watches.filter(({ state }) => state !== 'watching' && state !== 'absent');
		if (lacking.length === 0) return;
		const waitedMs = Date.now() - started;
		// Not at the first: whoever lacks one right may lack more, and wants to hear of all.
		const isHopeless = lacking.some(({ forbidden }) => forbidden) && lacking.every(({ problem }) => problem);
		if (isHopeless || waitedMs > SYNC_MS) {
			await cluster.stop();
			throw new CommandError(EXIT.unreachable, lacking.map(lackOf).join('\n'));
		}
		if (Date.now() - toldAt > SILENT_MS) {
			toldAt = Date.now();
			const names = lacking.map(({ kind }) => kind).join(', ');
			process.stderr.write(
				`topobind: ${watches.length - lacking.length} of ${watches.length} kinds read; reading ${names}\n`,
			);
		}
		await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
	}
}

function lackOf({ kind, problem, state, forbidden }: WatchReadiness): string {
	if (forbidden && problem) return problem;
	return `${kind} could not be read: ${problem ?? state}`;
}

const EXAMPLES = fileURLToPath(new URL('../../manifests/examples', import.meta.url));

/** The sandbox's controllers would bind, provision and take pins back: the doctor is asked how things stand, so they rest. */
const REST_MS = 24 * 3600_000;

async function admitManifests(paths: readonly string[], drivers: Config['sources']['drivers']): Promise<Cluster> {
	// Only the sandbox needs its field tables: they take a while to load.
	const [{ startSandbox }, { ManifestError }] = await Promise.all([
		import('../sandbox/cluster.ts'),
		import('../sandbox/load.ts'),
	]);
	const delays = { bind: REST_MS, provision: REST_MS, snapshot: REST_MS, ephemeral: REST_MS };
	try {
		return await startSandbox({ paths, drivers, delays });
	} catch (error) {
		if (error instanceof ManifestError) throw new CommandError(EXIT.usage, error.message, { cause: error });
		throw error;
	}
}
