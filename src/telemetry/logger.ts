import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger };

export interface LoggerOptions {
	/** A level of the configuration, `silent` included. */
	readonly level: string;
	/** Where lines go: stdout unless said otherwise. */
	readonly stream?: DestinationStream;
}

/** Where a request, an error or an options object may carry credentials. */
const secrets = ['', '*.', '*.*.', '*.*.*.'].flatMap((above) => [
	`${above}authorization`,
	`${above}Authorization`,
	`${above}["proxy-authorization"]`,
	`${above}token`,
]);

/**
 * JSON lines with named levels and ISO times. Written straight to stdout, in this thread: a worker transport
 * would lose the last lines when the process ends.
 */
export function createLogger({ level, stream }: LoggerOptions): Logger {
	return pino(
		{
			level,
			// The pod's name and the pid are what the log collector adds by itself.
			base: null,
			timestamp: stdTimeFunctions.isoTime,
			formatters: { level: (label) => ({ level: label }) },
			redact: { paths: secrets, censor: '[redacted]' },
		},
		stream ?? destination({ dest: 1, sync: true }),
	);
}
