/** What goes wrong for a while and then ends by itself, each under a name. */
export class Lasting {
	readonly #running = new Map<string, () => Promise<void>>();

	has(name: string): boolean {
		return this.#running.has(name);
	}

	/** It has begun: after so long it is to end. `failed` is told why it could not. */
	add(name: string, ms: number, undo: () => Promise<void> | void, failed: (error: Error) => void): void {
		let ending: Promise<void> | undefined;
		const end = () => {
			clearTimeout(timer);
			ending ??= Promise.resolve(undo()).finally(() => this.#running.delete(name));
			return ending;
		};
		const timer = setTimeout(() => void end().catch(failed), ms);
		this.#running.set(name, end);
	}

	/** Now. */
	async endAll(): Promise<void> {
		await Promise.all([...this.#running.values()].map((end) => end()));
	}
}
