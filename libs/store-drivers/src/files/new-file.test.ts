import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, temporaryFolder } from '@certferry/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { digestOf, FileSet, type FileSetOptions } from './file-set.ts';
import type { FileSystem, NewFile } from './file-system.ts';
import { localFileSystem } from './local-file-system.ts';

// What file systems and rights do to a write, with the real ones where there is a right to make them.

const never = new AbortController().signal;
const isRoot = process.getuid?.() === 0;
const bytes = (text: string) => Buffer.from(text);
const fileSet = (path: string, options?: FileSetOptions) =>
  new FileSet({ x: path }, { storeId: 's1', signal: never }, options);

async function write(set: FileSet, text: string) {
  return await set.write({ x: bytes(text) }, digestOf(await set.read()));
}

const mounts: string[] = [];
function mount(...words: string[]): void {
  execFileSync('mount', words);
  mounts.push(words.at(-1)!);
}
afterAll(() => {
  for (const at of mounts.reverse()) execFileSync('umount', [at]);
});

/** A test that needs what is not everywhere says why it is not run. */
const needing = (is: boolean, why: string) => {
  if (!is) console.log(`not run: ${why}`);
  return test.skipIf(!is);
};
const asRoot = needing(isRoot, 'mounts and foreign owners need root');

/** Refuses calls as another file system, or a user with fewer rights, does. */
function refusing(errno: string, calls: (keyof NewFile | 'link')[]): FileSystem {
  const refuse = () => Promise.reject(Object.assign(new Error(errno), { code: errno }));
  const link = calls.includes('link') ? { link: refuse } : {};
  const create = async (path: string): Promise<NewFile> => {
    const file = await localFileSystem.create(path);
    return new Proxy(file, {
      get: (_, name) => {
        if (calls.includes(name as keyof NewFile)) return refuse;
        const found: unknown = Reflect.get(file, name);
        return typeof found === 'function' ? (found.bind(file) as unknown) : found;
      },
    });
  };
  return { ...localFileSystem, ...link, create };
}

