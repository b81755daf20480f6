import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { temporaryFolder } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { digestOf, FileSet } from './file-set.ts';
import { StoreRoots } from './store-roots.ts';

const never = new AbortController().signal;
const s1 = { storeId: 's1', signal: never };

describe('store roots', () => {
  const root = temporaryFolder('root');
  const outside = temporaryFolder('outside');
  const roots = new StoreRoots([root]);
  symlinkSync(outside, join(root, 'escape'));
  mkdirSync(join(root, 'web'));

  test('let in what is below them, there or not yet', async () => {
    expect(await roots.resolve(join(root, 'web/tls.crt'), never)).toBe(join(root, 'web/tls.crt'));
    expect(await roots.resolve('new/folder/tls.crt', never)).toBe(join(root, 'new/folder/tls.crt'));
    expect(await roots.resolve(join(root, 'web/../web/x'), never)).toBe(join(root, 'web/x'));
  });

  test.each([
    ['another folder', () => join(outside, 'x')],
    ['dots', () => join(root, '..', 'x')],
    ['relative dots', () => '../x'],
    ['a symbolic link to outside', () => join(root, 'escape', 'x')],
    ['a folder below a link to outside', () => join(root, 'escape', 'new', 'x')],
    ['the root itself', () => root],
    ['a sibling with the same beginning', () => `${root}-evil/x`],
    ['a zero byte', () => join(root, 'a\0b')],
    ['nothing', () => ''],
    ['a folder', () => `${root}/web/`],
  ])('keep out %s', async (_, path) => {
    await expect(roots.resolve(path(), never)).rejects.toMatchObject({ reason: 'PATH_NOT_ALLOWED' });
  });
});

const bytes = (text: string) => Buffer.from(text);

describe('a single file', () => {
  test('is replaced at once, with owner and mode kept; a new one is 0600', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'store.p12');
    const files = new FileSet({ keystore: path }, s1);
    await files.write({ keystore: bytes('one') }, digestOf(await files.read()));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o640);
    await files.write({ keystore: bytes('two') }, digestOf(await files.read()));
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['two', 0o640]);
    await files.write({ keystore: undefined }, digestOf(await files.read()));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is left alone when it is not what it was', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'x');
    writeFileSync(path, 'somebody else');
    const files = new FileSet({ x: path }, s1);
    await expect(files.write({ x: bytes('mine') }, digestOf({ x: bytes('expected') }))).rejects.toMatchObject({
      code: 'ABORTED',
      reason: 'STORE_CHANGED',
    });
    expect(readFileSync(path, 'utf8')).toBe('somebody else');
    expect(readdirSync(folder)).toEqual(['x']);
  });

  test('a pipe in its place is refused and waits for nobody', async () => {
    const path = join(temporaryFolder(), 'x');
    execFileSync('mkfifo', [path]);
    await expect(new FileSet({ x: path }, s1).read()).rejects.toMatchObject({ reason: 'NOT_A_FILE' });
  });

  test('is not written through a link', async () => {
    const folder = temporaryFolder();
    const target = join(folder, 'target');
    writeFileSync(target, 'precious');
    symlinkSync(target, join(folder, 'x'));
    const files = new FileSet({ x: join(folder, 'x') }, s1);
    await expect(files.read()).rejects.toMatchObject({ reason: 'NOT_A_FILE' });
    expect(readFileSync(target, 'utf8')).toBe('precious');
  });

  test('a crash’s temporary files are swept, another store’s are not', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, '.certferry-s1-0011.tmp'), '');
    writeFileSync(join(folder, '.certferry-s2-0011.tmp'), '');
    await new FileSet({ x: join(folder, 'x') }, s1).cleanUp();
    expect(readdirSync(folder)).toEqual(['.certferry-s2-0011.tmp']);
  });
});

