import type { ClusterEvent, EventSubject, EventWriter } from '../cluster/event-writer.ts';
import type { SandboxLogger } from './logger.ts';

/** There is no kubectl to show events of manifests in memory, so they are logged. */
export class SandboxEventWriter implements EventWriter {
	readonly #logger: SandboxLogger;

	constructor(logger: SandboxLogger) {
		this.#logger = logger;
	}

	async tell({ kind, namespace, name }: EventSubject, { reason, message }: ClusterEvent): Promise<void> {
		this.#logger.info({ kind, object: `${namespace}/${name}`, reason }, message);
	}
}
