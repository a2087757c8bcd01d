/**
 * Kubernetes quantities, exact: `resource.Quantity` of k8s.io/apimachinery/pkg/api/resource/quantity.go.
 */

/** An amount. Bytes when it is storage. Compare with `compareQuantities`, never by text: 1024Mi equals 1Gi. */
export interface Quantity {
	/** The exact amount in billionths, the smallest unit a quantity has. */
	readonly nano: bigint;
	/** The amount as written. */
	readonly text: string;
	/** `nano` as a double: monotone, so that two amounts whose doubles differ compare without bigints. */
	readonly approximate: number;
}

const NANO = 1_000_000_000n;
const INT64_MAX = 2n ** 63n - 1n;
const FORM = /^([+-]?)(\d*)(?:\.(\d*))?([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i|)$/;

const BINARY: Readonly<Record<string, bigint>> = {
	Ki: 2n ** 10n,
	Mi: 2n ** 20n,
	Gi: 2n ** 30n,
	Ti: 2n ** 40n,
	Pi: 2n ** 50n,
	Ei: 2n ** 60n,
};
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/**
 * Parses a quantity as ParseQuantity does: below a billionth it is rounded away from zero; with a binary suffix, and only
 * then, it is capped at int64. A text without a digit, which ParseQuantity reads as 0, is refused: no volume has that size.
 * Throws an Error that names the text when it is not a quantity.
 */
export function parseQuantity(text: string): Quantity {
	const match = FORM.exec(text);
	const [, sign = '', whole = '', fraction = '', suffix = ''] = match ?? [];
	if (match === null || whole + fraction === '') {
		throw new Error(`${JSON.stringify(text)} is not a quantity (try 10Gi, 10G or 500m)`);
	}
	const magnitude = magnitudeInNano(whole, fraction, suffix);
	return quantityOf(sign === '-' ? -magnitude : magnitude, text);
}

/** A quantity of whole bytes, written in the largest binary unit that divides it. */
export function quantityOfBytes(bytes: bigint): Quantity {
	const unit = Object.entries(BINARY)
		.reverse()
		.find(([, size]) => bytes !== 0n && bytes % size === 0n);
	return quantityOf(bytes * NANO, unit ? `${bytes / unit[1]}${unit[0]}` : `${bytes}`);
}

export const ZERO: Quantity = quantityOf(0n, '0');

/** Negative when a < b, 0 when equal, positive when a > b. Exact: 500m is less than 1. */
export function compareQuantities(a: Quantity, b: Quantity): number {
	if (a.approximate !== b.approximate) return a.approximate < b.approximate ? -1 : 1;
	if (a.nano === b.nano) return 0;
	return a.nano < b.nano ? -1 : 1;
}

/** Whole units, rounded away from zero, as Quantity.Value() gives them. */
export function wholeUnits(quantity: Quantity): bigint {
	const { nano } = quantity;
	const quotient = nano / NANO;
	if (nano % NANO === 0n) return quotient;
	return nano > 0n ? quotient + 1n : quotient - 1n;
}

function quantityOf(nano: bigint, text: string): Quantity {
	return { nano, text, approximate: Number(nano) };
}

function magnitudeInNano(whole: string, fraction: string, suffix: string): bigint {
	const digits = BigInt(whole + fraction);
	const binary = BINARY[suffix];
	if (binary !== undefined) return cap(scale(digits * binary, 9 - fraction.length));
	const exponent = DECIMAL[suffix] ?? Number(suffix.slice(1));
	return scale(digits, 9 - fraction.length + exponent);
}

/** digits × 10^exponent, rounded up. Exponents beyond any real amount are cut short, so that 1e999999999 costs nothing. */
function scale(digits: bigint, exponent: number): bigint {
	if (digits === 0n) return 0n;
	if (exponent >= 0) return digits * 10n ** BigInt(Math.min(exponent, 40));
	const divisor = 10n ** BigInt(Math.min(-exponent, 400));
	return (digits + divisor - 1n) / divisor;
}

function cap(nano: bigint): bigint {
	return nano > INT64_MAX * NANO ? INT64_MAX * NANO : nano;
}
