// What the cluster tests use.

export { Api, ApiError, type KubeList, type KubeObject } from './api.ts';
export {
	attachControlPlane,
	type ControlPlane,
	type ControlPlaneInfo,
	type ControlPlaneOptions,
	type OwnControlPlane,
	startControlPlane,
} from './control-plane.ts';
export { type Access, type User, users } from './credentials.ts';
export { type CsiDriver, type CsiDriverOptions, type CsiNode, defaultTopology } from './csi.ts';
export { type NodeCsiDriver, type NodeOptions, registerCsiDriver } from './nodes.ts';
export { freePorts } from './ports.ts';
export { failure, type ProcessOptions, type Running, startProcess, temporaryDir } from './processes.ts';
export type { Scheduler, SchedulerOptions } from './scheduler.ts';
