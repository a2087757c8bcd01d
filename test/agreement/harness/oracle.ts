/** kube-scheduler's own plugins, asked about clusters; see ../oracle. */

import type { Manifest } from '../manifest.ts';
import { LineProcess } from './child.ts';

/** What a plugin says where it does not let pass: reasons, or an error, which ends the scheduling cycle. */
export interface PluginVerdict {
	readonly reasons?: readonly string[];
	readonly error?: string;
}

export interface PodJudgement {
	/** By plugin. */
	readonly preFilter?: Readonly<Record<string, PluginVerdict>>;
	/** By node, then plugin. */
	readonly filter?: Readonly<Record<string, Readonly<Record<string, PluginVerdict>>>>;
	/** As `filter`, of the pod without its claims that wait; on nodes where these bring about an error. */
	readonly boundOnly?: Readonly<Record<string, Readonly<Record<string, PluginVerdict>>>>;
	/** Nodes that pass or do not, depending on which of several equal volumes is seen first. */
	readonly ambiguous?: readonly string[];
}

/** By namespace/name of the pod. */
export type Judgements = Readonly<Record<string, PodJudgement>>;

export class Oracle {
	readonly #process: LineProcess;

	constructor(binary: string, env?: Readonly<Record<string, string>>) {
		this.#process = new LineProcess(binary, [], env);
	}

	async judge(manifests: readonly Manifest[]): Promise<Judgements> {
		const line = await this.#process.line(JSON.stringify({ kind: 'List', items: manifests }));
		const answer = JSON.parse(line) as { pods?: Judgements; problem?: string };
		if (answer.problem !== undefined) throw new Error(`the oracle cannot read the cluster: ${answer.problem}`);
		return answer.pods ?? {};
	}

	stop(): Promise<void> {
		return this.#process.stop();
	}
}
