import { describe, expect, it } from 'vitest';
import { load, problems } from './inputs.ts';

const IN_POD = {
	env: { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' },
};

describe('defaults', () => {
	it('need no file, no flag and no variable', () => {
		expect(load({})).toEqual({
			mode: 'delegate',
			cluster: { from: 'examples' },
			listen: { host: '127.0.0.1', port: 8888 },
			adminListen: { host: '127.0.0.1', port: 8889 },
			bodyLimitBytes: 268_435_456,
			bind: { timeoutSeconds: 290, schedulerHttpTimeoutSeconds: 300 },
			scoring: { staticBonus: 4, fit: 6, capacity: 3 },
			sources: { nudge: true, drivers: {} },
			events: { pods: true },
			doctor: { events: true, repair: false, intervalSeconds: 60, silenceSeconds: 660 },
			decisions: { max: 1000, ttlSeconds: 3600 },
			log: { level: 'info' },
		});
	});

	it('fill in what a section leaves out', () => {
		expect(load({ fields: 'bind: {timeoutSeconds: 20}' }).bind).toEqual({
			timeoutSeconds: 20,
			schedulerHttpTimeoutSeconds: 300,
		});
	});

	it('are not shared between configurations', () => {
		expect(load({}).bind).not.toBe(load({}).bind);
	});
});

describe('the file', () => {
	it('sets every field', () => {
		const config = load({
			fields: `
mode: companion
listen: '[::1]:0'
adminListen: localhost:9000
tls: {certFile: c.pem, keyFile: k.pem, clientCAFile: ca.pem}
bodyLimitBytes: 4096
bind: {timeoutSeconds: 5, schedulerHttpTimeoutSeconds: 6}
scoring: {staticBonus: 2.5, fit: 7.5, capacity: 10}
events: {pods: false}
sources: {nudge: false, drivers: {lvm.csi.example.com: {snapshots: source-volume}}}
doctor: {events: false, repair: true, intervalSeconds: 5, silenceSeconds: 0}
decisions: {max: 5, ttlSeconds: 60}
log: {level: silent}
`,
		});
		expect(config).toEqual({
			mode: 'companion',
			cluster: { from: 'examples' },
			listen: { host: '::1', port: 0 },
			adminListen: { host: 'localhost', port: 9000 },
			tls: { certFile: 'c.pem', keyFile: 'k.pem', clientCAFile: 'ca.pem' },
			bodyLimitBytes: 4096,
			bind: { timeoutSeconds: 5, schedulerHttpTimeoutSeconds: 6 },
			scoring: { staticBonus: 2.5, fit: 7.5, capacity: 10 },
			events: { pods: false },
			sources: { nudge: false, drivers: { 'lvm.csi.example.com': { snapshots: 'source-volume' } } },
			doctor: { events: false, repair: true, intervalSeconds: 5, silenceSeconds: 0 },
			decisions: { max: 5, ttlSeconds: 60 },
			log: { level: 'silent' },
		});
	});

	it('is frozen all the way down', () => {
		const config = load({ fields: 'sources: {drivers: {a.b: {snapshots: anywhere}}}' });
		const parts = [config, config.listen, config.bind, config.sources.drivers, config.sources.drivers['a.b']];
		expect(parts.every((part) => Object.isFrozen(part))).toBe(true);
	});
});

describe('precedence', () => {
	const fields = 'mode: companion\nlisten: 127.0.0.1:1\nadminListen: 127.0.0.1:2\nlog: {level: warn}';
	const env = {
		TOPOBIND_MODE: 'delegate',
		TOPOBIND_LISTEN: '127.0.0.1:3',
		TOPOBIND_ADMIN_LISTEN: '127.0.0.1:4',
		TOPOBIND_LOG_LEVEL: 'error',
	};
	const flags = { mode: 'companion', listen: '127.0.0.1:5', adminListen: '127.0.0.1:6', logLevel: 'debug' };
	const picked = (config: ReturnType<typeof load>) => [
		config.mode,
		config.listen.port,
		config.adminListen.port,
		config.log.level,
	];

	it('file over defaults', () => {
		expect(picked(load({ fields }))).toEqual(['companion', 1, 2, 'warn']);
	});
	it('environment over file', () => {
		expect(picked(load({ fields, env }))).toEqual(['delegate', 3, 4, 'error']);
	});
	it('what is wrong in the file is told although a flag overrides it', () => {
		const wrong = 'listen: 127.0.0.1\nlog: {level: loud}';
		expect(problems(() => load({ fields: wrong, flags: { listen: '127.0.0.1:5', logLevel: 'warn' } }))).toEqual([
			expect.stringMatching(/^topobind\.yaml:3: listen: .*127\.0\.0\.1/),
			expect.stringMatching(/^topobind\.yaml:4: log\.level: .*loud/),
		]);
		const both = problems(() => load({ fields: 'listen: nowhere', flags: { listen: 'nor here' } }));
		expect(both).toEqual([expect.stringContaining('nowhere'), expect.stringContaining('nor here')]);
	});

	it('flags over environment', () => {
		expect(picked(load({ fields, env, flags }))).toEqual(['companion', 5, 6, 'debug']);
	});
	it('--config over TOPOBIND_CONFIG', () => {
		const other = { 'other.yaml': 'not: read' };
		expect(load({ fields, files: other, env: { TOPOBIND_CONFIG: 'other.yaml' } }).listen.port).toBe(1);
	});
	it('an empty variable is unset', () => {
		expect(picked(load({ fields, env: { TOPOBIND_MODE: '', TOPOBIND_LISTEN: '' } }))).toEqual([
			'companion',
			1,
			2,
			'warn',
		]);
	});
	it('TOPOBIND_CONFIG names the file', () => {
		const files = { 'a.yaml': 'apiVersion: topobind.dev/v1alpha1\nkind: TopobindConfiguration\nmode: companion' };
		expect(load({ files, env: { TOPOBIND_CONFIG: 'a.yaml' } }).mode).toBe('companion');
	});
});

describe('the cluster', () => {
	it('is the examples when nothing is said, KUBECONFIG or not', () => {
		expect(load({ env: { KUBECONFIG: '/somebody/else' } }).cluster).toEqual({ from: 'examples' });
	});
	it('is the one around, in a pod, with a token or not', () => {
		expect(load(IN_POD)).toMatchObject({ cluster: { from: 'in-cluster' }, mode: 'companion' });
	});
	it('is what a flag names, in a pod too', () => {
		expect(load({ ...IN_POD, flags: { manifests: ['a', 'b'] } })).toMatchObject({
			cluster: { from: 'manifests', paths: ['a', 'b'] },
			mode: 'delegate',
		});
		expect(load({ ...IN_POD, flags: { kubeconfig: 'k' } })).toMatchObject({
			cluster: { from: 'kubeconfig', path: 'k' },
			mode: 'companion',
		});
	});
	it('is what a flag names, whatever the environment says', () => {
		const env = { TOPOBIND_KUBECONFIG: 'k' };
		expect(load({ env }).cluster).toEqual({ from: 'kubeconfig', path: 'k' });
		expect(load({ env, flags: { manifests: ['a'] } }).cluster).toEqual({ from: 'manifests', paths: ['a'] });
	});
	it('takes several manifests from the environment', () => {
		expect(load({ env: { TOPOBIND_MANIFESTS: 'a:b/c:' } }).cluster).toEqual({ from: 'manifests', paths: ['a', 'b/c'] });
	});
	it('is not two at once', () => {
		expect(problems(() => load({ flags: { kubeconfig: 'k', manifests: ['a'] } }))).toEqual([
			'--kubeconfig and --manifests exclude each other: a cluster is served, or manifests in memory',
		]);
	});
});
