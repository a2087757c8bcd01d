import { onTestFinished } from 'vitest';
import type { ApiReader } from '../../../src/cluster/api/client.ts';
import { Reflector, type ReflectorOptions, type Sink } from '../../../src/cluster/api/reflector.ts';
import type { Timing } from '../../../src/cluster/api/timing.ts';
import { clientFor, type FakeApi } from './fake-api.ts';

export interface Thing {
	readonly metadata: { readonly name: string; readonly resourceVersion: string };
	readonly size?: number;
}

export function thing(name: string, resourceVersion: string, size = 1): Thing {
	return { metadata: { name, resourceVersion }, size };
}

/** Lets a test wait for a condition that changes only where `changed` is called. */
class Watched {
	readonly #waiting = new Set<() => void>();

	changed(): void {
		for (const check of [...this.#waiting]) check();
	}

	until(condition: () => boolean): Promise<void> {
		const { promise, resolve } = Promise.withResolvers<void>();
		const check = () => {
			if (!condition()) return;
			this.#waiting.delete(check);
			resolve();
		};
		this.#waiting.add(check);
		check();
		return promise;
	}
}

export class RecordingSink extends Watched implements Sink<number> {
	items = new Map<string, number>();
	/** `=a,b` for a replace, `+a` for an upsert, `-a` for a remove. */
	readonly calls: string[] = [];

	replace(items: Map<string, number>): void {
		this.items = items;
		this.#called(`=${[...items.keys()]}`);
	}

	upsert(key: string, value: number): void {
		this.items.set(key, value);
		this.#called(`+${key}`);
	}

	remove(key: string): void {
		this.items.delete(key);
		this.#called(`-${key}`);
	}

	get keys(): string {
		return [...this.items.keys()].sort().join();
	}

	/** Resolves once the sink holds just these keys. */
	holds(keys: string): Promise<void> {
		return this.until(() => this.keys === keys);
	}

	#called(call: string): void {
		this.calls.push(call);
		this.changed();
	}
}

interface LogLine {
	readonly level: 'info' | 'warn';
	readonly details: { readonly err?: Error; readonly next?: string; readonly waitMs?: number };
	readonly message: string;
}

export class RecordingLog extends Watched {
	readonly lines: LogLine[] = [];

	info(details: object, message: string): void {
		this.#write('info', details, message);
	}

	warn(details: object, message: string): void {
		this.#write('warn', details, message);
	}

	get warnings(): LogLine[] {
		return this.lines.filter(({ level }) => level === 'warn');
	}

	#write(level: 'info' | 'warn', details: object, message: string): void {
		this.lines.push({ level, details, message });
		this.changed();
	}
}

/** A clock that the test moves, and sleeps that are over when the test says so. */
export class TestClock extends Watched {
	now = 1_000_000;
	readonly #sleeps: { ms: number; wake: () => void }[] = [];
	/** What the reflector takes for the time; it looks at the clock after each change of its state. */
	readonly look = (): number => {
		this.changed();
		return this.now;
	};
	/** How long each sleep was to be. */
	readonly asked: number[] = [];

	readonly sleep = (ms: number, signal: AbortSignal): Promise<void> => {
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		signal.addEventListener('abort', () => reject(signal.reason), { once: true });
		this.asked.push(ms);
		this.#sleeps.push({ ms, wake: resolve });
		this.changed();
		return promise;
	};

	/** Waits for the next sleep to begin, and tells its milliseconds. */
	async sleeping(): Promise<number> {
		await this.until(() => this.#sleeps.length > 0);
		return this.#sleeps[0]?.ms ?? Number.NaN;
	}

	/** Waits for the next sleep, lets its time pass, and ends it. */
	async wake(): Promise<number> {
		const ms = await this.sleeping();
		this.now += ms;
		this.#sleeps.shift()?.wake();
		return ms;
	}
}

export interface Setup {
	readonly reflector: Reflector<number>;
	readonly sink: RecordingSink;
	readonly log: RecordingLog;
	readonly clock: TestClock;
	readonly abort: AbortController;
	/** Resolves once the reflector knows of its nth open watch. */
	opened(nth: number): Promise<void>;
	/** Resolves when the reflector has ended. */
	readonly ended: Promise<void>;
}

type Options = Partial<Omit<ReflectorOptions<number>, 'timing'>> & { timing?: Partial<Timing> };

/** A running reflector of `/apis/test/v1/things`; it ends with the test. */
export function reflect(
	api: FakeApi | { client: ApiReader },
	{ timing, ...options }: Options = {},
	signal?: AbortSignal,
): Setup {
	const clock = new TestClock();
	const sink = new RecordingSink();
	const log = new RecordingLog();
	const abort = new AbortController();
	const reflector = new Reflector<number>({
		client: 'client' in api ? api.client : clientFor(api.url),
		path: '/apis/test/v1/things',
		project: ({ metadata, size }: Thing) => {
			if (size === undefined || size < 0) throw new Error(`${metadata.name} has no size`);
			return { key: metadata.name, value: size };
		},
		sink,
		logger: log,
		timing: {
			backoffBaseMs: 100,
			backoffMaxMs: 1000,
			now: clock.look,
			sleep: clock.sleep,
			random: () => 0.5,
			...timing,
		},
		...options,
	});
	const ended = reflector.start(signal ?? abort.signal);
	onTestFinished(() => reflector.stop());
	const opened = (nth: number) => clock.until(() => reflector.counters.watches === nth);
	return { reflector, sink, log, clock, abort, opened, ended };
}
