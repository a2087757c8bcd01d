/**
 * May the pin be removed? Only where it is proven that no CreateVolume is under way for it or can succeed there. If one
 * were, it would go on without anybody to remember it, and its disk would be left behind:
 * syncClaim and processNextClaimWorkItem in sig-storage-lib-external-provisioner/controller/controller.go forget a claim
 * that no longer has a selected node (issue 152 of that repository). docs/doctor.md has the reasoning, case by case.
 */

import type { PinTrace } from '../cluster/pin-trace.ts';
import type { PinCode, PinFinding } from './findings.ts';

export interface Verdict {
	readonly repair: 'safe' | 'refused';
	/** The proof, or what is lacking for one. */
	readonly because: string;
	/** Where it is refused: what a person can do. */
	readonly instead?: string;
}

/** `machinesGone`: nodes of which the operator vouches that they, and the provisioners on them, will never run again. */
export function verdictOn(finding: PinFinding, trace: PinTrace, machinesGone: ReadonlySet<string>): Verdict {
	const proof = proofFor(finding, trace, machinesGone);
	if (proof !== undefined) return { repair: 'safe', because: proof };
	return { repair: 'refused', because: lackFor(finding, trace), instead: insteadFor(finding) };
}

function proofFor(
	{ code, claim, node, driver }: PinFinding,
	{ provisioner, pinnedAt, lastWord }: PinTrace,
	machinesGone: ReadonlySet<string>,
): string | undefined {
	if (provisioner === undefined) {
		return 'no provisioner was ever asked for its volume: the claim has no annotation volume.kubernetes.io/storage-provisioner';
	}
	// A claim may have been asked of the provisioner of an earlier class of that name: what holds of this one's need not hold of it.
	const isOfClass = provisioner === driver;
	// Of the claim's own spec, which cannot change: prepareProvision fails on it before it calls the driver, each time.
	if (code === 'PIN_SOURCE_INVALID' && isOfClass && claim.selector) {
		return 'the claim has a selector, and external-provisioner never calls a driver for such a claim';
	}
	if (code === 'PIN_NODE_GONE' && machinesGone.has(node)) {
		return `you vouch that the machine of node ${node} is gone for good, and the provisioner of ${provisioner} with it`;
	}
	if (code === 'PIN_SOURCE_UNREACHABLE' && isOfClass && lastWord?.reason === 'ProvisioningFailed') {
		const { code: answer, at } = lastWord;
		const isSincePin = at !== undefined && pinnedAt !== undefined && at > pinnedAt + CLOCKS_APART_MS;
		if (isSincePin && SOURCE_IS_WRONG.has(answer)) {
			return `driver ${driver} confirms it: ${answer}, at ${new Date(at).toISOString()}, is its last answer since the claim was pinned`;
		}
	}
	return undefined;
}

/** The pin and the answer may have been written by two API servers; their times are whole seconds of clocks that differ a little. */
const CLOCKS_APART_MS = 2000;

/** The codes that the CSI specification gives CreateVolume for a source that is not there, or not to be used there. */
const SOURCE_IS_WRONG: ReadonlySet<string | undefined> = new Set(['NotFound', 'InvalidArgument']);

function lackFor(finding: PinFinding, trace: PinTrace): string {
	const { code, node, driver } = finding;
	const asked = `${trace.provisioner} was asked for the volume`;
	return `${asked}, and ${LACKS[code].replaceAll('{node}', node).replaceAll('{driver}', driver)}${heard(finding, trace)}`;
}

const LACKS: Readonly<Record<PinCode, string>> = {
	PIN_NODE_EMPTY: 'nothing tells for which node',
	PIN_NO_PROVISIONER: 'may still be at it: the class must have been another then',
	PIN_NODE_GONE:
		'a Node object that is gone does not prove that its machine is off; one that runs elsewhere takes the pin back itself as soon as it looks for the node and no CreateVolume may be under way',
	PIN_CSINODE_GONE:
		'either runs on that node, and needs no CSINode to go on, or takes the pin back itself as soon as it looks for it and no CreateVolume may be under way',
	PIN_DRIVER_MISSING: 'may have begun while the driver was registered there',
	PIN_SOURCE_INVALID: 'may have begun while the source was as it should be',
	PIN_SOURCE_UNREACHABLE: 'a CreateVolume may be under way',
	PIN_CLASS_TOPOLOGY: 'may have begun while the class allowed the node',
	PIN_PROVISIONER_SILENT:
		'silence proves nothing: events can be lost, and what a provisioner had begun can go on after its end',
};

/** What was heard where a clear answer would have been a proof. */
function heard({ code, driver }: PinFinding, { provisioner, pinnedAt, lastWord }: PinTrace): string {
	if (code !== 'PIN_SOURCE_UNREACHABLE') return '';
	if (provisioner !== driver) return `: by now the class names another provisioner, ${driver}`;
	if (!lastWord) return ': no answer of the driver is on record, events are kept for an hour';
	const { reason, code: answer, at } = lastWord;
	if (reason === 'Provisioning') return ': the last event of the provisioner is that it has begun';
	if (answer === undefined) return `: the last event of the provisioner, ${reason}, is not an answer of the driver`;
	if (!SOURCE_IS_WRONG.has(answer)) return `: the driver's last answer, ${answer}, is not about the source`;
	if (at === undefined || pinnedAt === undefined) return `: when it was pinned, or answered ${answer}, is not known`;
	return `: the driver's last answer, ${answer}, is from before it was pinned, or too soon after to be told from that`;
}

function insteadFor({ code, claim: { namespace, name }, node }: PinFinding): string {
	const anew = `delete the claim and create it anew; it holds no data, and a provisioner that runs on cleans up what it has begun: kubectl delete pvc -n ${namespace} ${name}`;
	if (code === 'PIN_NODE_GONE') {
		return `if the machine is gone for good and the provisioner ran on it: topobind doctor --repair --machine-gone ${node}. Otherwise, ${anew}`;
	}
	if (code === 'PIN_PROVISIONER_SILENT') {
		return `start the provisioner, and it makes the volume without more ado. Or, if another node will do, ${anew}`;
	}
	if (code === 'PIN_SOURCE_UNREACHABLE') {
		return `restart the provisioner of the node, so that its answer is on record, and run this again. Or, ${anew}`;
	}
	return anew;
}
