import { AppError } from '@certferry/core';
import type { OpenStore } from './drivers/driver.ts';

export interface StoreCheck {
  name: 'config' | 'path' | 'read' | 'write';
  ok: boolean;
  message: string;
}

/** Tries a store step by step without changing it; stops at the first step that fails. */
export async function testStore(open: () => Promise<OpenStore>): Promise<StoreCheck[]> {
  const checks: StoreCheck[] = [];
  let store: OpenStore | undefined;
  const check = async (name: StoreCheck['name'], run: () => Promise<string>): Promise<boolean> => {
    try {
      checks.push({ name, ok: true, message: await run() });
      return true;
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
      checks.push({
        name: error.reason === 'INVALID_STORE_CONFIG' ? 'config' : name,
        ok: false,
        message: error.message,
      });
      return false;
    }
  };
  const opened = await check('path', async () => {
    store = await open();
    return 'The paths are below a store root.';
  });
  if (!opened || !store) return checks;
  const { entries, tryWriting } = { entries: () => store!.entries(), tryWriting: () => store!.tryWriting() };
  const readable = await check('read', async () => {
    const found = await entries();
    return found.length === 0
      ? 'There is nothing in the store yet.'
      : `The store holds ${found.length} ${found.length === 1 ? 'entry' : 'entries'}.`;
  });
  if (readable) {
    await check('write', async () => {
      await tryWriting();
      return 'A temporary file could be written and removed.';
    });
  }
  return checks;
}
