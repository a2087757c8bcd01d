import { defineConfig } from 'vitest/config';

// Tests against a real control plane: one for all files, which run one after
// the other, as they share its nodes and its speed.
export default defineConfig({
	test: {
		include: ['test/cluster/*.test.ts'],
		globalSetup: ['test/cluster/global-setup.ts'],
		pool: 'forks',
		fileParallelism: false,
		maxWorkers: 1,
		testTimeout: 120_000,
		hookTimeout: 120_000,
		teardownTimeout: 30_000,
		// What is polled for is there within moments, but a busy machine has long ones.
		expect: { poll: { timeout: 20_000 } },
	},
});
