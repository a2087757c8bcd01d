/** The oracle's binary, in the same folder outside the checkout as the test control plane. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildError, checkGo, go, killGo } from '../../cluster/build/go.ts';
import { lock } from '../../cluster/build/lock.ts';
import { buildEnv } from '../../cluster/build/recipe.ts';

export { BuildError };

export const oracleDir: string = fileURLToPath(new URL('../oracle', import.meta.url));

/** Without the program itself among them nothing would be written when it ends. */
const MAIN = 'topobind.dev/test/agreement';

const FLAGS = ['-buildvcs=false', '-ldflags', '-s -w'];

/** Whose lines are counted by an oracle that measures its coverage. */
const MEASURED = [
	'k8s.io/kubernetes/pkg/scheduler/framework/plugins/volumebinding',
	'k8s.io/kubernetes/pkg/scheduler/framework/plugins/volumezone',
	'k8s.io/component-helpers/storage/volume',
	'k8s.io/component-helpers/storage/ephemeral',
	'k8s.io/component-helpers/scheduling/corev1/nodeaffinity',
	'k8s.io/csi-translation-lib/plugins',
];

/** Builds what is missing, and gives the path of the binary. */
export async function buildOracle(log: (line: string) => void, measured = false): Promise<string> {
	const flags = measured ? [...FLAGS, '-cover', `-coverpkg=${[MAIN, ...MEASURED].join(',')}`] : FLAGS;
	const root = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'topobind');
	const binary = join(root, `agreement-${keyOf(flags)}`, 'oracle');
	if (existsSync(binary)) return binary;

	mkdirSync(dirname(binary), { recursive: true });
	const unlock = await lock(join(root, 'agreement.lock'), log);
	process.once('exit', killGo);
	try {
		if (existsSync(binary)) return binary;
		await checkGo();
		log('building the oracle, kube-scheduler’s plugins in a Go program (a few minutes the first time)');
		// Under another name first, so that nobody ever runs half of it.
		const aside = `${binary}.${process.pid}.unfinished`;
		await go(['build', ...flags, '-o', aside, '.'], oracleDir);
		renameSync(aside, binary);
	} finally {
		process.off('exit', killGo);
		unlock();
	}
	return binary;
}

function keyOf(flags: readonly string[]): string {
	const sources = readdirSync(oracleDir).sort();
	const texts = sources.flatMap((name) => [name, readFileSync(join(oracleDir, name), 'utf8')]);
	const platform = `${process.platform}-${process.arch}`;
	return createHash('sha256')
		.update(JSON.stringify([platform, buildEnv, flags, texts]))
		.digest('hex')
		.slice(0, 16);
}
