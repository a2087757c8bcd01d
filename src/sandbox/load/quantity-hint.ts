import { parseQuantity } from '../../domain/storage/quantity.ts';
import { legible } from './place.ts';

/** What is wrong with a text that should be a quantity, and what was most likely meant; undefined when it is one. */
export function quantityFault(text: string): string | undefined {
	try {
		return parseQuantity(text).nano < 0n ? `${JSON.stringify(legible(text))} is negative` : undefined;
	} catch {
		return `${JSON.stringify(legible(text))} is not a quantity (try ${suggestions(text)})`;
	}
}

/** People write 10GB, 10Gb, 10 gi, 10GiB. */
function suggestions(text: string): string {
	const [, amount, unit, binary] = /^\s*([\d.]*\d)\s*([kmgtpe])(i?)b?\s*$/i.exec(text) ?? [];
	if (!amount || !unit) return '10Gi or 10G';
	const large = unit.toUpperCase();
	const inBinary = `${amount}${large}i`;
	return binary ? inBinary : `${amount}${large === 'K' ? 'k' : large} or ${inBinary}`;
}
