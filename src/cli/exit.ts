/** Exit codes of every command, and the error that carries one. */
export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3 } as const;

/** Ends a command: each line goes to standard error. */
export class CommandError extends Error {
	readonly code: number;

	constructor(code: number, message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = 'CommandError';
		this.code = code;
	}
}
