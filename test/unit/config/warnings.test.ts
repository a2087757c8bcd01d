import { describe, expect, it } from 'vitest';
import { configWarnings } from '../../../src/config/warnings.ts';
import { type Given, load } from './inputs.ts';

const warnings = (given: Given) => configWarnings(load(given), given.env ?? {});

describe('warnings', () => {
	it('are none by default', () => {
		expect(warnings({})).toEqual([]);
	});

	it('tell of an extender that everyone can call', () => {
		const open = { flags: { kubeconfig: 'k', listen: '0.0.0.0:8888' } };
		expect(warnings(open)).toEqual([expect.stringContaining('whoever reaches it can have pods bound')]);
		expect(warnings({ ...open, fields: 'tls: {certFile: a, keyFile: b, clientCAFile: c}' })).toEqual([]);
		expect(warnings({ flags: { manifests: ['m'], listen: '0.0.0.0:8888' } })).toEqual([]);
	});

	it('tell of a sandbox that is to serve a scheduler', () => {
		const noCluster = [expect.stringMatching(/^no cluster was named.*--kubeconfig/)];
		expect(warnings({ flags: { mode: 'companion' } })).toEqual(noCluster);
		expect(warnings({ env: { TOPOBIND_MODE: 'delegate' } })).toEqual(noCluster);
		expect(warnings({ flags: { mode: 'delegate' } })).toEqual([]);
		expect(warnings({ flags: { mode: 'companion', manifests: ['m'] } })).toEqual([]);
	});

	it('tell of misspelt variables, not of those that Kubernetes sets for a Service', () => {
		const env = {
			TOPOBIND_LOGLEVEL: 'debug',
			TOPOBIND_SERVICE_HOST: '10.0.0.1',
			TOPOBIND_PORT: 'tcp://10.0.0.1:80',
			TOPOBIND_PORT_80_TCP_ADDR: '10.0.0.1',
			TOPOBIND_ADMIN_SERVICE_PORT_HTTP: '80',
		};
		expect(warnings({ env })).toEqual([
			'the environment variable TOPOBIND_LOGLEVEL is not known; did you mean TOPOBIND_LOG_LEVEL?',
		]);
	});
});
