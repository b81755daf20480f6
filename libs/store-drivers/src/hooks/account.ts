import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { precondition } from '@certferry/core';
import type { Hook } from './hook-config.ts';

const run = promisify(execFile);

/** The ids that a hook is run as; none: those of this process. FAILED_PRECONDITION UNKNOWN_USER. */
export async function accountOf({
  user,
  group,
}: Pick<Hook, 'user' | 'group'>): Promise<{ uid?: number; gid?: number }> {
  if (user === undefined && group === undefined) return {};
  const ids = user === undefined ? {} : { uid: await idOf('-u', user), gid: await idOf('-g', user) };
  return { ...ids, ...(group !== undefined && { gid: await groupId(group) }) };
}

/** `id` asks whatever the system asks: files, LDAP, … */
async function idOf(which: '-u' | '-g', user: string): Promise<number> {
  try {
    return Number((await run('id', [which, '--', user])).stdout);
  } catch {
    throw precondition('UNKNOWN_USER', `There is no user "${user}".`);
  }
}

async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  try {
    return Number((await run('getent', ['group', group])).stdout.split(':')[2]);
  } catch {
    throw precondition('UNKNOWN_USER', `There is no group "${group}".`);
  }
}
