import { expect, it } from 'vitest';
import { ApiRefused, ApiUnreachable } from '../../../src/cluster/api/errors.ts';
import { connectKubernetes } from '../../../src/cluster/kubernetes.ts';
import { FakeApi } from '../cluster-api/fake-api.ts';
import { kubeconfigFile } from './kubeconfig-file.ts';

async function connect(server: string, told: string[] = []) {
	const tell = (_fields: object, text: string) => void told.push(text);
	return connectKubernetes({ kubeconfig: await kubeconfigFile(server), logger: { info: tell, warn: tell } });
}

it('the first call of all is made again where it meets what passes', async () => {
	const api = await FakeApi.start();
	const told: string[] = [];
	const connecting = connect(api.url, told);
	(await api.next()).refuse(503, 'ServiceUnavailable');
	(await api.next()).refuse(429, 'TooManyRequests');
	(await api.next()).socket.destroy();
	(await api.next()).page([], { resourceVersion: '1' });
	const cluster = await connecting;
	expect(told.filter((text) => text === 'the API server is tried again')).toHaveLength(3);
	await cluster.stop();
});

it.each([401, 403, 404])('%s is no such thing', async (status) => {
	const api = await FakeApi.start();
	const connecting = connect(api.url);
	connecting.catch(() => {});
	(await api.next()).refuse(status, 'No');
	await expect(connecting).rejects.toThrow(ApiRefused);
	expect(api.untaken).toEqual([]);
});

it('after some seconds it is given up', async () => {
	await expect(connect('http://127.0.0.1:9')).rejects.toThrow(ApiUnreachable);
});
