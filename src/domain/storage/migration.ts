/**
 * In-tree volumes as CSI migration translates them, so far as node affinity goes:
 * csi-translation-lib/plugins/in_tree_volume.go (translateTopologyFromInTreeToCSI) and the plugins beside it.
 */

import type { Labels, VolumeMigration } from '../model.ts';
import { type RawExpression, type RawNodeSelector, requirementOfNodeSelector } from '../topology/requirement.ts';

/** What translation reads of a raw PersistentVolume. */
export interface InTreeCandidate {
	readonly labels: Labels;
	readonly nodeSelector: RawNodeSelector | undefined;
	readonly spec: {
		readonly awsElasticBlockStore?: { readonly volumeID?: string } | null;
		readonly gcePersistentDisk?: object | null;
		readonly cinder?: object | null;
		readonly azureDisk?: { readonly kind?: string | null } | null;
		readonly portworxVolume?: object | null;
	};
}

/** How the volume is judged on nodes that have migrated its plugin; undefined for kinds that are never translated. */
export function migrationOf({ labels, nodeSelector, spec }: InTreeCandidate): VolumeMigration | undefined {
	const translated = (plugin: string, zoneKey: string, problem?: string): VolumeMigration => {
		const selector = translateTopology(nodeSelector, labels, zoneKey);
		return { plugin, affinity: selector && requirementOfNodeSelector(selector), problem };
	};
	const unchanged = (plugin: string, problem?: string): VolumeMigration => {
		return { plugin, affinity: nodeSelector && requirementOfNodeSelector(nodeSelector), problem };
	};
	if (spec.awsElasticBlockStore) {
		const problem = ebsProblem(spec.awsElasticBlockStore.volumeID ?? '');
		return translated('kubernetes.io/aws-ebs', 'topology.ebs.csi.aws.com/zone', problem);
	}
	if (spec.gcePersistentDisk) return translated('kubernetes.io/gce-pd', 'topology.gke.io/zone', gcePdProblem(labels));
	if (spec.cinder) return translated('kubernetes.io/cinder', 'topology.cinder.csi.openstack.org/zone');
	if (spec.azureDisk) return unchanged('kubernetes.io/azure-disk', azureDiskProblem(spec.azureDisk.kind));
	if (spec.portworxVolume) return unchanged('kubernetes.io/portworx-volume');
	return undefined;
}

const ZONE = 'topology.kubernetes.io/zone';
const REGION = 'topology.kubernetes.io/region';
const BETA_ZONE = 'failure-domain.beta.kubernetes.io/zone';
const BETA_REGION = 'failure-domain.beta.kubernetes.io/region';
const ZONE_SEPARATOR = '__';

function translateTopology(
	selector: RawNodeSelector | undefined,
	labels: Labels,
	driverZoneKey: string,
): RawNodeSelector | undefined {
	const beta = usesBetaKeys(selector, labels);
	const zoneKey = beta ? BETA_ZONE : ZONE;
	const zoned = hasValues(selector, zoneKey)
		? renameKey(selector, zoneKey, driverZoneKey)
		: addZones(selector, driverZoneKey, labels[zoneKey]);
	return beta && hasValues(zoned, BETA_REGION) ? renameKey(zoned, BETA_REGION, REGION) : zoned;
}

/** getTopologyLabel: the affinity's keys before the labels', GA before beta. */
function usesBetaKeys(selector: RawNodeSelector | undefined, labels: Labels): boolean {
	const inAffinity = (key: string) => expressionsOf(selector).some((expression) => expression.key === key);
	if (inAffinity(ZONE)) return false;
	if (inAffinity(BETA_ZONE)) return true;
	return !Object.hasOwn(labels, ZONE) && Object.hasOwn(labels, BETA_ZONE);
}

function expressionsOf(selector: RawNodeSelector | undefined): RawExpression[] {
	return (selector?.nodeSelectorTerms ?? []).flatMap((term) => term.matchExpressions ?? []);
}

