import { invalid } from '@certferry/core';
import type { FileSystem } from './file-system.ts';

/** The users and groups of the place where the files are, after /etc/passwd and /etc/group (passwd(5), group(5)). */
export class Accounts {
  readonly #files: FileSystem;

  constructor(files: FileSystem) {
    this.#files = files;
  }

  /** INVALID_ARGUMENT UNKNOWN_OWNER for a name that is not there. */
  async uid(owner: string | number): Promise<number> {
    return await this.#id(owner, { file: '/etc/passwd', what: 'user' });
  }

  /** INVALID_ARGUMENT UNKNOWN_OWNER for a name that is not there. */
  async gid(group: string | number): Promise<number> {
    return await this.#id(group, { file: '/etc/group', what: 'group' });
  }

  /** Whether a user is in a group, by its first group or as a member. */
  async isMember(uid: number, gid: number): Promise<boolean> {
    const user = (await this.#lines('/etc/passwd')).find((fields) => Number(fields[2]) === uid);
    if (!user) return false;
    const group = (await this.#lines('/etc/group')).find((fields) => Number(fields[2]) === gid);
    return Number(user[3]) === gid || (group?.[3] ?? '').split(',').includes(user[0]!);
  }

  async #id(account: string | number, { file, what }: { file: string; what: string }): Promise<number> {
    if (typeof account === 'number') return account;
    if (/^\d+$/.test(account)) return Number(account);
    const found = (await this.#lines(file)).find((fields) => fields[0] === account);
    if (found) return Number(found[2]);
    throw invalid('UNKNOWN_OWNER', `There is no ${what} "${account}" in ${file}; a number can be given too.`, {
      [what]: account,
    });
  }

  async #lines(file: string): Promise<string[][]> {
    const found = await this.#files.read(file);
    if (!found || !('content' in found)) return [];
    return found.content
      .toString()
      .split('\n')
      .map((line) => line.split(':'));
  }
}
