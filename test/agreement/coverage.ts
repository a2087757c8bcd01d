// Which lines of kube-scheduler's rules the generated clusters reach, and which they do not:
//
//   node test/agreement/coverage.ts [--seeds N] [--from S]

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { go } from '../cluster/build/go.ts';
import { generateCluster } from './generate/cluster.ts';
import { buildOracle, oracleDir } from './harness/build.ts';
import { Oracle } from './harness/oracle.ts';
import { readOptions } from './options.ts';

/** What PreFilter and Filter consist of; the rest of these files reserves, scores, binds or listens. */
const RULES: Readonly<Record<string, readonly string[]>> = {
	'volumebinding/volume_binding.go': ['podHasPVCs', 'PreFilter', 'Filter', 'getStateData'],
	'volumebinding/binder.go': [
		'FindPodVolumes',
		'isVolumeBound',
		'isPVCBound',
		'isPVCFullyBound',
		'GetPodVolumeClaims',
		'checkBoundClaims',
		'findMatchingVolumes',
		'checkVolumeProvisions',
		'hasEnoughCapacity',
		'capacitySufficient',
		'volumeLimit',
		'nodeHasAccess',
		'Less',
		'isCSIMigrationOnForPlugin',
		'isPluginMigratedToCSIOnNode',
		'tryTranslatePVToCSI',
	],
	'volumebinding/assume_cache.go': ['pvStorageClassIndexFunc', 'ListPVs'],
	'volumezone/volume_zone.go': [
		'translateToGALabel',
		'PreFilter',
		'getPVbyPod',
		'Filter',
		'getStateData',
		'getErrorAsStatus',
		'getPersistentVolumeClaimNameFromPod',
		'getPVTopologies',
	],
	'storage/ephemeral/ephemeral.go': ['VolumeClaimName', 'VolumeIsForPod'],
	'storage/volume/helpers.go': ['GetPersistentVolumeClaimClass', 'GetPersistentVolumeClass', 'CheckNodeAffinity'],
	'storage/volume/pv_helpers.go': [
		'IsDelayBindingMode',
		'IsVolumeBoundToClaim',
		'FindMatchingVolume',
		'CheckVolumeModeMismatches',
		'CheckAccessModes',
	],
	'corev1/nodeaffinity/nodeaffinity.go': [
		'NewLazyErrorNodeSelector',
		'Match',
		'isEmptyNodeSelectorTerm',
		'newNodeSelectorTerm',
		'match',
		'nodeSelectorRequirementsAsSelector',
		'nodeSelectorRequirementsAsFieldSelector',
	],
	'plugins/in_tree_volume.go': [
		'translateTopologyFromInTreeToCSI',
		'getTopologyLabel',
		'TopologyKeyExist',
		'getTopologyValues',
		'replaceTopology',
		'addTopology',
	],
	'plugins/aws_ebs.go': ['TranslateInTreePVToCSI', 'KubernetesVolumeIDToEBSVolumeID'],
	'plugins/gce_pd.go': ['TranslateInTreePVToCSI', 'gceGetRegionFromZones'],
	'plugins/openstack_cinder.go': ['TranslateInTreePVToCSI'],
	'plugins/azure_disk.go': ['TranslateInTreePVToCSI'],
	'plugins/portworx.go': ['TranslateInTreePVToCSI'],
};

interface Block {
	readonly file: string;
	readonly first: number;
	readonly last: number;
	readonly statements: number;
	readonly reached: boolean;
}

interface Func {
	readonly file: string;
	readonly name: string;
	readonly line: number;
}

const dir = mkdtempSync(join(tmpdir(), 'agreement-coverage-'));
try {
	await measure();
	const profile = join(dir, 'profile');
	await go(['tool', 'covdata', 'textfmt', `-i=${dir}`, `-o=${profile}`], oracleDir);
	const functions = functionsIn(await go(['tool', 'cover', `-func=${profile}`], oracleDir));
	report(functions, blocksIn(readFileSync(profile, 'utf8')));
} finally {
	rmSync(dir, { recursive: true });
}

async function measure(): Promise<void> {
	const { seeds, from } = readOptions(process.argv.slice(2), 300);
	const oracle = new Oracle(await buildOracle((line) => console.error(line), true), { GOCOVERDIR: dir });
	for (let seed = from; seed < from + seeds; seed++) await oracle.judge(generateCluster(seed));
	await oracle.stop();
}

function blocksIn(profile: string): Block[] {
	const lines = profile.matchAll(/^(\S+):(\d+)\.\d+,(\d+)\.\d+ (\d+) (\d+)$/gm);
	return Array.from(lines, ([, file = '', first, last, statements, count]) => ({
		file,
		first: Number(first),
		last: Number(last),
		statements: Number(statements),
		reached: count !== '0',
	}));
}

function functionsIn(listing: string): Func[] {
	const lines = listing.matchAll(/^(\S+):(\d+):\s+(\S+)/gm);
	return Array.from(lines, ([, file = '', line, name = '']) => ({ file, name, line: Number(line) }));
}

function report(functions: readonly Func[], blocks: readonly Block[]): void {
	let reached = 0;
	let all = 0;
	for (const [ending, names] of Object.entries(RULES)) {
		const inFile = functions.filter(({ file }) => file.endsWith(`/${ending}`)).sort((a, b) => a.line - b.line);
		for (const name of names) if (!inFile.some((func) => func.name === name)) console.log(`${ending}: no ${name}`);
		for (const [i, func] of inFile.entries()) {
			if (!names.includes(func.name)) continue;
			const end = inFile[i + 1]?.line ?? Number.POSITIVE_INFINITY;
			const own = blocks.filter(({ file, first }) => file === func.file && first >= func.line && first < end);
			all += own.reduce((sum, { statements }) => sum + statements, 0);
			const missed = own.filter((block) => !block.reached);
			reached += own.filter((block) => block.reached).reduce((sum, { statements }) => sum + statements, 0);
			for (const { first, last } of missed) console.log(`${ending}:${first}-${last} not reached, in ${func.name}`);
		}
	}
	console.log(`${reached} of ${all} statements reached (${((100 * reached) / all).toFixed(1)} %)`);
}
