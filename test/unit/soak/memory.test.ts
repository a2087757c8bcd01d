import { expect, test } from 'vitest';
import { grown } from '../../soak/memory.ts';

test('a heap that has grown by more than 16 MiB since the first third is a problem', () => {
	const memory = (heap: number) => ({ heap, rss: 160 });
	expect(grown([memory(41), memory(46), memory(63)])).toEqual(['the heap has grown by 17 MiB']);
	expect(grown([memory(41), memory(46), memory(62)])).toEqual([]);
	expect(grown([memory(20), memory(46), memory(47)])).toEqual([]);
});
