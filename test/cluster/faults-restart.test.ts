// The API server itself is ended and started again, and certificates and tokens are replaced, while binds run. On a
// control plane of this file's own: whoever shared it would notice.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { connectKubernetes } from '../../src/cluster/kubernetes.ts';
import { type Certificate, certificate } from '../http/certificates.ts';
import { untilEqual } from './chaos/cache.ts';
import { type Objects, objectsOf, problemsOf, until } from './chaos/invariants.ts';
import { Relay } from './chaos/relay.ts';
import {
	type Identity,
	keyPairFiles,
	requestToken,
	statusFor,
	type Token,
	writeBundle,
	writeKeyPair,
	writeKubeconfig,
} from './chaos/rotating.ts';
import { impatientConfig, type Readyz, readyz, startServing } from './chaos/serving.ts';
import { type KubeObject, type OwnControlPlane, startControlPlane, temporaryDir } from './harness/index.ts';
import { localClass, localVolume } from './objects.ts';
import { claim, classesOf, isRunning, pod } from './shared.ts';
import { grantRights, type Topobind } from './topobind.ts';

const NODES = ['restart-0', 'restart-1', 'restart-2'];
const DRIVER = 'restart.test';
/** Of each of three kinds: with a local claim, with a provisioned one, with both. */
const PODS = 18;
/** The kinds that this cluster has: all but ReferenceGrant. */
const WATCHES = 11;
/** A topobind that has seen nothing for longer is not ready: STALE_AFTER_MS in src/cluster/kubernetes.ts. */
const TRUSTED_MS = 30_000;
/** A watch may wait for half a minute before it tries again. */
const RECOVERY_MS = 60_000;

const authority = (name: string) => certificate({ name, authority: true });
const servers = [authority('servers-1'), authority('servers-2'), authority('servers-3')] as const;
const people = [authority('people-1'), authority('people-2')] as const;
const dir = temporaryDir();
const file = (name: string) => join(dir, name);
const serving = keyPairFiles(dir, 'serving');
let controlPlane: OwnControlPlane;

beforeAll(async () => {
	serveBy(servers[0]);
	writeBundle(file('clients.crt'), people[0]);
	// What the other components trust is no matter of these tests.
	writeBundle(file('every-server.crt'), ...servers);
	controlPlane = await startControlPlane({
		caFile: file('every-server.crt'),
		apiServerArgs: [
			`--tls-cert-file=${serving.cert}`,
			`--tls-private-key-file=${serving.key}`,
			`--client-ca-file=${file('clients.crt')}`,
			// So that SIGTERM ends watches as it should, and not only with the process.
			'--shutdown-watch-termination-grace-period=2s',
		],
	});
	await grantRights(controlPlane);
	await Promise.all(NODES.map((name) => controlPlane.createNode(name)));
	const nodes = NODES.map((name) => ({ name }));
	await controlPlane.startCsiDriver({ name: DRIVER, reach: 'node', nodes, createDelay: '1s' });
	await controlPlane.api.createAll(classesOf(DRIVER, DRIVER));
}, 180_000);
afterAll(async () => {
	await controlPlane?.stop();
});

function serveBy(issuer: Certificate): void {
	writeKeyPair(serving, certificate({ name: 'apiserver', issuer }));
}

/** One user of the API server: topobind, what calls it, and a cache like its own, in this process. */
interface Session {
	readonly relay: Relay;
	readonly topobind: Topobind;
	readonly cluster: Cluster;
	readonly schedulerName: string;
}

/** `user` is what kubeconfig files have under that name. */
async function start(schedulerName: string, user: object, caFile = file('every-server.crt')): Promise<Session> {
	const relay = await Relay.start(controlPlane.info.access.server);
	onTestFinished(() => relay.stop());
	const kubeconfig = writeKubeconfig(file(`${schedulerName}.kubeconfig`), relay.url, caFile, user);
	const cluster = await connectKubernetes({ kubeconfig });
	onTestFinished(() => cluster.stop());
	const topobind = await startServing(controlPlane, { kubeconfig });
	onTestFinished(() => topobind.stop());
	await cluster.whenSynced;
	const config = await impatientConfig(topobind.extender);
	const scheduler = await controlPlane.startScheduler({ config, schedulerName });
	onTestFinished(() => scheduler.stop());
	return { relay, topobind, cluster, schedulerName };
}

/** Pods whose local volumes only just suffice; resolves when some are bound and others are being bound. */
async function createPods(session: Session, name: string): Promise<string> {
	const namespace = await submitPods(session, name);
	await controlPlane.api.waitForList(podsOf(namespace), (pods) => {
		const placed = pods.filter(({ spec }) => spec.nodeName).length;
		return placed > 0 && placed < PODS;
	});
	return namespace;
}

