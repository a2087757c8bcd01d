import { describe, expect, it } from 'vitest';
import { load, problems } from './inputs.ts';

/** What is said of a file with these fields; the fields begin in line 3. */
function ofFields(fields: string): readonly string[] {
	return problems(() => load({ fields }));
}

describe('an unknown field', () => {
	it.each([
		['modes: companion', 'modes is not a known field; did you mean mode?'],
		['bind: {timeoutSecond: 3}', 'bind.timeoutSecond is not a known field; did you mean bind.timeoutSeconds?'],
		['admin-listen: a:1', '["admin-listen"] is not a known field; did you mean adminListen?'],
		['level: debug', 'level is not a known field; did you mean log.level?'],
		['scoring: {qqqqqqq: 1}', 'scoring.qqqqqqq is not a known field; known here: staticBonus, fit, capacity'],
		['kubeconfig: k', 'kubeconfig is not a field of the file; it is given by --kubeconfig or TOPOBIND_KUBECONFIG'],
		[
			'sources: {drivers: {a.b: {snapshot: anywhere, snapshots: anywhere}}}',
			'sources.drivers["a.b"].snapshot is not a known field; did you mean sources.drivers["a.b"].snapshots?',
		],
	])('%s', (fields, message) => {
		expect(ofFields(fields)).toEqual([`topobind.yaml:3: ${message}`]);
	});

	it('may have a hostile name', () => {
		expect(ofFields('__proto__: {mode: delegate}')[0]).toContain('__proto__ is not a known field');
		expect(ofFields('sources: {drivers: {__proto__: {snapshots: anywhere}}}')[0]).toContain(
			'not the name of a CSI driver',
		);
	});
});

describe('a wrong value', () => {
	const seconds = 'a whole number from 1 to 3600 (seconds)';
	it.each([
		[
			'mode: compagnon',
			'mode: expected one of companion, delegate, found the text "compagnon"; did you mean companion?',
		],
		['mode: 3', 'mode: expected one of companion, delegate, found 3'],
		['mode:', 'mode: expected one of companion, delegate, found nothing'],
		['bind: {timeoutSeconds: "290"}', `bind.timeoutSeconds: expected ${seconds}, found the text "290"`],
		['bind: {timeoutSeconds: 290s}', `bind.timeoutSeconds: expected ${seconds}, found the text "290s"`],
		['bind: {timeoutSeconds: 1.5}', `bind.timeoutSeconds: expected ${seconds}, found 1.5`],
		['bind: {timeoutSeconds: 0}', `bind.timeoutSeconds: expected ${seconds}, found 0`],
		['bind: {timeoutSeconds: .nan}', `bind.timeoutSeconds: expected ${seconds}, found NaN`],
		['bind:', 'bind: expected a mapping with timeoutSeconds, schedulerHttpTimeoutSeconds, found nothing'],
		['bind: [1]', 'bind: expected a mapping with timeoutSeconds, schedulerHttpTimeoutSeconds, found a list'],
		['scoring: {fit: 11}', 'scoring.fit: expected a number from 0 to 10, found 11'],
		[
			'bodyLimitBytes: 1Gi',
			'bodyLimitBytes: expected a whole number from 1024 to 524288000 (bytes), found the text "1Gi"',
		],
		['tls: {certFile: a}', 'tls.keyFile is missing; expected a text that is not empty'],
		['tls: {certFile: a, keyFile: ""}', 'tls.keyFile: expected a text that is not empty, found the text ""'],
		['log: verbose', 'log: expected a mapping with level, found the text "verbose"'],
		[
			'sources: {drivers: {a/b: {snapshots: anywhere}}}',
			'sources.drivers["a/b"]: this is not the name of a CSI driver',
		],
		[
			'sources: {drivers: {a.b: {snapshots: source}}}',
			'sources.drivers["a.b"].snapshots: expected one of anywhere, source-volume, managed-by-node, found the text "source"',
		],
		[
			'sources: {drivers: {a.b: {preventVolumeModeConversion: "false"}}}',
			'sources.drivers["a.b"].preventVolumeModeConversion: expected true or false, found the text "false"',
		],
	])('%s', (fields, message) => {
		expect(ofFields(fields)).toEqual([`topobind.yaml:3: ${message}`]);
	});

	it.each([
		['8888', 'it has no port'],
		[':8888', 'it has no host; 0.0.0.0 stands for every interface'],
		['localhost:http', 'the port is not a number from 0 to 65535'],
		['localhost:65536', 'the port is not a number from 0 to 65535'],
		['::1:8888', 'an IPv6 address must stand in brackets, as in [::1]:8888'],
		['[localhost]:1', 'what stands in brackets is not an IPv6 address'],
		['256.0.0.1:1', 'the host is neither an IP address nor a host name'],
		['a_b:1', 'the host is neither an IP address nor a host name'],
	])('listen %s', (listen, reason) => {
		expect(ofFields(`listen: '${listen}'`)).toEqual([
			`topobind.yaml:3: listen: expected HOST:PORT, such as 127.0.0.1:8888, found the text "${listen}": ${reason}`,
		]);
	});

	it('is cut when it is long', () => {
		expect(ofFields(`mode: ${'x'.repeat(10_000)}`)[0]?.length).toBeLessThan(200);
	});

	it('is told of every field at once, each with its line', () => {
		expect(ofFields('mode: 1\nlog:\n  level: 2\n  nothing: 3\n')).toEqual(
			expect.arrayContaining([
				expect.stringMatching(/^topobind\.yaml:3: mode: /),
				expect.stringMatching(/^topobind\.yaml:5: log\.level: /),
				expect.stringMatching(/^topobind\.yaml:6: log\.nothing /),
			]),
		);
	});
});

