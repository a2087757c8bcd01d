/** A bind that did not happen; the message is what the scheduler shows on the pod. */
export class BindError extends Error {
	/** refused: the decision does not hold (any more). ended: something the bind needs is gone. failed: a write failed. timeout, stopped. */
	readonly result: 'refused' | 'ended' | 'failed' | 'timeout' | 'stopped';

	constructor(result: BindError['result'], message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = 'BindError';
		this.result = result;
	}
}
