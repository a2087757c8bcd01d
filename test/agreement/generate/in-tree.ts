/** Sources of volumes that CSI migration translates, refuses or leaves alone. */

import type { Random } from './random.ts';

export function inTreeSource(random: Random): object {
	return random.pick([
		() => ({ awsElasticBlockStore: { volumeID: ebsVolume(random) } }),
		() => ({ awsElasticBlockStore: { volumeID: 'vol-1' } }),
		() => ({ gcePersistentDisk: { pdName: 'disk-1' } }),
		() => ({ gcePersistentDisk: { pdName: 'disk-2', partition: 2 } }),
		() => ({ cinder: { volumeID: 'c0ffee' } }),
		() => ({ azureDisk: azureDisk(random) }),
		() => ({ portworxVolume: { volumeID: 'px-1' } }),
		() => ({ azureFile: { shareName: 'share', secretName: 'secret' } }),
		() => ({ vsphereVolume: { volumePath: '[store] disk.vmdk' } }),
		() => ({ nfs: { server: 'nfs.example.com', path: '/' } }),
	])();
}

function ebsVolume(random: Random): string {
	return random.pick([
		'vol-0123456789abcdef0',
		'aws://us-east-1a/vol-1',
		'aws:///vol-1',
		'aws:///vol-1/',
		'aws://us-east-1a/disk-1',
		'aws://us-east-1a/vol-1/part-2',
		'aws://us-east-1a/vol-%zz',
		'aws://us-east-1a/vol-%FF',
		'aws://us east/vol-1',
		'aws://us-east-1a:zone/vol-1',
		'disk-1',
	]);
}

function azureDisk(random: Random): object {
	return {
		diskName: 'disk',
		diskURI: '/subscriptions/s/disks/disk',
		...random.maybe(0.5, 'kind', () => random.pick(['Managed', 'managed', 'Dedicated', ''])),
		...random.maybe(0.3, 'cachingMode', () => 'ReadOnly'),
		...random.maybe(0.3, 'fsType', () => 'xfs'),
		...random.maybe(0.3, 'readOnly', () => true),
	};
}
