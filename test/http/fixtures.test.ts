/** Every body under test/fixtures/extender, as kube-scheduler sends it: {"verb", "request"}. */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { extender, post, threeNodes } from './support.ts';

const folder = new URL('../fixtures/extender/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

// Every second node passes, whatever the recorded cluster calls its nodes.
const scheduling = threeNodes({
	filter: (_pod, { names }) =>
		names.map((_, i) => (i % 2 === 0 ? undefined : { code: 'CAPACITY', message: 'full', details: {} })),
	prioritize: (_pod, { names }) => names.map((_, i) => i % 11),
});

// biome-ignore lint/suspicious/noExplicitAny: recorded JSON.
type Json = any;

function load(file: string): { verb: 'filter' | 'prioritize' | 'preempt' | 'bind'; request: Json } {
	return JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
}

const everyOther = (_: unknown, i: number) => i % 2 === 0;

/** What the answer must be, given that every second node passes. */
const expected = {
	filter({ Pod, Nodes, NodeNames }: Json): object {
		const pass = needsStorage(Pod) ? everyOther : () => true;
		const names: string[] = NodeNames ?? Nodes.items.map((node: Json) => node.metadata.name);
		return {
			Nodes: NodeNames ? null : { metadata: {}, items: Nodes.items.filter(pass) },
			NodeNames: NodeNames?.filter(pass) ?? null,
			FailedNodes: {},
			FailedAndUnresolvableNodes: Object.fromEntries(names.filter((_, i) => !pass(_, i)).map((name) => [name, 'full'])),
			Error: '',
		};
	},
	prioritize({ Pod, Nodes, NodeNames }: Json): object {
		const names: string[] = NodeNames ?? Nodes.items.map((node: Json) => node.metadata.name);
		return names.map((Host, i) => ({ Host, Score: needsStorage(Pod) ? i % 11 : 0 }));
	},
	preempt({ Pod, NodeNameToMetaVictims, NodeNameToVictims }: Json): object {
		const meta = NodeNameToMetaVictims ?? mapValues(NodeNameToVictims ?? {}, toMeta);
		const usable = Object.entries(meta).filter(needsStorage(Pod) ? everyOther : () => true);
		return { NodeNameToMetaVictims: Object.fromEntries(usable) };
	},
	bind: (): object => ({ Error: '' }),
};

function needsStorage(pod: Json): boolean {
	return (pod.spec.volumes ?? []).some((volume: Json) => volume.persistentVolumeClaim || volume.ephemeral);
}

function toMeta({ Pods, NumPDBViolations }: Json): object {
	return { Pods: Pods.map((pod: Json) => ({ UID: pod.metadata.uid })), NumPDBViolations };
}

function mapValues(map: Json, change: (value: Json) => Json): Json {
	return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

function lowerKeys(object: Json): Json {
	return Object.fromEntries(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));
}

describe.each(files)('%s', (file) => {
	const { verb, request } = load(file);

	it('is answered as its verb demands', async () => {
		const answer = await post(extender({ scheduling }), verb, request);
		expect(answer.body).toEqual(expected[verb](request));
		expect(answer.status).toBe(200);
	});

	it('is answered the same with lower-case keys', async () => {
		const app = extender({ scheduling });
		expect((await post(app, verb, lowerKeys(request))).body).toEqual((await post(app, verb, request)).body);
	});
});

it('there is a body of every verb, and both forms of nodes and victims', () => {
	const all = files.map(load);
	expect(new Set(all.map(({ verb }) => verb))).toEqual(new Set(['filter', 'prioritize', 'preempt', 'bind']));
	for (const field of ['NodeNames', 'Nodes', 'NodeNameToVictims', 'NodeNameToMetaVictims']) {
		expect(
			all.filter(({ request }) => request[field] != null),
			field,
		).not.toEqual([]);
	}
});
