/** What every other part reads: one validated, deeply frozen object. */

import type { SnapshotReach } from '../domain/model.ts';

export const API_VERSION = 'topobind.dev/v1alpha1';
export const KIND = 'TopobindConfiguration';

/** companion: VolumeBinding stays on and topobind adds to it. delegate: topobind replaces it and binds. */
export type Mode = 'companion' | 'delegate';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Where a listener stands. An IPv6 host carries no brackets here. */
export interface Address {
	readonly host: string;
	/** 0 lets the system choose. */
	readonly port: number;
}

/** Which cluster is served: a real one, or manifests held in memory (the sandbox). */
export type ClusterSource =
	| { readonly from: 'kubeconfig'; readonly path: string }
	| { readonly from: 'in-cluster' }
	| { readonly from: 'manifests'; readonly paths: readonly string[] }
	/** The sandbox on the examples that come with topobind. */
	| { readonly from: 'examples' };

export interface TlsFiles {
	readonly certFile: string;
	readonly keyFile: string;
	/** Set: a client must show a certificate signed by one of these (mTLS). */
	readonly clientCAFile?: string;
}

export interface BindConfig {
	/** The longest a bind call waits for its claims, in seconds; always below schedulerHttpTimeoutSeconds. */
	readonly timeoutSeconds: number;
	/** httpTimeout of the scheduler's extenders entry that has the bindVerb, in seconds. */
	readonly schedulerHttpTimeoutSeconds: number;
}

/** How the parts of a node's score weigh. staticBonus + fit and capacity are each at most 10. */
export interface ScoringConfig {
	readonly staticBonus: number;
	readonly fit: number;
	readonly capacity: number;
}

export interface DriverConfig {
	/** Where snapshots of the driver can be restored: see docs/sources.md. */
	readonly snapshots: SnapshotReach;
}

export interface Config {
	readonly mode: Mode;
	readonly cluster: ClusterSource;
	/** The extender listener, called by kube-scheduler. */
	readonly listen: Address;
	/** The admin listener: probes, metrics, explanations. */
	readonly adminListen: Address;
	/** TLS of the extender listener; absent means plain HTTP. */
	readonly tls?: TlsFiles;
	readonly bodyLimitBytes: number;
	readonly bind: BindConfig;
	readonly scoring: ScoringConfig;
	readonly sources: {
		/** Have kube-scheduler try a pod again where it would not by itself: see nudge/. */
		readonly nudge: boolean;
		readonly drivers: Readonly<Record<string, DriverConfig>>;
	};
	/** Tell on waiting pods, as Events, what their storage asks of nodes. */
	readonly events: { readonly pods: boolean };
	/** The pin doctor's rounds while serving. */
	readonly doctor: {
		/** Leave an event on each claim that is pinned in vain. */
		readonly events: boolean;
		/** Remove the pins of which that is proven safe. */
		readonly repair: boolean;
		/** Time between two rounds; what is found counts when it stands for two. */
		readonly intervalSeconds: number;
		/** For how long a provisioner must have said nothing of a claim to be called silent; 0: never. */
		readonly silenceSeconds: number;
	};
	/** How many decisions are remembered for people to look at, and for how long. */
	readonly decisions: { readonly max: number; readonly ttlSeconds: number };
	readonly log: { readonly level: LogLevel };
}

/** A configuration or a command line that cannot be used. Each problem is one sentence for a person. */
export class ConfigError extends Error {
	readonly problems: readonly string[];

	constructor(problems: readonly string[]) {
		super(problems.join('\n'));
		this.name = 'ConfigError';
		this.problems = problems;
	}
}

/** True when the cluster is manifests in memory, and nothing real can be written to. */
export function isSandbox(config: Config): boolean {
	return config.cluster.from === 'manifests' || config.cluster.from === 'examples';
}
