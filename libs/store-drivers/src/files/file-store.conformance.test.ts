import { openSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { der } from '../der/der-driver.ts';
import { runRule } from '../store-driver.conformance.ts';
import type { OpenStore, StoreDriver } from '../store-driver.ts';
import { useParser } from '../toy/start-parser.ts';
import { untilAborted } from '../until-aborted.ts';
import { FILE_STORE_RULES, setUpFileStore } from './file-store.conformance.ts';

const parser = useParser();
const path = (config: Record<string, unknown>): string => config['certificatePath'] as string;

/** The DER driver with something wrong in what it opens. */
const wrong = (fault: (store: OpenStore, file: string) => Partial<OpenStore>): StoreDriver => ({
  ...der,
  open: async (config, context) => {
    const store = await der.open(config as { certificatePath: string }, context);
    return passOn(store, fault(store, path(config)));
  },
});

const passOn = (store: OpenStore, other: Partial<OpenStore>): OpenStore => ({
  revision: () => store.revision(),
  entries: () => store.entries(),
  prepare: (change) => store.prepare(change),
  snapshot: (alias) => store.snapshot(alias),
  prepareRestore: (alias, snapshot) => store.prepareRestore(alias, snapshot),
  cleanUp: () => store.cleanUp(),
  tryWriting: () => store.tryWriting(),
  places: () => store.places!(),
  close: () => store.close(),
  ...other,
});

/** A rule that no fault breaks would prove nothing. */
const FAULTS: Record<keyof typeof FILE_STORE_RULES, StoreDriver> = {
  'keeps out of folders that are not its own': {
    ...der,
    open: (config, context) =>
      der.open(config as { certificatePath: string }, {
        ...context,
        roots: Object.assign(Object.create(context.roots) as typeof context.roots, {
          resolve: (wanted: string) => Promise.resolve(wanted),
        }),
      }),
  },
  'leaves no temporary files': wrong((_, file) => ({
    tryWriting: () => Promise.resolve(writeFileSync(`${file}.tmp`, '')),
  })),
  'takes empty files that were made beforehand for none, and keeps their mode': wrong((store, file) => ({
    prepare: async (change) => {
      rmSync(file);
      return await store.prepare(change);
    },
  })),
  'says which places it occupies': wrong(() => ({ places: () => Promise.resolve([]) })),
  'a write that was stopped changes nothing later': {
    ...der,
    open: async (config, context) => {
      const deaf = { ...context, signal: new AbortController().signal };
      const store = await der.open(config as { certificatePath: string }, deaf);
      const prepare: OpenStore['prepare'] = async (change) => {
        const prepared = await store.prepare(change);
        return { ...prepared, write: () => untilAborted(context.signal, prepared.write()) };
      };
      return passOn(store, { prepare });
    },
  },
  'the same again touches no file': wrong((store, file) => ({
    prepare: async (change) => {
      const prepared = await store.prepare(change);
      const write = async () => {
        await prepared.write();
        utimesSync(file, 1, 1);
      };
      return { ...prepared, write };
    },
  })),
  'keeps no file open': wrong((store, file) => ({
    entries: async () => {
      openSync(file, 'r');
      return await store.entries();
    },
  })),
};

describe('a file driver with a fault', () => {
  test('is there for every rule', () => {
    expect(Object.keys(FAULTS)).toEqual(Object.keys(FILE_STORE_RULES));
  });

  test.each(Object.entries(FAULTS))('breaks the rule "%s"', async (rule, driver) => {
    const config = (folder: string) => ({ certificatePath: join(folder, 'tls.der') });
    const setUp = () => Promise.resolve(setUpFileStore(config, parser()));
    await expect(runRule(FILE_STORE_RULES[rule]!, driver, { setUp, withoutChain: true })).rejects.toMatchObject({
      name: 'AssertionError',
    });
  });
});
