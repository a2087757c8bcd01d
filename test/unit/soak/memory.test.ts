import { expect, test } from 'vitest';
import { grown, type Memory } from '../../soak/memory.ts';

const START: Memory = { heap: 41, rss: 149 };
const THIRD: Memory = { heap: 46, rss: 155 };

test.each<[Memory, string[]]>([
	[{ heap: 63, rss: 157 }, ['the heap has grown by 17 MiB']],
	[{ heap: 47, rss: 220 }, ['the rss has grown by 65 MiB']],
	[{ heap: 62, rss: 219 }, []],
	[{ heap: 30, rss: 130 }, []],
])('a third is held against the end, %j', (end, problems) => {
	expect(grown([START, THIRD, end])).toEqual(problems);
});

test('what it took before the first third is not growth', () => {
	expect(grown([{ heap: 20, rss: 60 }, THIRD, THIRD])).toEqual([]);
});
