import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '@certferry/testing';
import { connectDirectly } from '@certferry/outbound';
import { raise } from '@certferry/core';
import { expect, vi } from 'vitest';
import type { StoreParser } from '../driver-context.ts';
import { STOP_MS, type StoreUnderTest } from '../store-bench.ts';
import { describeStore, type Rule } from '../store-driver.conformance.ts';
import type { StoreDriver } from '../store-driver.ts';
import { StoreRoots } from './store-roots.ts';

export interface FileStoreUnderTest extends StoreUnderTest {
  folder: string;
}

/** A new folder with a store in it. `config` gives a config whose files are in the folder. */
export function setUpFileStore(
  config: (folder: string) => Record<string, unknown>,
  parser: StoreParser,
): FileStoreUnderTest {
  const folder = temporaryFolder('store');
  const made = config(folder);
  const paths = Object.values(made).filter((one): one is string => typeof one === 'string' && one.startsWith(folder));
  return {
    folder,
    config: made,
    host: { roots: new StoreRoots([folder]), parser, connect: connectDirectly },
    foreignWrite: async () => {
      const content = existsSync(paths[0]!) ? readFileSync(paths[0]!) : '';
      writeFileSync(paths[0]!, Buffer.concat([Buffer.from(content), Buffer.from('# edited by hand\n')]));
      return await Promise.resolve();
    },
    spoil: async () => {
      for (const path of paths) writeFileSync(path, 'what a crash of somebody else left');
      return await Promise.resolve();
    },
    stall: stallFiles,
    tearDown: () => Promise.resolve(),
  };
}

/** Takes every thread that Node has for files, as a dead network mount does, until what is answered is called. */
async function stallFiles(): Promise<() => Promise<void>> {
  const folder = temporaryFolder('stall');
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
  const pipes = Array.from({ length: threads }, (_, i) => join(folder, String(i)));
  execFileSync('mkfifo', pipes);
  const readers = pipes.map((pipe) => open(pipe, 'r'));
  return await Promise.resolve(async () => {
    // For reading too: then it waits for nobody, and a reader that comes late finds a writer.
    const writers = pipes.map((pipe) => openSync(pipe, 'r+'));
    for (const reader of await Promise.all(readers)) await reader.close();
    for (const writer of writers) closeSync(writer);
  });
}

const filesOf = (folder: string): string[] => readdirSync(folder, { recursive: true }).map(String).sort();

/** What this process has open below a folder; Linux tells. */
const openBelow = (folder: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      // The one that read the list.
      return [];
    }
  });

const folderOf = (under: StoreUnderTest): string => (under as FileStoreUnderTest).folder;

/** What every driver does that writes files, besides what every store driver does. */
export const FILE_STORE_RULES: Record<string, Rule> = {
  'keeps out of folders that are not its own': async ({ under, driver, storeId }) => {
    const signal = new AbortController().signal;
    const roots = new StoreRoots([temporaryFolder('other')]);
    const context = {
      ...under.host,
      storeId,
      signal,
      deadline: new Date(),
      roots,
      connect: () => raise(new Error('It connects.')),
    };
    await expect(driver.open(under.config, context)).rejects.toMatchObject({ reason: 'PATH_NOT_ALLOWED' });
  },

  'leaves no temporary files': async (bench) => {
    const store = await bench.openFilled();
    await store.tryWriting();
    const temporary = () => filesOf(folderOf(bench.under)).filter((name) => name.endsWith('.tmp'));
    expect(temporary()).toEqual([]);
    const stop = new AbortController();
    const { write } = await (
      await bench.open({ signal: stop.signal })
    ).prepare(bench.add(bench.two, { overwrite: true }));
    const writing = write().catch(() => undefined);
    stop.abort();
    await writing;
    // What was stopped in the middle may still make its temporary file, and takes it away.
    await delay(100);
    await vi.waitFor(() => expect(temporary()).toEqual([]), STOP_MS);
    await (await store.prepare({ action: 'remove', alias: bench.alias })).write();
    expect(filesOf(folderOf(bench.under)).filter((name) => name.includes('.certferry-'))).toEqual([]);
  },

  'takes empty files that were made beforehand for none, and keeps their mode': async (bench) => {
    const paths = Object.values(bench.under.config).filter(
      (one): one is string => typeof one === 'string' && one.startsWith(folderOf(bench.under)),
    );
    for (const path of paths) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, '');
      chmodSync(path, 0o640);
    }
    const store = await bench.open();
    expect(await store.entries()).toEqual([]);
    const prepared = await store.prepare(bench.add(bench.one));
    expect(prepared.changes.map((change) => change.operation)).toEqual(prepared.changes.map(() => 'create'));
    await prepared.write();
    expect(paths.map((path) => statSync(path).mode & 0o777)).toEqual(paths.map(() => 0o640));
    expect((await store.entries()).length).toBe(1);
  },

  'says which places it occupies': async (bench) => {
    const places = await (await bench.open()).places!();
    const paths = Object.values(bench.under.config).filter(
      (one): one is string => typeof one === 'string' && one.startsWith(folderOf(bench.under)),
    );
    expect(places.toSorted()).toEqual(paths.map((path) => `file:${path}`).sort());
  },

  'a write that was stopped changes nothing later': async (bench) => {
    const before = await (await bench.openFilled()).revision();
    const stop = new AbortController();
    const { write } = await (
      await bench.open({ signal: stop.signal })
    ).prepare(bench.add(bench.two, { overwrite: true }));
    const proceed = await bench.under.stall();
    const writing = write();
    stop.abort();
    await expect(writing).rejects.toMatchObject({ code: 'CANCELLED' });
    await proceed();
    await delay(1_000);
    expect(await (await bench.open()).revision()).toBe(before);
  },

  'the same again touches no file': async (bench) => {
    const store = await bench.openFilled();
    const look = () =>
      filesOf(folderOf(bench.under)).map((name) => {
        const { ino, mtimeMs, ctimeMs } = statSync(join(folderOf(bench.under), name));
        return { name, ino, mtimeMs, ctimeMs };
      });
    const before = look();
    await (await store.prepare(bench.add(bench.one))).write();
    expect(look()).toEqual(before);
  },

  'keeps no file open': async (bench) => {
    const store = await bench.openFilled();
    await store.entries();
    await bench.under.spoil();
    await store.entries().catch(() => undefined);
    await store.tryWriting();
    await store.close();
    expect(openBelow(folderOf(bench.under))).toEqual([]);
  },
};

/** Tests a driver that writes files, with each config. */
export function describeFileStore(
  driver: StoreDriver,
  options: {
    parser: () => StoreParser;
    configs: ((folder: string) => Record<string, unknown>)[];
    withoutChain?: boolean;
    withoutRoot?: boolean;
  },
): void {
  for (const config of options.configs) {
    const setUp = () => Promise.resolve(setUpFileStore(config, options.parser()));
    describeStore(
      driver,
      { setUp, withoutChain: options.withoutChain, withoutRoot: options.withoutRoot },
      FILE_STORE_RULES,
    );
  }
}
