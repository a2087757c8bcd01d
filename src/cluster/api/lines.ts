const NEWLINE = 0x0a;

/**
 * Cuts a byte stream into lines, however the stream is cut into chunks.
 *
 * It searches and keeps bytes, and decodes only whole lines: so a character may be cut in two, and a
 * line of many chunks is joined once. What follows the last newline is never given out.
 */
export class LineSplitter {
	#pending: Buffer[] = [];

	/** The lines this chunk completes, without their newline; empty lines are left out. */
	push(chunk: Buffer): string[] {
		const lines: string[] = [];
		let start = 0;
		for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
			const line = this.#join(chunk.subarray(start, end));
			if (line !== '') lines.push(line);
			start = end + 1;
		}
		if (start < chunk.length) this.#pending.push(chunk.subarray(start));
		return lines;
	}

	#join(end: Buffer): string {
		if (this.#pending.length === 0) return end.toString('utf8');
		const line = Buffer.concat([...this.#pending, end]).toString('utf8');
		this.#pending = [];
		return line;
	}
}
