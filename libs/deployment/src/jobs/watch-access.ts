import { AppError } from '@certferry/core';
import type { OpenStore, PreparedChange, StoreAccess } from '@certferry/store-drivers';

export interface AccessWatch {
  /** A call that is not answered within this is silent. */
  silentMs: number;
  /** A call has become silent, or a silent one has ended. */
  onSilence: (silent: boolean) => void;
  /** A store does not answer: DEADLINE_EXCEEDED TARGET_HANGS. */
  onHang: () => void;
}

export const isHang = (error: unknown): boolean => error instanceof AppError && error.reason === 'TARGET_HANGS';

/** The same access, of which somebody hears when a store takes long or hangs. */
export function watchAccess(access: StoreAccess, watch: AccessWatch): StoreAccess {
  const watched = async <T>(call: () => Promise<T>): Promise<T> => {
    let silent = false;
    const timer = setTimeout(() => watch.onSilence((silent = true)), watch.silentMs);
    try {
      return await call();
    } catch (error) {
      if (isHang(error)) watch.onHang();
      throw error;
    } finally {
      clearTimeout(timer);
      if (silent) watch.onSilence(false);
    }
  };
  const watchWrite = async (prepare: () => Promise<PreparedChange>): Promise<PreparedChange> => {
    const prepared = await watched(prepare);
    return { ...prepared, write: () => watched(() => prepared.write()) };
  };
  const watchStore = (store: OpenStore): OpenStore => ({
    revision: () => watched(() => store.revision()),
    entries: () => watched(() => store.entries()),
    prepare: (change) => watchWrite(() => store.prepare(change)),
    snapshot: (alias) => watched(() => store.snapshot(alias)),
    prepareRestore: (...kept) => watchWrite(() => store.prepareRestore(...kept)),
    cleanUp: () => watched(() => store.cleanUp()),
    tryWriting: () => watched(() => store.tryWriting()),
    ...(store.places && { places: () => watched(() => store.places!()) }),
    close: () => store.close(),
  });
  return { open: async (...to) => watchStore(await watched(() => access.open(...to))) };
}
