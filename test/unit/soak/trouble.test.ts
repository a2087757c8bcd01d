import { describe, expect, test } from 'vitest';
import type { Ground } from '../../soak/ground.ts';
import { Random } from '../../soak/random.ts';
import { neverCame, Trouble } from '../../soak/trouble/trouble.ts';

test('a kind of fault that did not come in ten minutes is a problem', () => {
	expect(neverCame(['kill'], 10)).toEqual(['in 10 minutes this never went wrong: kill']);
	expect(neverCame([], 10)).toEqual([]);
	expect(neverCame(['kill'], 9)).toEqual([]);
});

/** Chooses this trouble, and the first of all else. */
class Choice extends Random {
	readonly #trouble: string;

	constructor(trouble: string) {
		super(0);
		this.#trouble = trouble;
	}

	override chance = () => false;
	override below = () => 0;
	override weighted<K extends string>(): K {
		return this.#trouble as K;
	}
}

/** What is missing after this trouble was chosen, where its ways are up, or down. */
async function missingAfter(name: string, isUp: boolean): Promise<readonly string[]> {
	const proxy = { isUp, watches: new Set(), lagMs: 0, down: async () => {}, up: async () => {} };
	const ground = {
		proxies: [proxy],
		csi: { allowCreate() {} },
		api: { list: async () => ({ items: [] }) },
		exclusively: <T>(work: () => Promise<T>) => work(),
		restartFirst: async () => {},
	};
	const trouble = new Trouble(ground as unknown as Ground, new Choice(name));
	await trouble.step();
	const { missing } = trouble;
	await trouble.end();
	return missing;
}

describe('a fault', () => {
	test.each(['down', 'longDown', 'kill', 'terminate'])('%s has come where it could', async (name) => {
		expect(await missingAfter(name, true)).not.toContain(name);
	});

	test.each(['down', 'longDown', 'kill', 'terminate', 'watch', 'late', 'provisioner', 'astray'])(
		'%s has not come where it could not',
		async (name) => {
			expect(await missingAfter(name, false)).toContain(name);
		},
	);

	test.each(['call', 'continue token expired', 'certificate replaced'])('%s has not come uncounted', async (name) => {
		expect(await missingAfter('down', true)).toContain(name);
	});
});
