import { fileURLToPath } from 'node:url';
import { KubeConfigError } from '../cluster/api/errors.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { connectKubernetes } from '../cluster/kubernetes.ts';
import type { Config } from '../config/config.ts';
import { CommandError, EXIT } from './exit.ts';

const SYNC_MS = 60_000;

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

async function synced(cluster: Cluster): Promise<void> {
	const late = Promise.withResolvers<'late'>();
	const timer = setTimeout(() => late.resolve('late'), SYNC_MS);
	const outcome = await Promise.race([cluster.whenSynced, late.promise]);
	clearTimeout(timer);
	if (outcome !== 'late') return;
	const { watches } = cluster.readiness();
	const lacking = watches.flatMap(({ kind, synced: isSynced, problem, state }) =>
		isSynced ? [] : [`${kind}: ${problem ?? state}`],
	);
	await cluster.stop();
	throw new CommandError(EXIT.unreachable, `not read within ${SYNC_MS / 1000} s: ${lacking.join('; ')}`);
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
