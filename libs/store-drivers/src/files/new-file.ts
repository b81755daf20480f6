import type { AppError } from '@certferry/core';
import type { StoreNote } from '../store-driver.ts';
import type { Accounts } from './accounts.ts';
import { errnoOf, isRefusal, rightsRefused, toFileError } from './file-error.ts';
import type { FileFacts, FileSystem, NewFile } from './file-system.ts';

/** Owner, group and mode of a file that was not there; absent: as the process makes it. */
export interface NewFileRights {
  owner?: string | number;
  group?: string | number;
  mode: number;
}

/** Where a file's rights come from. */
export interface RightsFrom {
  accounts: Accounts;
  /** The path that the file will have, for messages. */
  path: string;
  /** The file that it replaces; its owner, group, mode, ACL and extended attributes are kept. */
  old?: { path: string; facts: FileFacts };
  fresh: NewFileRights;
}

/**
 * Writes a file that is not there, on the disk when it resolves. It has its rights before it has its content, so that
 * nobody reads a key too early and a refusal leaves nothing of it. Answers what could not be kept and does no harm.
 */
export async function writeNewFile(
  files: FileSystem,
  { path, content }: { path: string; content: Uint8Array },
  from: RightsFrom,
): Promise<StoreNote[]> {
  const file = await files.create(path);
  try {
    const notes = await giveRights(file, from);
    await file.write(content);
    await file.sync();
    await file.close();
    return notes;
  } catch (error) {
    await file.close().catch(() => undefined);
    await files.unlink(path).catch(() => undefined);
    throw toFileError(error, from.path);
  }
}

/** What of a mode matters to files that nobody runs. */
const READ_WRITE = 0o666;

async function giveRights(file: NewFile, from: RightsFrom): Promise<StoreNote[]> {
  const own = await file.facts();
  const wanted = await wantedRights(from, own);
  // The group while the file is still ours and 0600, the owner last: nobody else may change its mode after that.
  const group = wanted.gid === own.gid ? undefined : await refusal(file.chown(own.uid, wanted.gid));
  const unknown = from.old && (await file.takeAttributes(from.old.path));
  // Rights of the old group are not the rights of ours.
  const mode = group === undefined ? wanted.mode : wanted.mode & ~0o070;
  const modeRefused = (await file.facts()).mode === mode ? undefined : await refusal(file.chmod(mode));
  const gid = group === undefined ? wanted.gid : own.gid;
  const owner = wanted.uid === own.uid ? undefined : await refusal(file.chown(wanted.uid, gid));
  const given = await file.facts();
  if (modeRefused && ((given.mode ^ mode) & READ_WRITE) !== 0)
    throw modeNotSet(from, { mode, given: given.mode, errno: modeRefused });
  const notes: StoreNote[] = [];
  if (unknown) notes.push({ code: 'ATTRIBUTES_UNKNOWN', message: `${from.path}: ${unknown}.` });
  if (owner ?? group) {
    if (!(await isAsReadable(from, { owner, group }))) throw mayNotChown(from, wanted, (owner ?? group)!);
    const is = `${given.uid}:${given.gid}`;
    const message = `${from.path} belongs to ${is} now, no more to ${wanted.uid}:${wanted.gid}: Certferry may not chown it (${owner ?? group}). Who could read it still can.`;
    notes.push({ code: 'OWNER_NOT_KEPT', message });
  }
  return notes;
}

type Rights = Pick<FileFacts, 'uid' | 'gid' | 'mode'>;

async function wantedRights({ old, fresh, accounts }: RightsFrom, own: FileFacts): Promise<Rights> {
  if (old) return old.facts;
  return {
    uid: fresh.owner === undefined ? own.uid : await accounts.uid(fresh.owner),
    gid: fresh.group === undefined ? own.gid : await accounts.gid(fresh.group),
    mode: fresh.mode,
  };
}

/** The errno of what the system refuses. */
async function refusal(made: Promise<void>): Promise<string | undefined> {
  try {
    await made;
    return undefined;
  } catch (error) {
    if (isRefusal(error)) return errnoOf(error);
    throw error;
  }
}

/** Whether everybody who could read the old file can read one whose owner or group is ours. */
async function isAsReadable(
  { old, accounts }: RightsFrom,
  refused: { owner?: string; group?: string },
): Promise<boolean> {
  if (!old) return false;
  const { uid, gid, mode } = old.facts;
  if (mode & 0o004) return true;
  if (refused.group !== undefined && mode & 0o040) return false;
  if (refused.owner === undefined || uid === 0 || !(mode & 0o400)) return true;
  return refused.group === undefined && (mode & 0o040) !== 0 && (await accounts.isMember(uid, gid));
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

function mayNotChown({ path }: RightsFrom, { uid, gid }: Rights, errno: string): AppError {
  const message = `Certferry may not chown ${path} to ${uid}:${gid} (${errno}), and without that not everybody who is to read it could. Nothing was written: run Certferry with the right to (root, CAP_CHOWN), or give the file to its user.`;
  return rightsRefused(message, path);
}

function modeNotSet({ path }: RightsFrom, is: { mode: number; given: number; errno: string }): AppError {
  const message = `The file system gives ${path} the mode ${octal(is.given)} and may not change it to ${octal(is.mode)} (${is.errno}). Nothing was written: if ${octal(is.given)} is as it should be, set it as the file's mode in the store's config.`;
  return rightsRefused(message, path);
}
