// A process of its own that outlives a test run which was killed, by whatever
// signal, and cleans up after it. The run tells it, a line each, what there is:
//
//   +PID     a process was started        -PID   it has ended
//   dir DIR  a folder to remove at the end
//
// The end of stdin means that the run is over.

import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const pids = new Set<number>();
const dirs = new Set<string>();

// A Ctrl-C in a terminal reaches every process of the group, this one too.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

for await (const line of createInterface({ input: process.stdin })) {
	if (line.startsWith('+')) pids.add(Number(line.slice(1)));
	else if (line.startsWith('-')) pids.delete(Number(line.slice(1)));
	else if (line.startsWith('dir ')) dirs.add(line.slice(4));
}
for (const pid of pids) {
	try {
		process.kill(pid, 'SIGKILL');
	} catch {
		// It has ended by itself.
	}
}
for (const dir of dirs) rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
