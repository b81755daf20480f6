import { AppError } from '@certferry/core';
import { findDriver } from './drivers.ts';
import type { OpenStore } from './store-driver.ts';

export interface StoreCheck {
  name: 'config' | 'path' | 'read' | 'write';
  ok: boolean;
  message: string;
}

/** Tries a store step by step without changing it; stops at the first step that fails. Closes what it opens. */
export async function tryStore(kind: string, open: () => Promise<OpenStore>): Promise<StoreCheck[]> {
  const checks: StoreCheck[] = [];
  const check = async <T>(name: StoreCheck['name'], run: () => Promise<[T, string]>): Promise<T | undefined> => {
    try {
      const [result, message] = await run();
      checks.push({ name, ok: true, message });
      return result;
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
      const wrongConfig = error.reason === 'INVALID_STORE_CONFIG';
      checks.push({ name: wrongConfig ? 'config' : name, ok: false, message: error.message });
      return undefined;
    }
  };
  const store = await check('path', async () => {
    const { tried } = findDriver(kind);
    return [await open(), tried.open];
  });
  if (!store) return checks;
  try {
    const found = await check('read', async () => {
      const entries = await store.entries();
      return [entries, sayWhatIsThere(entries.length)];
    });
    if (!found) return checks;
    await check('write', async () => [await store.tryWriting(), findDriver(kind).tried.write]);
    return checks;
  } finally {
    await store.close();
  }
}

function sayWhatIsThere(entries: number): string {
  if (entries === 0) return 'There is nothing in the store yet.';
  return `The store holds ${entries} ${entries === 1 ? 'entry' : 'entries'}.`;
}
