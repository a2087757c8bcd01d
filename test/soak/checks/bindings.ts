// A pod has one bind: through one replica there is one Binding of a pod at a time, and one that succeeds.

import type { Observer } from '../../cluster/chaos/api-proxy.ts';
import { Problems } from '../bounded.ts';

const BINDING = /\/pods\/([^/]+)\/binding$/;

export class BindingCheck {
	readonly problems = new Problems();
	sent = 0;
	succeeded = 0;

	/** Of all that one replica asks. */
	observer(replica: number): Observer {
		const running = new Map<string, number>();
		const done = new Set<string>();
		return ({ method, path }) => {
			const [, pod] = (method === 'POST' && BINDING.exec(path)) || [];
			if (!pod) return undefined;
			this.sent++;
			const since = running.get(pod);
			if (since !== undefined) {
				this.problems.add(
					`replica ${replica} sent two Bindings of ${pod} at once, the second ${Date.now() - since} ms later`,
				);
			}
			running.set(pod, Date.now());
			return ({ status = 0 }) => {
				running.delete(pod);
				if (status >= 300 || status === 0) return;
				this.succeeded++;
				if (done.has(pod)) this.problems.add(`replica ${replica} bound ${pod} twice`);
				done.add(pod);
			};
		};
	}
}
