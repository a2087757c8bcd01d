/** bin/topobind finds a Node that is new enough, from wherever it is called. */

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const launcher = fileURLToPath(new URL('../../../bin/topobind', import.meta.url));
const system = process.platform === 'darwin' ? 'darwin' : 'linux';
const machine = process.arch === 'arm64' ? 'arm64' : 'x64';

let home: string;
beforeEach(() => {
	home = mkdtempSync(join(tmpdir(), 'topobind launcher '));
	mkdirSync(join(home, 'checkout', 'bin'), { recursive: true });
	mkdirSync(join(home, 'path'));
	copyFileSync(launcher, join(home, 'checkout', 'bin', 'topobind'));
});
afterEach(() => rmSync(home, { recursive: true }));

/** Puts a stand-in for Node that says who it is and what it was given. */
function node(place: string, version: string): void {
	const path = join(home, place);
	mkdirSync(join(path, '..'), { recursive: true });
	writeFileSync(path, `#!/bin/sh\n[ "$1" = -p ] && echo ${version} && exit\necho "${place}:$*"\nexit 7\n`);
	chmodSync(path, 0o755);
}

function run(...args: string[]) {
	mkdirSync(join(home, 'links'), { recursive: true });
	symlinkSync('../checkout/bin/topobind', join(home, 'links', 'once'));
	symlinkSync(join(home, 'links', 'once'), join(home, 'links', 'twice'));
	const env = { PATH: `${join(home, 'path')}:/usr/bin:/bin` };
	return spawnSync(join(home, 'links', 'twice'), args, { env, encoding: 'utf8' });
}

describe('bin/topobind', () => {
	const bundled = `checkout/node_modules/node-${system}-${machine}/bin/node`;

	it('runs the Node of the checkout, and hands on arguments and exit code', () => {
		node(bundled, '24.1.0');
		node('path/node', '26.0.0');
		const { stdout, status } = run('serve', '--mode', 'a b');
		expect(stdout).toBe(`${bundled}:${home}/checkout/src/main.ts serve --mode a b\n`);
		expect(status).toBe(7);
	});

	it('else the one of npm, else the one on PATH', () => {
		node('path/node', '24.0.0');
		expect(run().stdout).toMatch(/^path\/node:/);
		rmSync(join(home, 'links'), { recursive: true });
		node('checkout/node_modules/.bin/node', '24.0.0');
		expect(run().stdout).toMatch(/^checkout\/node_modules\/\.bin\/node:/);
	});

	it('says so when Node is too old', () => {
		node('path/node', '20.19.1');
		const { stderr, status } = run();
		expect(stderr).toContain(`topobind needs Node 24 or newer, but found only 20.19.1 (${home}/path/node).`);
		expect(status).toBe(2);
	});
});
