// What meets single calls on their way to the API server.

import type { ApiProxy, Call, Fault } from '../../cluster/chaos/api-proxy.ts';
import type { Ground } from '../ground.ts';
import type { Random } from '../random.ts';

/** Of all calls. Starts are spared: that topobind then says why and ends is tested elsewhere. */
const FAULTY = 0.12;
/** Of lists: each that fails is begun anew, and a replica that never gets to its last page does nothing. */
const FAULTY_LISTS = 0.05;
/** Of the pages after the first. */
const EXPIRED = 0.15;
/** So that there are others. */
const FIRST_PAGE = 10;

const FAULTS: readonly Fault[] = [
	{ before: { status: 409, reason: 'Conflict' } },
	{ before: { status: 429, headers: { 'retry-after': '1' } } },
	{ before: { status: 500 } },
	{ before: { status: 503 } },
	{ before: { status: 401 } },
	{ before: { status: 410, reason: 'Expired' } },
	{ before: 'reset' },
	{ before: 'silence' },
	{ after: 'reset' },
	{ after: 'cut' },
	{ after: 'silence' },
];

export class CallTrouble {
	readonly #ground: Ground;
	readonly #random: Random;
	readonly #count: (what: string) => void;

	constructor(ground: Ground, random: Random, count: (what: string) => void) {
		this.#ground = ground;
		this.#random = random;
		this.#count = count;
	}

	/** From now on calls fail now and then, and lists come in pages. */
	begin(): void {
		for (const proxy of this.#ground.proxies) {
			proxy.rule = (call) => this.#faultOf(call);
			proxy.firstPage = FIRST_PAGE;
		}
	}

	end(): void {
		for (const proxy of this.#ground.proxies) this.#leaveAlone(proxy);
	}

	#leaveAlone(proxy: ApiProxy): void {
		proxy.rule = undefined;
		proxy.firstPage = undefined;
	}

	#faultOf({ kind, path, query }: Call): Fault | undefined {
		const gate = this.#ground.gates.get(path);
		if (gate) return { before: gate };
		if (path === '/api/v1/nodes' && query.get('limit') === '1') return undefined;
		if (query.has('continue')) {
			this.#count('further page');
			if (this.#random.chance(EXPIRED)) {
				this.#count('continue token expired');
				return { before: { status: 410, reason: 'Expired' } };
			}
		}
		if (!this.#random.chance(kind === 'list' ? FAULTY_LISTS : FAULTY)) return undefined;
		this.#count('call');
		return this.#random.pick(FAULTS);
	}
}
