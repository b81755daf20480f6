import { spawn } from 'node:child_process';
import { constants, type Stats } from 'node:fs';
import {
  access,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rmdir,
  symlink,
  unlink,
  type FileHandle,
} from 'node:fs/promises';
import { raise } from '@certferry/core';
import { errnoOf } from './file-error.ts';
import type { FileFacts, FileSystem, NewFile } from './file-system.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** The files of this machine. */
export const localFileSystem: FileSystem = {
  async read(path) {
    // Without O_NONBLOCK, opening a pipe that nobody writes to never ends.
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(unlessAbsent);
    if (!file) return undefined;
    try {
      const facts = toFacts(await file.stat());
      return facts.kind === 'file' ? { content: await file.readFile(), facts } : facts;
    } finally {
      await file.close();
    }
  },

  async facts(path) {
    const stats = await lstat(path).catch(unlessAbsent);
    return stats && toFacts(stats);
  },

  create: async (path) => new LocalNewFile(await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)),

  async overwrite(path, content) {
    const file = await open(path, O_WRONLY | O_NOFOLLOW);
    try {
      await writeAll(file, content);
      await file.truncate(content.length);
      await file.sync();
    } finally {
      await file.close();
    }
  },

  checkWritable: (path) => access(path, constants.W_OK),
  rename,
  link,
  symlink: (target, path) => symlink(target, path),
  readLink: (path) => readlink(path),
  unlink,
  makeFolder: async (path) => void (await mkdir(path, { recursive: true, mode: 0o755 })),
  removeFolder: (path) => rmdir(path),
  list: async (folder) => (await readdir(folder).catch(unlessAbsent)) ?? [],

  async syncFolder(folder) {
    const handle = await open(folder, O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },

  async isMountPoint(path) {
    // Linux. A bind mount is of the same device, so nothing else tells.
    const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
    return table.split('\n').some((line) => unescapeMount(line.split(' ')[4] ?? '') === path);
  },
};

class LocalNewFile implements NewFile {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  facts = async () => toFacts(await this.#file.stat());
  chown = (uid: number, gid: number) => this.#file.chown(uid, gid);
  chmod = (mode: number) => this.#file.chmod(mode);
  write = (content: Uint8Array) => writeAll(this.#file, content);
  sync = () => this.#file.sync();
  close = () => this.#file.close();

  /** Node cannot read ACLs and extended attributes; GNU cp is where Node is. By descriptor: names could be changed meanwhile. */
  async takeAttributes(from: string): Promise<string | undefined> {
    if (process.platform !== 'linux') return 'ACLs and extended attributes are kept on Linux only';
    const source = await open(from, O_RDONLY | O_NOFOLLOW);
    try {
      return await copyAttributes(source.fd, this.#file.fd);
    } finally {
      await source.close();
    }
  }
}

const COPY = ['--attributes-only', '--preserve=mode,xattr', '--', '/proc/self/fd/3', '/proc/self/fd/4'];

async function copyAttributes(from: number, to: number): Promise<string | undefined> {
  return await new Promise((resolve, reject) => {
    const child = spawn('cp', COPY, { stdio: ['ignore', 'ignore', 'pipe', from, to], env: copyEnvironment() });
    let said = '';
    child.stderr!.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(0, 1_000)));
    child.on('error', () => resolve('there is no cp to keep ACLs and extended attributes with'));
    child.on('close', (code) => {
      if (code === 0) return resolve(undefined);
      if (/unrecognized option|Usage:/.test(said)) return resolve('the cp here keeps no ACLs and extended attributes');
      reject(Object.assign(new Error(said.trim()), { code: 'EATTRIBUTES' }));
    });
  });
}

/** Nothing of this process's own environment is cp's business. */
const copyEnvironment = () => ({ PATH: '/usr/bin:/bin', LC_ALL: 'C' });

async function writeAll(file: FileHandle, content: Uint8Array): Promise<void> {
  for (let at = 0; at < content.length;) at += (await file.write(content, at, content.length - at, at)).bytesWritten;
}

function toFacts(stats: Stats): FileFacts {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : 'other';
  return { kind, uid: stats.uid, gid: stats.gid, mode: stats.mode & 0o777 };
}

const unlessAbsent = (error: unknown): undefined => (errnoOf(error) === 'ENOENT' ? undefined : raise(error as Error));

/** Blanks and the like are octal in mountinfo (proc(5)). */
const unescapeMount = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