describe('a value from a flag or a variable is named by that', () => {
	it.each([
		[{ flags: { mode: 'x' } }, '--mode: expected one of companion, delegate, found the text "x"'],
		[
			{ env: { TOPOBIND_LOG_LEVEL: 'warning' } },
			'TOPOBIND_LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, silent, found the text "warning"',
		],
		[
			{ flags: { listen: 'x' } },
			'--listen: expected HOST:PORT, such as 127.0.0.1:8888, found the text "x": it has no port',
		],
		[{ fields: 'listen: a:1', flags: { adminListen: 'a:1' } }, '--admin-listen takes port 1, which listen has already'],
	])('%j', (given, message) => {
		expect(problems(() => load(given))[0]).toContain(message);
	});
});

describe('fields that do not go together', () => {
	it('a bind that outlasts the scheduler', () => {
		expect(ofFields('bind:\n  timeoutSeconds: 600')).toEqual([
			'topobind.yaml:4: bind.timeoutSeconds (600) must be below bind.schedulerHttpTimeoutSeconds (300): kube-scheduler would ' +
				'give up before topobind answers. Lower the first, or raise both the second and httpTimeout of the extenders entry that has the bindVerb',
		]);
		expect(ofFields('bind: {schedulerHttpTimeoutSeconds: 290}')).toHaveLength(1);
	});
	it('scores that add up to more than a score', () => {
		expect(ofFields('scoring: {fit: 7}')).toEqual([
			'topobind.yaml:3: scoring: staticBonus (4) and fit (7) add up to more than 10, the highest score that kube-scheduler takes',
		]);
	});
	it('two listeners on one port', () => {
		const taken = 'adminListen takes port 8888, which listen has already';
		expect(ofFields('adminListen: 127.0.0.1:8888')).toEqual([`topobind.yaml:3: ${taken}`]);
		expect(ofFields('adminListen: 0.0.0.0:8888')).toEqual([`topobind.yaml:3: ${taken}`]);
		expect(load({ fields: 'adminListen: 127.0.0.1:0\nlisten: 127.0.0.1:0' }).listen.port).toBe(0);
	});
});

describe('a file that is no configuration', () => {
	const ofText = (text: string) => problems(() => load({ text }));

	it('is missing', () => {
		expect(problems(() => load({ flags: { config: 'gone.yaml' } }))).toEqual([
			"the configuration file cannot be read: ENOENT: no such file or directory, open 'gone.yaml'",
		]);
	});
	it('is empty', () => {
		expect(ofText('# nothing\n')).toEqual([
			'topobind.yaml is empty; it must begin with apiVersion: topobind.dev/v1alpha1 and kind: TopobindConfiguration',
		]);
	});
	it('is not YAML', () => {
		expect(ofText('mode: [a\n')[0]).toMatch(/^topobind\.yaml:\d+: /);
		expect(ofText('mode: a\nmode: b\n')).toEqual(['topobind.yaml:2: Map keys must be unique']);
	});
	it('is a text, a list, or several documents', () => {
		expect(ofText('hello')[0]).toContain('expected a mapping with apiVersion, kind, mode');
		expect(ofText('- a')[0]).toContain('found a list');
		expect(ofText('a: 1\n---\nb: 2\n')).toEqual([
			'topobind.yaml:2: a second document begins here; the configuration is one',
		]);
	});
	it('is of another kind or version', () => {
		expect(ofText('apiVersion: v1\nkind: Pod\n')).toEqual([
			'topobind.yaml:1: apiVersion: expected "topobind.dev/v1alpha1", found the text "v1"',
			'topobind.yaml:2: kind: expected "TopobindConfiguration", found the text "Pod"',
		]);
		expect(ofText('mode: delegate')).toEqual([
			'topobind.yaml: apiVersion is missing; expected "topobind.dev/v1alpha1"',
			'topobind.yaml: kind is missing; expected "TopobindConfiguration"',
		]);
	});
	it('is a bomb of aliases', () => {
		const layers = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(9)}]`);
		expect(ofText(`l0: &l0 [a]\n${layers.join('\n')}`)[0]).toContain('alias');
	});
});
