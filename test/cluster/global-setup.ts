// One control plane for all cluster test files.

import type { TestProject } from 'vitest/node';
import { type ControlPlaneInfo, startControlPlane } from './harness/index.ts';

declare module 'vitest' {
	interface ProvidedContext {
		controlPlane: ControlPlaneInfo;
	}
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
	const controlPlane = await startControlPlane({
		log: (line) => console.error(line),
		// Without it the API server drops a dataSourceRef that names a namespace.
		featureGates: { CrossNamespaceVolumeDataSource: true },
	});
	project.provide('controlPlane', controlPlane.info);
	return () => controlPlane.stop();
}