describe.each([{}, { layout: 'links' as const }])('several files with %o', (options) => {
  const linked = options.layout === 'links';
  const setUp = () => {
    const folder = temporaryFolder();
    const paths = { 'key.pem': join(folder, 'private', 'tls.key'), 'certificate.pem': join(folder, 'tls.crt') };
    mkdirSync(join(folder, 'private'));
    return {
      folder,
      paths,
      files: new FileSet(paths, { ...s1, roots: new StoreRoots([folder]) }, options),
      read: () => Object.values(paths).map((path) => readFileSync(path, 'utf8')),
    };
  };
  const version = (text: string) => ({
    'certificate.pem': bytes(`certificate ${text}`),
    'key.pem': bytes(`key ${text}`),
  });

  test.skipIf(linked)('are regular files where they were asked for, with the modes that were there', async () => {
    const { folder, paths, files, read } = setUp();
    writeFileSync(paths['certificate.pem'], 'old certificate', { mode: 0o644 });
    writeFileSync(paths['key.pem'], 'old key', { mode: 0o640 });
    await files.write(version('new'), digestOf(await files.read()));
    expect(read()).toEqual(['key new', 'certificate new']);
    expect(Object.values(paths).map((path) => statSync(path).mode & 0o777)).toEqual([0o640, 0o644]);
    expect(Object.values(paths).every((path) => lstatSync(path).isFile())).toBe(true);
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['private', 'private/tls.key', 'tls.crt']);
  });

  test.runIf(linked)('are never seen half old, half new by who goes through their link', async () => {
    const { folder, files } = setUp();
    await files.write(version('0'), digestOf(await files.read()));
    let torn = 0;
    let reads = 0;
    let writing = true;
    const reader = (async () => {
      while (writing) {
        // One reading through the link that changes, as a server does when it opens the folder.
        const current = join(folder, '.certferry-s1', readlinkSync(join(folder, '.certferry-s1', 'current')));
        try {
          const [certificate, key] = ['certificate.pem', 'key.pem'].map(
            (name) => readFileSync(join(current, name), 'utf8').split(' ')[1],
          );
          if (certificate !== key) torn++;
          reads++;
        } catch {
          // The version went away between reading the link and the files: the server would look again.
        }
        await tick();
      }
    })();
    for (let i = 1; i <= 50; i++) await files.write(version(String(i)), digestOf(await files.read()));
    writing = false;
    await reader;
    expect(torn).toBe(0);
    expect(reads).toBeGreaterThan(50);
    expect(readdirSync(join(folder, '.certferry-s1')).length).toBe(2);
  });

  test('go without a trace when they are removed', async () => {
    const { folder, files } = setUp();
    await files.write(version('1'), digestOf(await files.read()));
    await files.write({ 'certificate.pem': undefined, 'key.pem': undefined }, digestOf(await files.read()));
    expect(readdirSync(folder)).toEqual(['private']);
    expect(await files.read()).toEqual({ 'certificate.pem': undefined, 'key.pem': undefined });
  });

  test.runIf(linked)('of a version that a stopped write still adds to are cleared away', async () => {
    const folder = temporaryFolder();
    const files = new FileSet(
      { a: join(folder, 'a'), b: join(folder, 'b') },
      { ...s1, roots: new StoreRoots([folder]) },
      options,
    );
    await files.write({ a: bytes('1'), b: bytes('2') }, digestOf(await files.read()));
    const home = join(folder, '.certferry-s1');
    const left = join(home, 'version-left');
    mkdirSync(left);
    let adding = true;
    const writer = (async () => {
      for (let n = 0; adding; n++) {
        try {
          writeFileSync(join(left, `${n}`), '');
        } catch {
          return;
        }
        await tick();
      }
    })();
    setTimeout(() => (adding = false), 60);
    await files.cleanUp();
    await writer;
    expect(readdirSync(home).length).toBe(2);
  });

  test('do not follow a link that somebody else made', async () => {
    const { paths, files } = setUp();
    symlinkSync('/etc/passwd', paths['certificate.pem']);
    const refused = {
      reason: 'NOT_A_FILE',
      message: expect.stringContaining('a symbolic link to /etc/passwd') as string,
    };
    await expect(files.read()).rejects.toMatchObject(refused);
    await expect(files.tryWriting()).rejects.toMatchObject(refused);
  });

  test('that look like links of ours are not followed out of the roots, or out of their folder', async () => {
    const { folder, paths, files } = setUp();
    const outside = temporaryFolder('outside');
    mkdirSync(join(outside, '.certferry-x', 'version-1'), { recursive: true });
    symlinkSync('version-1', join(outside, '.certferry-x', 'current'));
    writeFileSync(join(outside, '.certferry-x', 'version-1', 'certificate.pem'), 'precious');
    symlinkSync(join(outside, '.certferry-x', 'current', 'certificate.pem'), paths['certificate.pem']);
    await expect(files.read()).rejects.toMatchObject({ reason: 'NOT_A_FILE' });
    mkdirSync(join(folder, '.certferry-y'));
    mkdirSync(join(folder, 'other'));
    writeFileSync(join(folder, 'other', 'certificate.pem'), 'precious');
    symlinkSync('../other', join(folder, '.certferry-y', 'current'));
    rmSync(paths['certificate.pem']);
    symlinkSync(join(folder, '.certferry-y', 'current', 'certificate.pem'), paths['certificate.pem']);
    await expect(files.read()).rejects.toMatchObject({ reason: 'NOT_A_FILE' });
  });

  test.each([{}, { layout: 'links' as const }])(
    'take the place of links that another store with %o has left',
    async (now) => {
      const { folder, paths, files, read } = setUp();
      await files.write(version('1'), digestOf(await files.read()));
      const added = new FileSet(paths, { ...s1, storeId: 's2', roots: new StoreRoots([folder]) }, now);
      await added.tryWriting();
      expect((await added.read())['key.pem']).toEqual(bytes('key 1'));
      await added.write(version('2'), digestOf(await added.read()));
      expect(read()).toEqual(['key 2', 'certificate 2']);
      const homes = readdirSync(folder).filter((name) => name.startsWith('.certferry-'));
      expect(homes).toEqual(now.layout ? ['.certferry-s2'] : []);
    },
  );

  test('that only partly belonged to a store from before leave the rest of it as it is', async () => {
    const { folder, paths, files } = setUp();
    await files.write(version('1'), digestOf(await files.read()));
    const key = new FileSet({ 'key.pem': paths['key.pem'] }, { ...s1, storeId: 's2', roots: new StoreRoots([folder]) });
    await key.write({ 'key.pem': bytes('key 2') }, digestOf(await key.read()));
    expect(readFileSync(paths['certificate.pem'], 'utf8')).toBe('certificate 1');
    const copies = readdirSync(folder, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('key.pem'));
    expect(copies).toEqual([]);
  });
});
