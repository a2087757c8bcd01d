/** A call that is not answered with 200. The message tells the caller what was found and what would be right. */
export class CallError extends Error {
	readonly statusCode: number;
	readonly headers: Readonly<Record<string, string>>;

	constructor(statusCode: number, message: string, headers: Readonly<Record<string, string>> = {}) {
		super(message);
		this.name = 'CallError';
		this.statusCode = statusCode;
		this.headers = headers;
	}
}
