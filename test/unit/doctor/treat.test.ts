import { beforeEach, describe, expect, it } from 'vitest';
import { pinText } from '../../../src/doctor/report.ts';
import { treatPins } from '../../../src/doctor/treat.ts';
import { node, put } from '../domain/builders.ts';
import { clone, origin } from '../domain/source-builders.ts';
import { answered, cluster, FakePinWriter, patient, pinned, traceFor, volumeFor } from './support.ts';

const twoGone = () => cluster(pinned('a', 'n8'), pinned('b', 'n9'));

describe('treatPins', () => {
	it('writes nothing unless asked to', async () => {
		const writer = new FakePinWriter();
		const treatments = await treatPins(patient(twoGone(), writer), { repair: false });
		expect(treatments.map(({ outcome, verdict }) => [outcome, verdict?.repair])).toEqual([
			['found', 'safe'],
			['found', 'safe'],
		]);
		expect(writer.calls).toEqual(['trace a', 'trace b']);
	});

	it('removes one pin after the other, with an event, and leaves what is not proven', async () => {
		const writer = new FakePinWriter();
		writer.trace_ = (judged) => traceFor(judged, judged.name === 'a' ? {} : { provisioner: undefined });
		const treatments = await treatPins(patient(twoGone(), writer), { repair: true });
		expect(treatments.map(({ outcome }) => outcome)).toEqual(['found', 'removed']);
		expect(writer.calls).toEqual(['trace a', 'trace b', 'remove b at 1', 'tell b']);
		expect(writer.events).toMatchObject([{ type: 'Normal', reason: 'TopobindPinRemoved' }]);
		expect(writer.events[0]?.message).toMatch(/^Removed selected-node n9\. PIN_NODE_GONE: /);
	});

	it('takes the namespace and the vouched machines into account', async () => {
		const writer = new FakePinWriter();
		writer.trace_ = (judged) => traceFor(judged);
		expect(await treatPins(patient(twoGone(), writer), { repair: true, namespace: 'other' })).toEqual([]);
		const treatments = await treatPins(patient(twoGone(), writer), { repair: true, machinesGone: new Set(['n9']) });
		expect(treatments.map(({ outcome }) => outcome)).toEqual(['found', 'removed']);
	});

	it.each([
		['is gone', () => undefined],
		['was changed', (judged: Parameters<typeof traceFor>[0]) => traceFor(judged, { resourceVersion: '7' })],
		['is another of that name', (judged: Parameters<typeof traceFor>[0]) => traceFor(judged, { uid: 'new' })],
	])('passes over a claim that %s meanwhile', async (_, trace) => {
		const writer = new FakePinWriter();
		writer.trace_ = trace;
		const [treatment] = await treatPins(patient(cluster(pinned('data', 'n9')), writer), { repair: true });
		expect(treatment?.outcome).toBe('changed');
		expect(writer.calls).toEqual(['trace data']);
	});

	it('passes over a claim whose node came back while it was examined', async () => {
		const state = cluster(pinned('data', 'n9'));
		const writer = new FakePinWriter();
		writer.trace_ = (judged) => {
			put(state, node('n9'));
			return traceFor(judged, { provisioner: undefined });
		};
		const [treatment] = await treatPins(patient(state, writer), { repair: true });
		expect(treatment?.outcome).toBe('changed');
		expect(writer.calls).toEqual(['trace data']);
	});

	it('passes over a claim that was seen to change while it was examined, and does not promise a repair', async () => {
		const state = cluster(pinned('data', 'n9'));
		const writer = new FakePinWriter();
		writer.trace_ = (judged) => {
			put(state, pinned('data', 'n9', { version: '2' }));
			return traceFor(judged, { provisioner: undefined });
		};
		const treatments = await treatPins(patient(state, writer), { repair: true });
		expect(treatments[0]?.outcome).toBe('changed');
		expect(writer.calls).toEqual(['trace data']);
		expect(pinText(treatments)).toMatch(/\n1 claim pinned in vain\.\n$/);
	});

	it('passes over a claim whose volume appeared while it was examined', async () => {
		const state = cluster(pinned('data', 'n9'));
		const writer = new FakePinWriter();
		writer.trace_ = (judged) => {
			put(state, volumeFor('data', judged.uid));
			return traceFor(judged, { provisioner: undefined });
		};
		const [treatment] = await treatPins(patient(state, writer), { repair: true });
		expect(treatment?.outcome).toBe('changed');
		expect(writer.calls).toEqual(['trace data']);
	});

	it('tells a conflict, a failure and a lost event, each for its claim, and goes on', async () => {
		const writer = new FakePinWriter();
		const script = [() => false, () => Promise.reject(new Error('forbidden')) as never, () => true];
		writer.remove = () => (script.shift() as () => boolean)();
		writer.told = () => {
			throw new Error('no events today');
		};
		const state = cluster(pinned('a', 'n9'), pinned('b', 'n9'), pinned('c', 'n9'));
		const treatments = await treatPins(patient(state, writer), { repair: true });
		expect(treatments.map(({ outcome, problem }) => [outcome, problem])).toEqual([
			['changed', undefined],
			['failed', 'forbidden'],
			['removed', 'no event could be written: no events today'],
		]);
	});
});

