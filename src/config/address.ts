import { isIPv4, isIPv6 } from 'node:net';
import type { Address } from './config.ts';

const HOST_NAME =
	/^(?=.{1,253}$)[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*$/;

/** Reads `HOST:PORT`; an IPv6 host stands in brackets. Throws an Error that says what is wrong. */
export function parseAddress(text: string): Address {
	const colon = text.lastIndexOf(':');
	if (colon < 0) throw new Error('it has no port');
	const port = text.slice(colon + 1);
	if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new Error('the port is not a number from 0 to 65535');
	return { host: parseHost(text.slice(0, colon)), port: Number(port) };
}

function parseHost(host: string): string {
	if (host === '') throw new Error('it has no host; 0.0.0.0 stands for every interface');
	const inBrackets = /^\[(.*)\]$/.exec(host)?.[1];
	if (inBrackets !== undefined) {
		if (!isIPv6(inBrackets)) throw new Error('what stands in brackets is not an IPv6 address');
		return inBrackets;
	}
	if (host.includes(':')) throw new Error('an IPv6 address must stand in brackets, as in [::1]:8888');
	// Digits and dots only: meant as an address, so it must be one.
	const valid = /^[\d.]+$/.test(host) ? isIPv4(host) : HOST_NAME.test(host);
	if (!valid) throw new Error('the host is neither an IP address nor a host name');
	return host;
}

/** What is wrong with a `HOST:PORT`; undefined when nothing is. */
export function addressProblem(text: string): string | undefined {
	try {
		parseAddress(text);
		return undefined;
	} catch (error) {
		return (error as Error).message;
	}
}

/** The reverse of parseAddress, as it stands in a URL. */
export function formatAddress(address: Address): string {
	return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

/** True when only this machine (or this pod) can reach the host. */
export function isLoopback(host: string): boolean {
	return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** True when two listeners cannot stand side by side. */
export function collides(one: Address, other: Address): boolean {
	if (one.port !== other.port || one.port === 0) return false;
	return one.host === other.host || isEveryInterface(one.host) || isEveryInterface(other.host);
}

function isEveryInterface(host: string): boolean {
	return host === '0.0.0.0' || host === '::';
}
