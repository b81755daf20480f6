import { constants, createReadStream, openAsBlob } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { MAX_DIRECT_IMPORT_BYTES } from '@certferry/rest';
import { CliError } from '../cli-error.ts';
import { size } from '../output.ts';
import type { Source } from './find-sources.ts';
import { isRemote, toRemote, type Remote } from './remote.ts';
import { whyUnreadable } from './why-unreadable.ts';

/** What is sent, or where the server fetches it. */
export type Content = File | Remote;

/** The bytes of a file or of standard input; of a large file only when they are sent. CliError when it cannot be read or is too large. */
export async function readContent({ at, serverName }: Source): Promise<Content> {
  if (isRemote(at)) return toRemote(at, serverName);
  const name = at === '-' ? 'standard-input' : basename(at);
  try {
    if (at !== '-' && (await isLarge(at))) return new File([await openAsBlob(at)], name);
    return new File([await readAll(at)], name);
  } catch (error) {
    throw error instanceof CliError ? error : new CliError(whyUnreadable(error));
  }
}

async function isLarge(path: string): Promise<boolean> {
  const info = await stat(path);
  if (!info.isFile() || info.size <= MAX_DIRECT_IMPORT_BYTES) return false;
  await access(path, constants.R_OK);
  return true;
}

async function readAll(at: string): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of at === '-' ? process.stdin : createReadStream(at)) {
    chunks.push(chunk as Buffer);
    if ((length += (chunk as Buffer).length) > MAX_DIRECT_IMPORT_BYTES)
      throw new CliError(`It is larger than ${size(MAX_DIRECT_IMPORT_BYTES)}: save it as a file and import that.`);
  }
  return Buffer.concat(chunks);
}
