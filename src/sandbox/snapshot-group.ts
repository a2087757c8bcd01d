export const SNAPSHOT_GROUP = 'snapshot.storage.k8s.io';
