/** Leave to use what is in another namespace; in some ways it is no leave at all. */

import type { Manifest } from '../../manifest.ts';
import type { Random } from '../random.ts';
import type { Source } from './source.ts';

export function grant(random: Random, source: Source, claimsOf: string): Manifest {
	const { apiGroup = '', kind, namespace, name } = source;
	const good = random.chance(0.7);
	const from = { group: '', kind: 'PersistentVolumeClaim', namespace: claimsOf };
	const to = { group: apiGroup, kind, ...random.maybe(0.5, 'name', () => name) };
	const spec = good
		? { from: [from], to: [to] }
		: random.pick([
				{ from: [{ ...from, namespace: 'elsewhere' }], to: [to] },
				{ from: [{ ...from, group: 'apps', kind: 'StatefulSet' }], to: [to] },
				{ from: [from], to: [{ ...to, name: 'another' }] },
				{ from: [from], to: [{ ...to, kind: 'Secret' }] },
				{ from: [from], to: [] },
			]);
	return {
		apiVersion: 'gateway.networking.k8s.io/v1beta1',
		kind: 'ReferenceGrant',
		metadata: { namespace, name: `grant-${name}` },
		spec,
	};
}
