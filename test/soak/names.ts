// What things are called in the soak.

export const SCHEDULER = 'soak';
/** A class of volumes on one node, made by hand. */
export const LOCAL = 'soak-local';
/** A CSI driver, and its class. */
export const DYNAMIC = 'soak-csi.test';
/** How volumes are named that somebody made for a claim on another node than was selected. */
export const ASTRAY = 'astray-';
/** The first ones have the CSI driver too, and stay; the others come and go. */
export const NODES = Array.from({ length: 8 }, (_, i) => `soak-${i}`);
export const DYNAMIC_NODES = NODES.slice(0, 3);