async function submitPods({ schedulerName }: Session, name: string): Promise<string> {
	const { api } = controlPlane;
	const namespace = await api.createNamespace(name);
	await api.create(localClass(name));
	const volumes = (PODS * 2) / 3;
	for (let i = 0; i < volumes; i++) {
		await api.create(localVolume(`${name}-${i}`, NODES[i % NODES.length] as string, name));
	}
	await Promise.all(
		Array.from({ length: PODS }, async (_, i) => {
			const classes = [[name], [DRIVER], [name, DRIVER]][i % 3] as string[];
			const claims = classes.map((_, at) => `data-${i}-${at}`);
			for (const [at, storageClass] of classes.entries()) {
				await api.create(claim({ namespace, name: claims[at] as string, storageClass }));
			}
			await api.create(pod({ namespace, name: `pod-${i}`, schedulerName, claims }));
		}),
	);
	return namespace;
}

const podsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;

/** Until all pods run where their volumes are, no volume is lost, and topobind has seen it all. */
async function expectWhole(session: Session, namespace: string): Promise<void> {
	const { claims, volumes } = await until(
		() => ownObjects(namespace),
		(objects) => {
			const waiting = objects.pods.filter((each) => !isRunning(each));
			return [...waiting.map(({ metadata }) => `pod ${metadata.name} does not run`), ...problemsOf(objects)];
		},
		RECOVERY_MS,
	);
	expect(volumes.map(({ status }) => status.phase)).toEqual(claims.map(() => 'Bound'));
	await expectFresh(session);
}

/** Of the namespace, and the volumes of its class and its claims. */
async function ownObjects(namespace: string): Promise<Objects> {
	const storageClass = namespace.replace(/-[^-]+$/, '');
	const objects = await objectsOf(controlPlane.api, namespace, [storageClass, DRIVER]);
	const isOwn = ({ spec }: KubeObject) =>
		spec.storageClassName === storageClass || spec.claimRef?.namespace === namespace;
	return { ...objects, volumes: objects.volumes.filter(isOwn) };
}

/** Until both say that nothing is missing; from that moment on the cache must hold what the API server holds. */
async function expectFresh({ topobind, cluster }: Session): Promise<void> {
	const patience = { timeout: RECOVERY_MS, interval: 50 };
	await vi.waitUntil(() => cluster.readiness().watches.every(({ staleSince }) => staleSince === undefined), patience);
	await untilEqual(cluster, controlPlane.api, 5_000);
	await untilReadyz(topobind, ({ status, waiting }) => status === 200 && waiting.length === 0);
}

function untilReadyz({ admin }: Topobind, condition: (now: Readyz) => boolean): Promise<unknown> {
	return vi.waitUntil(async () => condition(await readyz(admin)), { timeout: RECOVERY_MS, interval: 50 });
}

/** Of every kind that the cluster has, that no watch feeds it; and why. */
const tellsAll = ({ waiting }: Readyz, problem = /./) =>
	waiting.filter((each) => each.staleSince !== undefined && problem.test(each.problem ?? '')).length >= WATCHES;

const tokenUser = () => ({ token: controlPlane.info.access.tokens.topobind });

test('the API server is killed and started again: every bind is finished', async () => {
	const session = await start('killed', tokenUser());
	const namespace = await createPods(session, 'killed');
	await controlPlane.restartApiServer('SIGKILL', async () => {
		await untilReadyz(session.topobind, (now) => tellsAll(now, /cannot reach the API server/));
		// Away for a moment it is still trusted.
		expect((await readyz(session.topobind.admin)).status).toBe(200);
	});
	await expectWhole(session, namespace);
});

test('the API server is asked to end, and comes back with a certificate that only a new bundle knows', async () => {
	writeBundle(file('bundle.crt'), servers[0]);
	const session = await start('bundled', tokenUser(), file('bundle.crt'));
	const namespace = await createPods(session, 'bundled');
	writeBundle(file('bundle.crt'), servers[0], servers[1]);
	await controlPlane.restartApiServer('SIGTERM', async () => {
		await untilReadyz(session.topobind, (now) => tellsAll(now, /cannot reach the API server/));
		serveBy(servers[1]);
	});
	await expectWhole(session, namespace);
	writeBundle(file('bundle.crt'), servers[1]);
	session.relay.cut();
	await expectWhole(session, await createPods(session, 'unbundled'));
});

