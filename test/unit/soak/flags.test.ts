import { expect, test } from 'vitest';
import { within } from '../../soak/bounded.ts';
import { readFlags, UsageError } from '../../soak/flags.ts';

test('without flags it lasts ten minutes', () => {
	expect(readFlags([])).toEqual({ minutes: 10, seed: expect.any(Number) });
	expect(readFlags(['--minutes', '0.5', '--seed', '7'])).toEqual({ minutes: 0.5, seed: 7 });
});

test.each([
	[['--minutes', 'x'], /--minutes is a number, above 0, 1440 at most, not "x"/],
	[['--minutes', '0'], /--minutes/],
	[['--minutes', ''], /--minutes/],
	[['--minutes', '2000'], /--minutes/],
	[['--seed', '1.5'], /--seed is a number, whole, 0 or more, not "1.5"/],
	[['--minute', '1'], /--minute'\n?.*usage/s],
	[['1'], /usage: npm run soak/],
])('%j is a mistake, and says how to do it', (args, message) => {
	expect(() => readFlags(args)).toThrow(UsageError);
	expect(() => readFlags(args)).toThrow(message);
});

test('what does not end in time is named', async () => {
	const never = new Promise<never>(() => {});
	await expect(within(5, () => 'the step', never)).rejects.toThrow('the step has not ended after 0.005 s');
	await expect(within(1_000, () => 'the step', Promise.resolve(1))).resolves.toBe(1);
});
