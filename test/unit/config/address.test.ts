import { describe, expect, it } from 'vitest';
import { collides, formatAddress, isLoopback, parseAddress } from '../../../src/config/address.ts';

describe('an address', () => {
	it.each(['127.0.0.1:8888', '[::1]:0', '0.0.0.0:65535', 'localhost:80', 'node-1.example.com:1'])('%s', (text) => {
		expect(formatAddress(parseAddress(text))).toBe(text);
	});

	it('is loopback or not', () => {
		expect(['localhost', '127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).toBe(true);
		expect(['0.0.0.0', '::', '10.0.0.1', '127.example.com'].some(isLoopback)).toBe(false);
	});

	it('collides with another', () => {
		const clash = (one: string, other: string) => collides(parseAddress(one), parseAddress(other));
		expect(clash('127.0.0.1:1', '[::]:1')).toBe(true);
		expect(clash('127.0.0.1:1', '10.0.0.1:1')).toBe(false);
		expect(clash('127.0.0.1:0', '127.0.0.1:0')).toBe(false);
	});
});
