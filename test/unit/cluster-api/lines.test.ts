import { expect, test } from 'vitest';
import { LineSplitter } from '../../../src/cluster/api/lines.ts';

const TEXT = '{"a":"zwölf"}\n{"b":"🜂"}\n\n{"c":1}\n';
const LINES = ['{"a":"zwölf"}', '{"b":"🜂"}', '{"c":1}'];

function split(...chunks: Buffer[]): string[] {
	const splitter = new LineSplitter();
	return chunks.flatMap((chunk) => splitter.push(chunk));
}

test('the lines are the same wherever the bytes are cut, also within a character', () => {
	const bytes = Buffer.from(TEXT);
	for (let first = 0; first <= bytes.length; first++) {
		for (let second = first; second <= bytes.length; second++) {
			expect(split(bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second))).toEqual(LINES);
		}
	}
});

test('byte by byte', () => {
	expect(split(...[...Buffer.from(TEXT)].map((byte) => Buffer.of(byte)))).toEqual(LINES);
});

test('a line is given out by the chunk that ends it, and a last line without its end never', () => {
	const splitter = new LineSplitter();
	expect(splitter.push(Buffer.from('one\ntw'))).toEqual(['one']);
	expect(splitter.push(Buffer.from('o'))).toEqual([]);
	expect(splitter.push(Buffer.from('\nthree'))).toEqual(['two']);
});