describe('treatPins with an ear for silence', () => {
	const state = () => cluster(pinned('a', 'n1'), pinned('b', 'n9'), pinned('c', 'n2'));
	const asked = () => {
		const writer = new FakePinWriter();
		writer.trace_ = (judged) => traceFor(judged, judged.name === 'c' ? { pinnedAt: Date.now() } : {});
		return writer;
	};
	const deaf: string[] = [];
	const silence = { ms: 60_000, onFailure: ({ message }: Error) => deaf.push(message) };
	beforeEach(() => void deaf.splice(0));

	it('tells of it in the order of the claims, repairs nothing of it, and says how far it is', async () => {
		const progress: string[] = [];
		const onProgress = (done: number, of: number) => progress.push(`${done}/${of}`);
		const treatments = await treatPins(patient(state(), asked()), { repair: true, silence, onProgress });
		expect(treatments.map(({ finding, verdict, outcome }) => [finding.code, verdict?.repair, outcome])).toEqual([
			['PIN_PROVISIONER_SILENT', 'refused', 'found'],
			['PIN_NODE_GONE', 'refused', 'found'],
		]);
		expect(progress).toEqual(['1/3', '2/3', '3/3']);
		expect(pinText(treatments)).toMatch(/\n1 claim pinned in vain, 1 claim that no provisioner says anything of\.\n$/);
	});

	it('keeps to the namespace, and reads nothing where it is not asked to', async () => {
		const writer = asked();
		await treatPins(patient(state(), writer), { repair: false, silence, namespace: 'other' });
		expect(writer.calls).toEqual([]);
		await treatPins(patient(state(), writer), { repair: false });
		expect(writer.calls).toEqual(['trace b']);
	});

	it('says once that it cannot be told, and all else', async () => {
		const writer = asked();
		writer.read = async () => {
			throw new Error('forbidden');
		};
		const treatments = await treatPins(patient(state(), writer), { repair: false, silence });
		expect(treatments.map(({ finding }) => finding.code)).toEqual(['PIN_NODE_GONE']);
		expect(deaf).toEqual(['forbidden']);
	});
});

describe('the report', () => {
	it('says why, what would mend it, and whether a repair is safe', async () => {
		const state = cluster(pinned('data', 'n9'), ...origin(), clone('copy', 'origin', { selectedNode: 'n1' }));
		const writer = new FakePinWriter();
		writer.trace_ = (judged) => traceFor(judged, judged.name === 'copy' ? answered('NotFound') : {});
		expect(pinText(await treatPins(patient(state, writer), { repair: false }))).toMatchInlineSnapshot(`
			"ns/copy on n1: PIN_SOURCE_UNREACHABLE
			  why      its source, PersistentVolumeClaim origin, cannot be reached from node n1, but from kubernetes.io/hostname in (n2)
			  mend     have a node chosen that reaches the source
			  safe     driver local.example.com confirms it: NotFound, at 2026-11-01T10:01:00.000Z, is its last answer since the claim was pinned

			ns/data on n9: PIN_NODE_GONE
			  why      node n9 does not exist
			  mend     bring the node back, or have another chosen
			  refused  local.example.com was asked for the volume, and a Node object that is gone does not prove that its machine is off; one that runs elsewhere takes the pin back itself as soon as it looks for the node and no CreateVolume may be under way
			  instead  if the machine is gone for good and the provisioner ran on it: topobind doctor --repair --machine-gone n9. Otherwise, delete the claim and create it anew; it holds no data, and a provisioner that runs on cleans up what it has begun: kubectl delete pvc -n ns data

			2 claims pinned in vain; --repair would remove the pin of 1.
			"
		`);
		expect(pinText(await treatPins(patient(state, writer), { repair: true }))).toMatch(
			/selected-node was removed\n(?:.*\n)*.*; 1 repaired\.\n$/,
		);
	});

	it('says that there is nothing', () => {
		expect(pinText([])).toMatch(/^Every pinned claim/);
	});
});
