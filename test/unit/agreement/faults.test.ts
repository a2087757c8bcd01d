// That agreement finds the faults is shown on demand (`npm run agreement:faults`); that they can still be put in, each time.

import { expect, test } from 'vitest';
import { apply } from '../../agreement/faults/copy.ts';
import { FAULTS } from '../../agreement/faults/list.ts';

test.each(FAULTS.map((fault) => [fault.what, fault] as const))('there is a rule to break: %s', (_, fault) => {
	expect(() => apply(fault)).not.toThrow();
});
