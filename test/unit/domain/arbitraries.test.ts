import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSorted } from '../../../src/domain/decision/judge.ts';
import { reasonTemplates } from '../../../src/domain/decision/reasons.ts';
import { DelayedClaims } from '../../../src/domain/storage/delayed-claims.ts';
import { claimsOf } from '../../../src/domain/storage/pod-claims.ts';
import { build, localScenario, scenario } from './arbitraries.ts';
import { project } from './builders.ts';
import { reasons } from './verdicts.ts';

/** Of pods that exist, whose claims and classes do, and are sound; these come up in tests of their own. */
const NEVER = [
	'UNKNOWN_NODE',
	'CLAIM_MISSING',
	'CLAIM_NOT_CREATED',
	'CLAIM_NOT_OWNED',
	'CLAIM_LOST',
	'CLAIM_DELETING',
	'CLAIM_UNBOUND',
	'CLAIM_INVALID',
	'CLASS_MISSING',
	'CLASS_INVALID',
	'VOLUME_UNTRANSLATABLE',
];

describe('the random clusters, on which properties are tried', () => {
	it('pass and refuse, for every reason, by volumes that are there, provisioning and sources', () => {
		const verdicts = new Map<string, number>();
		const ways = { static: 0, provisioned: 0, filled: 0, mixed: 0 };
		const samples = fc.sample(scenario, { seed: 1, numRuns: 1000 });
		for (const given of samples) {
			const state = build(given);
			const pod = project(given.pod);
			for (const [name, why] of Object.entries(reasons(given.pod, state))) {
				const verdict = why?.code ?? 'passed';
				verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
				const claims = claimsOf(pod, state);
				if (why || !isSorted(claims) || claims.delayed.length === 0) continue;
				const labels = state.nodes.labelsOf(state.nodes.idOf(name) as number);
				const { bindings, provisions } = new DelayedClaims(claims.delayed, state).assign(labels);
				if (bindings.length > 0) ways.static++;
				if (provisions.length > 0) ways.provisioned++;
				if (bindings.length > 0 && provisions.length > 0) ways.mixed++;
				if (provisions.some(({ source }) => source?.kind === 'VolumeSnapshot' || source?.name === 'origin'))
					ways.filled++;
			}
		}
		const judged = samples.length * 4;
		expect(verdicts.get('passed')).toBeGreaterThan(judged / 5);
		expect(verdicts.get('passed')).toBeLessThan((judged * 4) / 5);
		const expected = Object.keys(reasonTemplates).filter((code) => !NEVER.includes(code));
		expect(Object.fromEntries(expected.map((code) => [code, (verdicts.get(code) ?? 0) > 20]))).toEqual(
			Object.fromEntries(expected.map((code) => [code, true])),
		);
		for (const [way, times] of Object.entries(ways)) expect(times, way).toBeGreaterThan(10);
	});

	it('of local volumes pass and refuse, and have pods whose claims compete', () => {
		let passed = 0;
		let competing = 0;
		const samples = fc.sample(localScenario, { seed: 1, numRuns: 500 });
		for (const given of samples) {
			const why = Object.values(reasons(given.pod, build(given)));
			const passes = why.filter((reason) => reason === undefined).length;
			passed += passes;
			if (passes > 0 && project(given.pod).claimVolumes.length > 1) competing++;
		}
		expect(passed).toBeGreaterThan(200);
		expect(passed).toBeLessThan(samples.length * 3);
		expect(competing).toBeGreaterThan(50);
	});
});