function hasValues(selector: RawNodeSelector | undefined, key: string): boolean {
	return expressionsOf(selector).some((expression) => expression.key === key && (expression.values?.length ?? 0) > 0);
}

function renameKey(selector: RawNodeSelector | undefined, from: string, to: string): RawNodeSelector {
	return {
		nodeSelectorTerms: (selector?.nodeSelectorTerms ?? []).map((term) => ({
			...term,
			matchExpressions: (term.matchExpressions ?? []).map((expression) =>
				expression.key === from ? { ...expression, key: to } : expression,
			),
		})),
	};
}

/** addTopology: an In on every term; a volume without terms gets one. */
function addZones(
	selector: RawNodeSelector | undefined,
	key: string,
	label: string | undefined,
): RawNodeSelector | undefined {
	const zones = [...new Set((label ?? '').split(ZONE_SEPARATOR).map((zone) => zone.trim()))].filter(Boolean).sort();
	if (zones.length === 0) return selector;
	const terms = selector?.nodeSelectorTerms?.length ? selector.nodeSelectorTerms : [{}];
	const added = { key, operator: 'In', values: zones };
	return {
		nodeSelectorTerms: terms.map((term) => ({ ...term, matchExpressions: [...(term.matchExpressions ?? []), added] })),
	};
}

/** What Go's url.Parse takes in place of the zone: hardly anything that a zone is not made of, and at most a port at its end. */
const EBS_URL =
	/^aws:\/\/(?:[\w.~:!$&'()*+,;=%@-]*@)?(?:[\w.~:!$&'()*+,;=<>"\u0080-\uffff-]*:\d*|[\w.~!$&'()*+,;=<>"\u0080-\uffff-]*)(?<path>(?:\/[^?#]*)?)(?:\?[^#]*)?(?:#(?<fragment>.*))?$/s;

/** KubernetesVolumeIDToEBSVolumeID in aws_ebs.go. */
function ebsProblem(volumeId: string): string | undefined {
	if (!volumeId.startsWith('aws://')) return undefined;
	const { path, fragment = '' } = EBS_URL.exec(volumeId)?.groups ?? {};
	const id = path && percentDecoded(path)?.replace(/^\/+|\/+$/g, '');
	const isId =
		id &&
		/^vol-[^/]*$/.test(id) &&
		percentDecoded(fragment) !== undefined &&
		!hasControls(volumeId.split('#', 1).join());
	return isId ? undefined : `${JSON.stringify(volumeId)} is not the id of an EBS volume`;
}

/** Undefined where a percent sign escapes nothing. Byte by byte: what the bytes spell does not matter here. */
function percentDecoded(text: string): string | undefined {
	if (/%(?![0-9a-f]{2})/i.test(text)) return undefined;
	return text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function hasControls(text: string): boolean {
	return Array.from(text).some((character) => character < ' ' || character === '\u007f');
}

/** TranslateInTreePVToCSI in gce_pd.go: a volume of several zones must lie in one region. */
function gcePdProblem(labels: Labels): string | undefined {
	const zones = (labels[BETA_ZONE] || labels[ZONE] || '').split(ZONE_SEPARATOR);
	if (zones.length < 2) return undefined;
	const parts = zones.map((zone) => zone.split('-'));
	if (parts.some((part) => part.length !== 3)) return 'its zone label has a zone that is not <locale>-<region>-<zone>';
	const regions = new Set(parts.map((part) => `${part[0]}-${part[1]}`));
	return regions.size === 1 ? undefined : 'its zone label spans regions';
}

/** TranslateInTreePVToCSI in azure_disk.go. */
function azureDiskProblem(kind: string | null | undefined): string | undefined {
	if (kind === undefined || kind === null || kind.toLowerCase() === 'managed') return undefined;
	return `disks of kind ${kind} are not supported`;
}
