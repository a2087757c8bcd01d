/** The controllers and drivers of a real cluster, played just far enough for a bind to end in Bound claims. */

import type { DriverSettings } from '../cluster/state.ts';
import { ClaimController } from './controllers/claims.ts';
import { EphemeralClaims } from './controllers/ephemeral.ts';
import { Provisioner } from './controllers/provisioner.ts';
import { Snapshotter } from './controllers/snapshots.ts';
import type { SandboxLogger } from './logger.ts';
import type { ObjectStore } from './store.ts';

/** How long each part takes, in ms. All are 0 unless told otherwise. */
export interface SandboxDelays {
	/** Tying a claim to a volume. */
	readonly bind?: number;
	/** Making a volume. */
	readonly provision?: number;
	/** Cutting a snapshot. */
	readonly snapshot?: number;
	/** Creating the claim of an ephemeral volume. */
	readonly ephemeral?: number;
}

/** Starts all controllers on what the store holds. Gives a function that stops them. */
export function startControllers(
	store: ObjectStore,
	logger: SandboxLogger,
	delays: SandboxDelays = {},
	drivers: DriverSettings = {},
): () => void {
	const { bind = 0, provision = 0, snapshot = 0, ephemeral = 0 } = delays;
	const controllers = [
		new EphemeralClaims(store, logger, ephemeral),
		new ClaimController(store, logger, bind),
		new Provisioner(store, logger, provision, drivers),
		new Snapshotter(store, logger, snapshot),
	];
	const unwatch = store.watch((event) => {
		for (const controller of controllers) controller.observe(event);
	});
	for (const controller of controllers) controller.start();
	return () => {
		unwatch();
		for (const controller of controllers) controller.stop();
	};
}
