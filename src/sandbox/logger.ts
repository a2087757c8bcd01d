/** Where the sandbox tells what its controllers do, in pino's form. */
export interface SandboxLogger {
	debug(details: object, message: string): void;
	info(details: object, message: string): void;
	warn(details: object, message: string): void;
	error(details: object, message: string): void;
}

export const silent: SandboxLogger = { debug() {}, info() {}, warn() {}, error() {} };
