import type { Volume } from '../domain/model.ts';

/**
 * CSI driver → handle → the volumes that the driver knows by it: mostly one, so that is kept without a list.
 * Handles and names are those of the volumes themselves; nothing is put together from them.
 */
export class VolumeHandles {
	readonly #drivers = new Map<string, Map<string, string | readonly string[]>>();

	/** Names of the volumes, in order. */
	namesOf(driver: string, handle: string): readonly string[] {
		const found = this.#drivers.get(driver)?.get(handle) ?? [];
		return typeof found === 'string' ? [found] : found;
	}

	replace(previous: Volume | undefined, current: Volume | undefined): void {
		const before = previous?.csi;
		const after = current?.csi;
		if (before?.driver === after?.driver && before?.handle === after?.handle) return;
		if (previous) this.#change(previous, (names) => names.filter((name) => name !== previous.name));
		if (current) this.#change(current, (names) => [...names, current.name].sort());
	}

	#change({ csi }: Volume, change: (names: readonly string[]) => string[]): void {
		if (!csi) return;
		const handles = this.#drivers.get(csi.driver) ?? new Map<string, string | readonly string[]>();
		const known = handles.get(csi.handle) ?? [];
		const names = change(typeof known === 'string' ? [known] : known);
		if (names.length === 0) handles.delete(csi.handle);
		else handles.set(csi.handle, names.length === 1 ? (names[0] as string) : names);
		if (handles.size === 0) this.#drivers.delete(csi.driver);
		else this.#drivers.set(csi.driver, handles);
	}
}
