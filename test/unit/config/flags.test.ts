import { describe, expect, it } from 'vitest';
import { parseFlags, parseServeFlags, serveFlags } from '../../../src/config/flags.ts';
import { flagHelp } from '../../../src/config/help.ts';
import { problems } from './inputs.ts';

const refused = (...args: string[]) => problems(() => parseServeFlags(args));

describe('the flags of serve', () => {
	it('may all be left out', () => {
		expect(parseServeFlags([])).toEqual({ help: false, version: false });
	});

	it('are read in both spellings', () => {
		const args =
			'--config c --mode=delegate --kubeconfig k --listen=[::1]:0 --admin-listen a:1 --log-level debug'.split(' ');
		expect(parseServeFlags(args)).toEqual({
			config: 'c',
			mode: 'delegate',
			kubeconfig: 'k',
			listen: '[::1]:0',
			adminListen: 'a:1',
			logLevel: 'debug',
			help: false,
			version: false,
		});
	});

	it('collect manifests as a shell expands them, and as they are repeated', () => {
		const args = ['--manifests', 'a.yaml', 'b.yaml', '--mode', 'companion', '--manifests=c', 'd'];
		expect(parseServeFlags(args)).toMatchObject({ mode: 'companion', manifests: ['a.yaml', 'b.yaml', 'c', 'd'] });
	});

	it('count as given last', () => {
		expect(parseServeFlags(['--mode', 'companion', '--mode', 'delegate']).mode).toBe('delegate');
	});

	it('know -h and --version', () => {
		expect(parseServeFlags(['-h', '--version'])).toEqual({ help: true, version: true });
	});
});

describe('a bad flag', () => {
	it('is named with the nearest one', () => {
		expect(refused('--kube-config', 'x')).toEqual(['unknown flag --kube-config; did you mean --kubeconfig?']);
		expect(refused('--adminlisten=x')).toEqual(['unknown flag --adminlisten; did you mean --admin-listen?']);
		expect(refused('--zzzzzz')).toEqual(['unknown flag --zzzzzz']);
		expect(refused('-x')).toEqual(['unknown flag -x']);
		expect(refused('--__proto__=1', '--toString')).toHaveLength(2);
	});

	it('lacks its value', () => {
		expect(refused('--listen')).toEqual(['--listen needs a value: --listen HOST:PORT']);
		expect(refused('--listen=')).toEqual(['--listen needs a value: --listen HOST:PORT']);
		expect(refused('--listen', '--mode', 'delegate')).toEqual(['--listen needs a value: --listen HOST:PORT']);
		expect(refused('--manifests')).toEqual(['--manifests needs a value: --manifests PATH…']);
	});

	it('has a value that it does not take', () => {
		expect(refused('--help=yes')).toEqual(['--help takes no value']);
	});

	it('stands beside others: all are told', () => {
		expect(refused('--mod', 'x', '--listen')).toHaveLength(2);
	});

	it('is a plain word', () => {
		const message = 'unexpected argument "a": serve takes flags only; see topobind serve --help';
		expect(refused('a')).toEqual([message]);
		expect(refused('--manifests', 'm', '--', 'a')).toEqual([message]);
	});
});

describe('tables of other commands', () => {
	it('keep their plain arguments', () => {
		const { values, positionals } = parseFlags(['pod/web', '-n', 'shop'], {
			namespace: { short: 'n', argument: 'NS', help: '' },
		});
		expect([...values]).toEqual([['namespace', ['shop']]]);
		expect(positionals).toEqual(['pod/web']);
	});

	it('make a help text', () => {
		expect(flagHelp(serveFlags)).toContain(
			'      --listen HOST:PORT        where kube-scheduler calls [TOPOBIND_LISTEN]\n',
		);
	});
});
