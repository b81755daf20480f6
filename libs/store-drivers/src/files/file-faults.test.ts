import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { AppError } from '@certferry/core';
import { temporaryFolder } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { FaultyFileSystem, type Fault } from './faulty-file-system.ts';
import { digestOf, FileSet, type FileContents, type FileSetOptions } from './file-set.ts';
import { localFileSystem } from './local-file-system.ts';
import { StoreRoots } from './store-roots.ts';

// Every operation of a write is the one at which the power goes, or which alone fails: then a new process cleans up, and
// the store holds all of the old or all of the new, and nothing else is left.

const bytes = (text: string) => Buffer.from(text);
const KEY = 'canary-key';
const OLD: FileContents = {
  key: bytes(`${KEY} old`),
  chain: bytes('chain old'),
  certificate: bytes('certificate old'),
};
const NEW: FileContents = {
  key: bytes(`${KEY} new, longer`),
  chain: bytes('ch'),
  certificate: bytes('certificate new'),
};
const GONE: FileContents = { key: undefined, chain: undefined, certificate: undefined };
const ID = '0a1b-2c3d';

interface Case {
  name: string;
  before: FileContents;
  after: FileContents;
  options?: FileSetOptions;
  /** Before the write. */
  arrange?: (folder: string, paths: Record<string, string>) => void;
}

/** As the layout "links" of a store that is no more has left the files. */
function asFormerLinks(folder: string, paths: Record<string, string>): void {
  const version = join(folder, '.certferry-former', 'version-1');
  mkdirSync(version, { recursive: true });
  symlinkSync('version-1', join(folder, '.certferry-former', 'current'));
  for (const [role, path] of Object.entries(paths)) {
    writeFileSync(join(version, role), OLD[role]!);
    symlinkSync(relative(dirname(path), join(folder, '.certferry-former', 'current', role)), path);
  }
}

const NO_LINKS = { link: () => Promise.reject(Object.assign(new Error('no links'), { code: 'EPERM' })) };

const CASES: Case[] = [
  { name: 'new files', before: GONE, after: NEW },
  { name: 'other files', before: OLD, after: NEW },
  {
    name: 'other files where there are no second names',
    before: OLD,
    after: NEW,
    options: { files: { ...localFileSystem, ...NO_LINKS } },
  },
  { name: 'a part of the files', before: OLD, after: { ...NEW, chain: OLD['chain'] } },
  { name: 'files and none for one of them', before: OLD, after: { ...NEW, chain: undefined } },
  { name: 'no files', before: OLD, after: GONE },
  { name: 'files in place', before: OLD, after: NEW, options: { write: 'in-place' } },
  { name: 'files where links were', before: OLD, after: NEW, arrange: asFormerLinks },
  { name: 'links', before: OLD, after: NEW, options: { layout: 'links' } },
  {
    name: 'links where other links were',
    before: OLD,
    after: NEW,
    options: { layout: 'links' },
    arrange: asFormerLinks,
  },
];

function setUp({ before, options, arrange }: Case) {
  const folder = temporaryFolder('faults');
  mkdirSync(join(folder, 'private'));
  const paths = { key: join(folder, 'private', 'k'), chain: join(folder, 'c'), certificate: join(folder, 'x') };
  if (arrange) arrange(folder, paths);
  else
    for (const [role, path] of Object.entries(paths)) {
      const content = before[role];
      if (!content) continue;
      writeFileSync(path, content);
      chmodSync(path, 0o640);
    }
  const open = (fault?: Fault) => {
    const faulty = new FaultyFileSystem(options?.files ?? localFileSystem, fault);
    const context = { storeId: ID, signal: new AbortController().signal, roots: new StoreRoots([folder]) };
    return { faulty, set: new FileSet(paths, context, { ...options, files: faulty.files }) };
  };
  return { folder, paths, open };
}

/** Files that are not the store's own. */
function strays(folder: string, linked: boolean): string[] {
  const names = readdirSync(folder, { recursive: true }).map(String).sort();
  const own = linked
    ? /^(c|x|private|private\/k|\.certferry-0a1b-2c3d(\/current(\/[a-z]+)?|\/version-[^/]+(\/[a-z]+)?)?)$/
    : /^(c|x|private|private\/k)$/;
  return names.filter((name) => !own.test(name));
}

/** How often the key of a version is anywhere below a folder. */
const copiesOf = (folder: string, text: string): number =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => lstatSync(path).isFile() && readFileSync(path).includes(text)).length;

