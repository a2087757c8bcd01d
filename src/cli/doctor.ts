/** topobind doctor: claims that can never be provisioned where they are pinned. */

import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { pinReports, pinText } from '../doctor/report.ts';
import { treatPins } from '../doctor/treat.ts';
import { admit } from './doctor-cluster.ts';
import { type DoctorFlags, doctorHelp, parseDoctorFlags } from './doctor-flags.ts';
import { CommandError, EXIT } from './exit.ts';

/** Gives the exit code; rejects with a CommandError that says why nothing can be examined. */
export async function run(args: readonly string[]): Promise<number> {
	const { flags, config } = read(args);
	if (flags.help) {
		process.stdout.write(doctorHelp());
		return EXIT.ok;
	}
	const cluster = await admit(config);
	try {
		const { namespace, repair, machinesGone, json } = flags;
		// Without flags it is not the cluster that kubectl would ask; JSON says so itself.
		if (!json)
			tell(`examining ${cluster.description}${namespace === undefined ? '' : `, namespace ${namespace} alone`}`);
		let deaf: Error | undefined;
		const ms = config.doctor.silenceSeconds * 1000;
		const onFailure = (error: Error) => {
			deaf = error;
		};
		const treatments = await treatPins(cluster, {
			...{ repair, machinesGone, onProgress: progress() },
			...(ms > 0 && { silence: { ms, onFailure } }),
			...(namespace !== undefined && { namespace }),
		});
		const told = new Set(treatments.map(({ finding }) => finding.code === 'PIN_NODE_GONE' && finding.node));
		for (const node of machinesGone) {
			if (!told.has(node))
				tell(`--machine-gone ${node} changes nothing: no claim is pinned to a node of that name that is gone`);
		}
		const report = { cluster: cluster.description, pins: pinReports(treatments) };
		process.stdout.write(json ? `${JSON.stringify(report, undefined, '\t')}\n` : pinText(treatments));
		if (deaf) {
			tell(`whether a provisioner sees to the other pinned claims could not be told: ${deaf.message}`);
			return EXIT.unreachable;
		}
		return treatments.every(({ outcome }) => outcome === 'removed') ? EXIT.ok : EXIT.refused;
	} finally {
		await cluster.stop();
	}
}

function tell(text: string): void {
	process.stderr.write(`topobind: ${text}\n`);
}

const TELL_MS = 2_000;

/** Says now and then how far it is; a few claims are examined in no time, and then it says nothing. */
function progress(): (done: number, of: number) => void {
	let toldAt = Date.now();
	return (done, of) => {
		if (Date.now() - toldAt < TELL_MS) return;
		toldAt = Date.now();
		tell(`${done} of ${of} claims examined`);
	};
}

function read(args: readonly string[]): { readonly flags: DoctorFlags; readonly config: Config } {
	try {
		const flags = parseDoctorFlags(args);
		const readFile = (path: string) => readFileSync(path, 'utf8');
		return { flags, config: loadConfig({ flags: flags.config, env: process.env, readFile }) };
	} catch (error) {
		if (error instanceof ConfigError) throw new CommandError(EXIT.usage, error.problems.join('\n'), { cause: error });
		throw error;
	}
}