describe('rights of a new file', () => {
  test('are what the store says, else 0600', async () => {
    const folder = temporaryFolder();
    await write(fileSet(join(folder, 'a')), '1');
    await write(fileSet(join(folder, 'b'), { rights: { x: { mode: 0o640 } } }), '1');
    expect(['a', 'b'].map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o600, 0o640]);
  });

  test('name only owners that there are', async () => {
    const path = join(temporaryFolder(), 'x');
    const set = fileSet(path, { rights: { x: { mode: 0o600, owner: 'nobody-of-this-name' } } });
    await expect(set.tryWriting()).rejects.toMatchObject({ reason: 'UNKNOWN_OWNER' });
    await expect(write(set, '1')).rejects.toMatchObject({ reason: 'UNKNOWN_OWNER' });
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  asRoot('have owner and group by name and by number', async () => {
    const folder = temporaryFolder();
    await write(fileSet(join(folder, 'a'), { rights: { x: { mode: 0o640, owner: 'daemon', group: 'mail' } } }), '1');
    await write(fileSet(join(folder, 'b'), { rights: { x: { mode: 0o640, owner: 4711, group: 4712 } } }), '1');
    const [a, b] = ['a', 'b'].map((name) => statSync(join(folder, name)));
    expect([a!.uid, a!.gid, b!.uid, b!.gid]).toEqual([1, 8, 4711, 4712]);
  });

  test('that are refused end the write, and nothing of the key was there', async () => {
    const folder = temporaryFolder();
    const files = refusing('EPERM', ['chown']);
    const set = fileSet(join(folder, 'x'), { files, rights: { x: { mode: 0o600, owner: 4711 } } });
    await expect(write(set, 'canary-key')).rejects.toMatchObject({
      reason: 'FILE_PERMISSION',
      message: expect.stringContaining('may not chown') as string,
    });
    expect(readdirSync(folder)).toEqual([]);
    const open = fileSet(join(folder, 'x'), { files: refusing('EPERM', ['chmod']), rights: { x: { mode: 0o644 } } });
    await expect(open.tryWriting()).rejects.toMatchObject({ message: expect.stringContaining('0600') as string });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('rights of the old file', () => {
  asRoot('are kept: owner, group and mode', async () => {
    const path = join(temporaryFolder(), 'x');
    writeFileSync(path, 'old');
    chownSync(path, 33, 8);
    chmodSync(path, 0o440);
    expect(await write(fileSet(path), 'new')).toEqual([]);
    const { uid, gid, mode } = statSync(path);
    expect([uid, gid, mode & 0o777, readFileSync(path, 'utf8')]).toEqual([33, 8, 0o440, 'new']);
  });

  needing(hasProgram('setfacl') && hasProgram('setfattr'), 'ACLs need setfacl and setfattr (Debian: acl, attr)')(
    'are kept: ACL and extended attributes; the mask becomes no rights of the group',
    async () => {
      const path = join(temporaryFolder(), 'x');
      writeFileSync(path, 'old', { mode: 0o600 });
      execFileSync('setfacl', ['-m', 'u:33:r,g::-,m::r', path]);
      execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', path]);
      const read = () => [
        execFileSync('getfacl', ['-cpn', path]).toString(),
        execFileSync('getfattr', ['--absolute-names', '--only-values', '-n', 'user.note', path]).toString(),
      ];
      const before = read();
      expect(before[0]).toContain('group::---');
      await write(fileSet(path), 'new');
      expect(readFileSync(path, 'utf8')).toBe('new');
      expect(read()).toEqual(before);
    },
  );

  const old = (mode: number, owner?: [number, number]): string => {
    const path = join(temporaryFolder(), 'x');
    writeFileSync(path, 'old');
    if (owner) chownSync(path, ...owner);
    chmodSync(path, mode);
    return path;
  };

  // 33 is www-data, with a group of the same number, on Debian and its kin.
  asRoot.each([
    ['of root, whom nothing is refused', 0o600, [0, 4712], 'chown'],
    ['that everybody reads', 0o644, [4711, 4712], 'chown'],
  ] as const)('that cannot be kept are given up for a file %s', async (_, mode, owner, call) => {
    const path = old(mode, [...owner]);
    const notes = await write(fileSet(path, { files: refusing('EPERM', [call]) }), 'new');
    expect(notes).toMatchObject([{ code: 'OWNER_NOT_KEPT' }]);
    expect(readFileSync(path, 'utf8')).toBe('new');
    // Nobody in our group could read it.
    expect(statSync(path).mode & 0o070).toBe(0);
  });

  asRoot('that cannot be kept are not given up where the old owner could not read any more', async () => {
    const path = old(0o600, [33, 33]);
    const set = fileSet(path, { files: refusing('EPERM', ['chown']) });
    const refused = { reason: 'FILE_PERMISSION', message: expect.stringContaining('may not chown') as string };
    await expect(set.tryWriting()).rejects.toMatchObject(refused);
    await expect(write(set, 'canary')).rejects.toMatchObject(refused);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(join(path, '..'))).toEqual(['x']);
  });

  needing(isRoot && hasProgram('setpriv'), 'another user needs root and setpriv')(
    'a user of its own goes on with a key of www-data that it reads by the group, and says so',
    () => {
      const folder = temporaryFolder();
      chmodSync(folder, 0o777);
      const path = join(folder, 'x');
      writeFileSync(path, 'old');
      chownSync(path, 33, 33);
      chmodSync(path, 0o640);
      const script = `
        import { digestOf, FileSet } from ${JSON.stringify(join(import.meta.dirname, 'file-set.ts'))};
        const set = new FileSet({ x: ${JSON.stringify(path)} }, { storeId: 's1', signal: new AbortController().signal });
        console.log(JSON.stringify(await set.write({ x: Buffer.from('new') }, digestOf(await set.read()))));`;
      const as = ['--reuid', '4711', '--regid', '4711', '--groups', '33', '--inh-caps=-all', process.execPath];
      const said = execFileSync('setpriv', [...as, '--input-type=module-typescript', '-e', script], {
        env: { HOME: '/', NODE_NO_WARNINGS: '1' },
      });
      expect(JSON.parse(said.toString())).toMatchObject([{ code: 'OWNER_NOT_KEPT' }]);
      const { uid, gid, mode } = statSync(path);
      expect([uid, gid, mode & 0o777, readFileSync(path, 'utf8')]).toEqual([4711, 33, 0o640, 'new']);
    },
  );

  test('without a cp that keeps attributes, it is said', async () => {
    const path = old(0o600);
    const create = async (at: string) =>
      Object.assign(await localFileSystem.create(at), { takeAttributes: () => Promise.resolve('there is no cp') });
    const notes = await write(fileSet(path, { files: { ...localFileSystem, create } }), 'new');
    expect(notes).toMatchObject([{ code: 'ATTRIBUTES_UNKNOWN' }]);
  });
});

describe('a place that cannot be written', () => {
  asRoot('says that there is no room, and leaves nothing', async () => {
    const folder = temporaryFolder();
    mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder);
    const set = fileSet(join(folder, 'x'));
    const full = { code: 'UNAVAILABLE', message: expect.stringContaining('There is no room') as string };
    const big = { x: Buffer.alloc(2 * 1024 * 1024, 'canary') };
    await expect(set.write(big, digestOf(await set.read()))).rejects.toMatchObject(full);
    expect(readdirSync(folder)).toEqual([]);
  });

  asRoot('says that it is read-only', async () => {
    const folder = temporaryFolder();
    mount('-t', 'tmpfs', '-o', 'ro', 'tmpfs', folder);
    const refused = { code: 'PERMISSION_DENIED', message: expect.stringContaining('is read-only') as string };
    await expect(fileSet(join(folder, 'x')).tryWriting()).rejects.toMatchObject(refused);
    await expect(write(fileSet(join(folder, 'x')), '1')).rejects.toMatchObject(refused);
  });

  asRoot('that is itself mounted says so when it is tried, and is written in place when it is told to', async () => {
    const folder = temporaryFolder();
    const [source, path] = [join(folder, 'source'), join(folder, 'mounted file')];
    for (const file of [source, path]) writeFileSync(file, 'old, and longer');
    const { ino } = statSync(source);
    mount('--bind', source, path);
    const refused = { code: 'FAILED_PRECONDITION', reason: 'MOUNT_POINT' };
    await expect(fileSet(path).tryWriting()).rejects.toMatchObject(refused);
    await expect(write(fileSet(path), 'new')).rejects.toMatchObject(refused);
    expect(readdirSync(folder).sort()).toEqual(['mounted file', 'source']);
    const inPlace = fileSet(path, { write: 'in-place' });
    await inPlace.tryWriting();
    await write(inPlace, 'new');
    expect([readFileSync(source, 'utf8'), readFileSync(path, 'utf8'), statSync(source).ino]).toEqual([
      'new',
      'new',
      ino,
    ]);
    expect(readdirSync(folder).sort()).toEqual(['mounted file', 'source']);
  });

  test('because of a folder in its place', async () => {
    const path = join(temporaryFolder(), 'x');
    mkdirSync(path);
    await expect(fileSet(path).tryWriting()).rejects.toMatchObject({ reason: 'NOT_A_FILE' });
  });

  test('a file system without links and owners keeps no copy of a key, and works', async () => {
    const folder = temporaryFolder();
    const paths = { key: join(folder, 'key'), certificate: join(folder, 'certificate') };
    const files = refusing('EPERM', ['link', 'chown']);
    const set = new FileSet(paths, { storeId: 's1', signal: never }, { files });
    await set.tryWriting();
    for (const version of ['1', '2'])
      await set.write({ key: bytes(`key ${version}`), certificate: bytes(version) }, digestOf(await set.read()));
    expect(Object.values(paths).map((path) => readFileSync(path, 'utf8'))).toEqual(['key 2', '2']);
    expect(readdirSync(folder).sort()).toEqual(['certificate', 'key']);
  });

  asRoot('a file system with modes of its own says which mode to ask for', async () => {
    const image = join(temporaryFolder(), 'image');
    const folder = temporaryFolder();
    const made = makeFatDisk(image, folder);
    if (!made) return console.log('not run: a FAT disk needs mkfs.vfat and loop devices');
    const refused = { message: expect.stringContaining('0755') as string };
    await expect(fileSet(join(folder, 'x')).tryWriting()).rejects.toMatchObject(refused);
    const set = fileSet(join(folder, 'x'), { rights: { x: { mode: 0o755 } } });
    await write(set, '1');
    await write(set, '2');
    expect(readdirSync(folder)).toEqual(['x']);
  });
});

function makeFatDisk(image: string, folder: string): boolean {
  if (!hasProgram('mkfs.vfat')) return false;
  try {
    execFileSync('truncate', ['-s', '1M', image]);
    execFileSync('mkfs.vfat', [image]);
    mount('-o', 'loop', image, folder);
    return true;
  } catch {
    return false;
  }
}