describe.each(CASES)('writing $name', (given) => {
  const linked = given.options?.layout === 'links';
  const digests = { old: digestOf(given.before), new: digestOf(given.after) };

  async function countOperations(): Promise<string[]> {
    const { open } = setUp(given);
    const { set, faulty } = open();
    await set.write(given.after, digests.old);
    return faulty.operations;
  }

  /** After the clean-up of a new process. */
  async function expectWhole(made: ReturnType<typeof setUp>, at: string): Promise<string> {
    const { set } = made.open();
    await set.cleanUp();
    const digest = digestOf(await set.read());
    expect([digests.old, digests.new], at).toContain(digest);
    const isLinkedNow = linked || (given.arrange !== undefined && digest === digests.old);
    // Links of both may stand side by side until the new content is there; then there is nothing left of the former.
    const former = given.arrange && digest === digests.old ? /^\.certferry-(former|.*\/former\.json$)/ : /^$/;
    expect(
      strays(made.folder, isLinkedNow).filter((name) => !former.test(name)),
      at,
    ).toEqual([]);
    const other = digest === digests.old ? `${KEY} new` : `${KEY} old`;
    expect(copiesOf(made.folder, other), at).toBe(0);
    return digest;
  }

  test('and the power goes at any moment', { timeout: 120_000 }, async () => {
    const operations = await countOperations();
    expect(operations.length).toBeGreaterThan(3);
    const ends = new Set<string>();
    for (const [i, name] of operations.entries()) {
      for (const kind of ['before', 'after', 'half'] as const) {
        if (kind === 'half' && !['file.write', 'overwrite'].includes(name)) continue;
        const made = setUp(given);
        const at = `${kind} ${i + 1} ${name}`;
        await expect(made.open({ at: i + 1, kind }).set.write(given.after, digests.old), at).rejects.toThrow();
        const digest = await expectWhole(made, at);
        ends.add(digest);
        // The resumed job: what is not done is done anew, and nothing of the first try is in its way.
        if (digest === digests.old) await made.open().set.write(given.after, digests.old);
        expect(await expectWhole(made, `${at}, again`)).toBe(digests.new);
      }
    }
    expect(ends.size).toBe(2);
  });

  test('and the power goes again while that is cleaned up', { timeout: 120_000 }, async () => {
    const operations = await countOperations();
    for (const [i, name] of operations.entries()) {
      if (!['rename', 'unlink', 'overwrite', 'symlink'].includes(name)) continue;
      const first = setUp(given);
      await first
        .open({ at: i + 1, kind: 'after' })
        .set.write(given.after, digests.old)
        .catch(() => undefined);
      const watched = first.open();
      await watched.set.cleanUp();
      for (const second of watched.faulty.operations.keys()) {
        const made = setUp(given);
        await made
          .open({ at: i + 1, kind: 'after' })
          .set.write(given.after, digests.old)
          .catch(() => undefined);
        await made
          .open({ at: second + 1, kind: 'before' })
          .set.cleanUp()
          .catch(() => undefined);
        await expectWhole(made, `${i + 1} ${name}, then ${second + 1} ${watched.faulty.operations[second]}`);
      }
    }
  });

  test.each(['EIO', 'EPERM'])('and one operation fails with %s', { timeout: 120_000 }, async (errno) => {
    const operations = await countOperations();
    for (const [i, name] of operations.entries()) {
      const made = setUp(given);
      const at = `${i + 1} ${name}`;
      const outcome = await made
        .open({ at: i + 1, kind: { errno } })
        .set.write(given.after, digests.old)
        .catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome, at).toBeInstanceOf(AppError);
      await expectWhole(made, at);
    }
  });
});

test('a key is nowhere but in its file after a write that failed, before anybody cleans up', async () => {
  const given = { name: '', before: OLD, after: NEW };
  const { folder, open } = setUp(given);
  for (const at of [1, 2, 3, 4, 5, 6]) {
    await open({ at, kind: { errno: 'ENOSPC' } })
      .set.write(NEW, digestOf(OLD))
      .catch(() => undefined);
    expect(strays(folder, false)).toEqual([]);
  }
});

test('what a person has written while a change was interrupted stays, and no copy of the key does', async () => {
  const given = { name: '', before: OLD, after: NEW };
  const { folder, paths, open } = setUp(given);
  const { faulty, set } = setUp(given).open();
  await set.write(NEW, digestOf(OLD));
  const firstRename = faulty.operations.indexOf('rename') + 1;
  await open({ at: firstRename, kind: 'after' })
    .set.write(NEW, digestOf(OLD))
    .catch(() => undefined);
  writeFileSync(paths.certificate, 'edited by hand');
  await open().set.cleanUp();
  expect(Object.values(paths).map((path) => readFileSync(path, 'utf8'))).toEqual([
    NEW['key']!.toString(),
    'chain old',
    'edited by hand',
  ]);
  expect(strays(folder, false)).toEqual([]);
});

test('a journal that speaks of other files is none', async () => {
  const { folder, open } = setUp({ name: '', before: OLD, after: NEW });
  const other = join(folder, 'other');
  writeFileSync(other, 'precious');
  const step = { path: other, oldDigest: '', newDigest: digestOf(NEW), inPlace: false };
  writeFileSync(
    join(folder, 'private', `.certferry-${ID}-journal.tmp`),
    JSON.stringify({ steps: [step], leftovers: [other] }),
  );
  await open().set.cleanUp();
  expect(readFileSync(other, 'utf8')).toBe('precious');
});
