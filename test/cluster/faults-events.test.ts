// Events and the removal of pins meet every fault: each event is there once and counted right, each pin is removed once and
// only as it was judged, and nothing else waits for them.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../../src/cluster/cluster.ts';
import type { ClusterEvent } from '../../src/cluster/event-writer.ts';
import { connectKubernetes } from '../../src/cluster/kubernetes.ts';
import type { Claim } from '../../src/domain/model.ts';
import { ApiProxy, type Call, type Fault } from './chaos/api-proxy.ts';
import { FAULTS, nameOf } from './chaos/faults.ts';
import { callBind, startServing, untilPassed } from './chaos/serving.ts';
import type { KubeObject } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, isBound, paths, pod, selectedNode, useControlPlane } from './shared.ts';
import { grantEvents, grantPins, grantRights } from './topobind.ts';

const controlPlane = useControlPlane();
const { api } = controlPlane;
const NODE = 'faults-events';
const CLASS = 'faults-events';
const NEWS: ClusterEvent = { type: 'Warning', reason: 'Tested', message: 'told' };
let proxy: ApiProxy;
let cluster: Cluster;
/** By method and path, an event's without its name: what happens to the next calls. */
const scripts = new Map<string, Fault[]>();

beforeAll(async () => {
	await grantRights(controlPlane);
	await grantEvents(controlPlane);
	await grantPins(controlPlane);
	await controlPlane.createNode(NODE);
	await api.create(localClass(CLASS));
	proxy = await ApiProxy.start(controlPlane.info);
	proxy.rule = ({ method, path }) => scripts.get(`${method} ${path.replace(/(?<=\/events)\/.*/, '')}`)?.shift();
	cluster = await connectKubernetes({ kubeconfig: proxy.kubeconfig });
	await cluster.whenSynced;
});
afterAll(async () => {
	await cluster.stop();
	await proxy.stop();
	await controlPlane.deleteNode(NODE);
});

interface Scene {
	readonly namespace: string;
	readonly claim: Claim;
}

/** A namespace with a claim that is pinned in vain, as topobind has seen it. */
async function scene(name: string): Promise<Scene> {
	const namespace = await api.createNamespace(name);
	await api.create(pinnedClaim(namespace));
	const seen = Promise.withResolvers<Claim>();
	const look = () => {
		const known = cluster.state.claim(namespace, 'pinned');
		if (known) seen.resolve(known);
	};
	const unsubscribe = cluster.state.subscribe(look);
	look();
	return { namespace, claim: await seen.promise.finally(unsubscribe) };
}

function pinnedClaim(namespace: string): KubeObject {
	const asked = claim({ namespace, name: 'pinned', storageClass: CLASS });
	const annotations = { 'volume.kubernetes.io/selected-node': 'nowhere' };
	return { ...asked, metadata: { ...asked.metadata, annotations } };
}

const eventsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/events`;

const tell = ({ claim: about }: Scene) => cluster.events.tell({ kind: 'PersistentVolumeClaim', ...about }, NEWS);

async function told({ namespace }: Scene): Promise<number[]> {
	const events = await api.events(namespace, 'PersistentVolumeClaim', 'pinned');
	return events.filter(({ reason }) => reason === NEWS.reason).map(({ count }) => count);
}

const pinOf = async ({ namespace }: Scene) => selectedNode(await api.get(paths(namespace).claim('pinned')));

/** A kind of call: which it is, and what comes of it although it goes wrong. Gives what is not as it should be. */
interface Kind {
	readonly call: (namespace: string) => string;
	readonly outcome: (scene: Scene, goesWrong: (fault: Fault) => void, fault: string) => Promise<unknown>;
	readonly expected: (fault: string) => unknown;
}

const KINDS: Readonly<Record<string, Kind>> = {
	'writing an event': {
		call: (namespace) => `POST ${eventsOf(namespace)}`,
		async outcome(its, goesWrong, fault) {
			goesWrong(FAULTS[fault] as Fault);
			await tell(its);
			return told(its);
		},
		expected: () => [1],
	},
	'reading an event that is there': {
		call: (namespace) => `GET ${eventsOf(namespace)}`,
		async outcome(its, goesWrong, fault) {
			await tell(its);
			goesWrong(FAULTS[fault] as Fault);
			await tell(its);
			return told(its);
		},
		expected: () => [2],
	},
	'counting an event': {
		call: (namespace) => `PATCH ${eventsOf(namespace)}`,
		async outcome(its, goesWrong, fault) {
			await tell(its);
			goesWrong(FAULTS[fault] as Fault);
			await tell(its);
			return told(its);
		},
		expected: () => [2],
	},
	'removing a pin': {
		call: (namespace) => `PATCH ${paths(namespace).claim('pinned')}`,
		async outcome(its, goesWrong, fault) {
			goesWrong(FAULTS[fault] as Fault);
			return [await cluster.pins.removePin(its.claim), await pinOf(its)];
		},
		// A conflict is somebody else's change.
		expected: (fault) => (fault === '409' ? [false, 'nowhere'] : [true, undefined]),
	},
	'removing a pin of a claim that somebody changes between two tries': {
		call: (namespace) => `PATCH ${paths(namespace).claim('pinned')}`,
		async outcome(its, goesWrong, fault) {
			const { before, after } = FAULTS[fault] as Fault;
			goesWrong({
				async before() {
					const labels = { changed: 'yes' };
					await api.patch(paths(its.namespace).claim('pinned'), { metadata: { labels } });
					return (before ?? after) as 'reset';
				},
			});
			return [await cluster.pins.removePin(its.claim), await pinOf(its)];
		},
		expected: () => [false, 'nowhere'],
	},
	'reading a pinned claim': {
		call: (namespace) => `GET ${paths(namespace).claim('pinned')}`,
		outcome: failsThenSucceeds,
		expected: () => ['failed', 'read', 'nowhere'],
	},
	'listing what was said of it': {
		call: (namespace) => `GET ${eventsOf(namespace)}`,
		outcome: failsThenSucceeds,
		expected: () => ['failed', 'read', 'nowhere'],
	},
};

/** What the doctor cannot read now it reads in another round; until then it does nothing. */
async function failsThenSucceeds(its: Scene, goesWrong: (fault: Fault) => void, fault: string): Promise<unknown> {
	goesWrong(FAULTS[fault] as Fault);
	const look = () =>
		cluster.pins.trace(its.claim).then(
			(trace) => (trace?.uid === its.claim.uid ? 'read' : 'not there'),
			() => 'failed',
		);
	return [await look(), await look(), await pinOf(its)];
}

/** Goes wrong once, and tells whether it did. */
async function play(kind: Kind, name: string, fault: string): Promise<unknown> {
	const its = await scene(name.slice(0, 50));
	const script: Fault[] = [];
	scripts.set(kind.call(its.namespace), script);
	const outcome = await kind.outcome(its, (each) => void script.push(each), fault);
	return script.length === 0 ? outcome : 'the call was never made';
}

// All at once: each silence takes as long as ten seconds.
test('each kind of call meets each fault', async () => {
	const cases = Object.entries(KINDS).flatMap(([what, kind]) =>
		Object.keys(FAULTS).map((fault) => ({ what, kind, fault })),
	);
	const outcomes = await Promise.all(
		cases.map(async ({ what, kind, fault }) => {
			const outcome = await play(kind, nameOf(what, fault), fault).catch((error: Error) => `threw ${error.message}`);
			return [`${what} meets ${fault}`, outcome];
		}),
	);
	expect(Object.fromEntries(outcomes)).toEqual(
		Object.fromEntries(cases.map(({ what, kind, fault }) => [`${what} meets ${fault}`, kind.expected(fault)])),
	);
});

describe('the API server goes away for a moment', () => {
	const kinds = ['writing an event', 'reading an event that is there', 'counting an event', 'removing a pin'];
	const moments = kinds.flatMap((what) => [['before', what] as const, ['after', what] as const]);

	test.each(moments)('%s it has carried out %s', async (moment, what) => {
		const kind = KINDS[what] as Kind;
		const goAway = async () => {
			await proxy.down();
			setTimeout(() => void proxy.up(), 700);
			return 'reset' as const;
		};
		const its = await scene(nameOf('away', moment, what));
		const script: Fault[] = [];
		scripts.set(kind.call(its.namespace), script);
		const outcome = await kind.outcome(its, () => void script.push({ [moment]: goAway }), 'a reset');
		expect(script).toEqual([]);
		expect(outcome).toEqual(kind.expected(''));
	});
});

test('two replicas count the same event at the same time: none is lost', async () => {
	const its = await scene('faults-events-replicas');
	const other = await connectKubernetes({ kubeconfig: proxy.kubeconfig });
	await tell(its);
	const both = [cluster, other].map(({ events }) => events.tell({ kind: 'PersistentVolumeClaim', ...its.claim }, NEWS));
	await Promise.all(both);
	expect(await told(its)).toEqual([3]);
	await other.stop();
});

/** Calls that nothing answers until they are let go; then they break, and others pass. */
function holding(isHeld: (call: Call) => boolean) {
	const gate = Promise.withResolvers<'reset'>();
	let holds = true;
	const calls: Call[] = [];
	return {
		rule(call: Call): Fault | undefined {
			if (!holds || !isHeld(call)) return undefined;
			calls.push(call);
			return { before: () => gate.promise };
		},
		calls,
		letGo() {
			holds = false;
			gate.resolve('reset');
		},
	};
}

test('while no event is written, and then no pin removed, filter answers and binds go on; afterwards all of it is done', async () => {
	const namespace = await api.createNamespace('faults-events-held');
	const own = await ApiProxy.start(controlPlane.info);
	const topobind = await startServing(controlPlane, {
		proxy: own,
		config: { doctor: { intervalSeconds: 1, repair: true } },
	});
	const bindAnother = async (name: string) => {
		await api.createAll([localVolume(name, NODE, CLASS), claim({ namespace, name, storageClass: CLASS })]);
		const asked = await api.create(pod({ namespace, name, schedulerName: 'nobody', claims: [name] }));
		await untilPassed(topobind.extender, asked, [NODE]);
		expect(await callBind(topobind.extender, asked, NODE)).toBe('');
		expect((await api.get(paths(namespace).pod(name))).spec.nodeName).toBe(NODE);
	};
	const ours = async () =>
		(await api.list(eventsOf(namespace))).items.filter(({ source }) => source?.component === 'topobind');

	const events = holding(({ method, path }) => method === 'POST' && path === eventsOf(namespace));
	own.rule = events.rule;
	await api.create(pinnedClaim(namespace));
	await waitingPod(namespace);
	// The notice, and what the doctor has found.
	await own.untilCalls(() => events.calls.length >= 2);
	await bindAnother('faults-events-one');
	expect(await ours()).toEqual([]);

	const path = paths(namespace).claim('pinned');
	const removal = holding((call) => call.method === 'PATCH' && call.path === path);
	own.rule = removal.rule;
	events.letGo();
	await own.untilCalls(() => removal.calls.length >= 1);
	await bindAnother('faults-events-two');
	expect(selectedNode(await api.get(path))).toBe('nowhere');
	removal.letGo();
	await api.waitFor(path, (object) => selectedNode(object) === undefined);
	await api.waitForList(eventsOf(namespace), (all) => all.some(({ reason }) => reason === 'TopobindPinRemoved'));

	expect((await ours()).map(({ reason, count }) => `${reason} ${count}`).sort()).toEqual([
		'FailedScheduling 1',
		'TopobindPinFound 1',
		'TopobindPinRemoved 1',
	]);
	await topobind.stop();
	await own.stop();
});

/** A pod that kube-scheduler has refused, with a volume that no node can reach. */
async function waitingPod(namespace: string): Promise<void> {
	const name = 'faults-events-waits';
	await api.create(localVolume(name, 'nowhere', CLASS));
	const asked = claim({ namespace, name, storageClass: CLASS });
	await api.create({ ...asked, spec: { ...asked.spec, volumeName: name } });
	await api.waitFor(paths(namespace).claim(name), isBound);
	await api.create(pod({ namespace, name, schedulerName: 'nobody', claims: [name] }));
	const message = '0/1 nodes are available: 1 node(s) had volume node affinity conflict.';
	const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
	await api.patch(`${paths(namespace).pod(name)}/status`, { status: { conditions } });
}
