// Builds the control plane that the cluster tests run against:
//
//   node test/cluster/build.ts

import { ensureBuilt } from './build/cache.ts';
import { BuildError } from './build/go.ts';

try {
	const built = await ensureBuilt((line) => console.error(line));
	console.log(built.dir);
} catch (error) {
	if (!(error instanceof BuildError)) throw error;
	console.error(error.message);
	process.exitCode = 1;
}
