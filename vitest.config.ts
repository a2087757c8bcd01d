import { defineConfig } from 'vitest/config';

/** All that needs Node alone; the suite on a real control plane is vitest.cluster.config.ts. */
export default defineConfig({
	test: {
		include: ['test/{unit,http,sandbox,serve,ui}/**/*.test.ts'],
		testTimeout: 20_000,
		// What is polled for is there within moments, but a busy machine has long ones.
		expect: { poll: { timeout: 10_000 } },
	},
});