test('the bundle is replaced long after the certificate: readiness tells so meanwhile, and every bind is finished', async () => {
	writeBundle(file('belated.crt'), servers[0], servers[1]);
	const session = await start('belated', tokenUser(), file('belated.crt'));
	const namespace = await createPods(session, 'belated');
	await controlPlane.restartApiServer('SIGKILL', async () => serveBy(servers[2]));
	const problem = /not signed by the configured certificate authority/;
	await untilReadyz(session.topobind, (now) => tellsAll(now, problem));
	const { status, waiting } = await readyz(session.topobind.admin);
	expect(status).toBe(200);
	const unseen = await submitPods(session, 'unseen');
	await untilReadyz(session.topobind, (now) => now.status === 503 && tellsAll(now, problem));
	const since = Math.min(...waiting.map(({ staleSince }) => Date.parse(staleSince ?? '')));
	expect(Date.now() - since).toBeGreaterThan(TRUSTED_MS);
	expect(session.cluster.readiness()).toMatchObject({ synced: true, ready: false });
	writeBundle(file('belated.crt'), servers[2]);
	await expectWhole(session, namespace);
	// What came while nothing was seen was refused, and no event calls for it any more.
	await expectWhole(session, unseen);
});

test('its client certificate is replaced while it runs, and the old one expires', async () => {
	const files = keyPairFiles(dir, 'replaced');
	const old = certificate({ name: 'topobind', issuer: people[0], validForMs: 40_000 });
	writeKeyPair(files, old);
	const session = await start('replaced', { 'client-certificate': files.cert, 'client-key': files.key });
	const namespace = await createPods(session, 'replaced');
	writeKeyPair(files, certificate({ name: 'topobind', issuer: people[0] }));
	await untilRefused({ pair: old });
	await expectWhole(session, namespace);
	// All watches too must be let in anew.
	session.relay.cut();
	await expectWhole(session, await createPods(session, 'expired'));
});

test('its client certificate is accepted no longer, and is replaced only then', async () => {
	const files = keyPairFiles(dir, 'late');
	const old = certificate({ name: 'topobind', issuer: people[0] });
	writeKeyPair(files, old);
	const session = await start('late', { 'client-certificate': files.cert, 'client-key': files.key });
	const namespace = await createPods(session, 'late');
	writeBundle(file('clients.crt'), people[1]);
	await untilRefused({ pair: old });
	session.relay.cut();
	await untilReadyz(session.topobind, (now) => tellsAll(now, /Unauthorized/));
	writeKeyPair(files, certificate({ name: 'topobind', issuer: people[1] }));
	await expectWhole(session, namespace);
});

test('its token is replaced while it runs and the old one revoked', async () => {
	const account = await createServiceAccount();
	const [old, next] = await requestTokens(account);
	writeFileSync(file('replaced.token'), old.token);
	const session = await start('tokens', { tokenFile: file('replaced.token') });
	const namespace = await createPods(session, 'tokens');
	writeFileSync(file('replaced.token'), next.token);
	await old.revoke();
	await untilRefused({ token: old.token });
	await expectWhole(session, namespace);
	session.relay.cut();
	await expectWhole(session, await createPods(session, 'revoked'));
});

test('its token is revoked, and is replaced only then', async () => {
	const account = await createServiceAccount();
	const [old, next] = await requestTokens(account);
	writeFileSync(file('late.token'), old.token);
	const session = await start('tokenless', { tokenFile: file('late.token') });
	const namespace = await createPods(session, 'tokenless');
	await old.revoke();
	await untilRefused({ token: old.token });
	session.relay.cut();
	await untilReadyz(session.topobind, (now) => tellsAll(now, /Unauthorized/));
	writeFileSync(file('late.token'), next.token);
	await expectWhole(session, namespace);
});

function requestTokens(namespace: string): Promise<[Token, Token]> {
	const request = (name: string) => requestToken(controlPlane.api, namespace, 'topobind', name);
	return Promise.all([request('first'), request('second')]);
}

/** A service account named as topobind's, with its rights. Gives its namespace. */
async function createServiceAccount(): Promise<string> {
	const { api } = controlPlane;
	const namespace = await api.createNamespace('account');
	await api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'topobind' } });
	for (const name of ['topobind', 'topobind-nudge']) {
		await api.create({
			apiVersion: 'rbac.authorization.k8s.io/v1',
			kind: 'ClusterRoleBinding',
			metadata: { name: `${namespace}-${name}` },
			roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
			subjects: [{ kind: 'ServiceAccount', namespace, name: 'topobind' }],
		});
	}
	return namespace;
}

/** Until the API server says 401 to whoever comes with this: it takes note of files and revocations in its own time. */
async function untilRefused(identity: Identity): Promise<void> {
	const { server, caFile } = controlPlane.info.access;
	await vi.waitUntil(async () => (await statusFor(server, caFile, identity)) === 401, {
		timeout: RECOVERY_MS,
		interval: 200,
	});
}
