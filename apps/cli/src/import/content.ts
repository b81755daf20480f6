import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { CliError } from '../cli-error.ts';
import { size } from '../output.ts';
import type { Source } from './find-sources.ts';
import { whyUnreadable } from './why-unreadable.ts';

/** What one request takes. */
const MAX_BYTES = 10 * 1024 * 1024;

/** The bytes of a file or of standard input. CliError when it cannot be read or is too large. */
export async function readContent({ at }: Source): Promise<File> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of at === '-' ? process.stdin : createReadStream(at)) {
      chunks.push(chunk as Buffer);
      if ((length += (chunk as Buffer).length) > MAX_BYTES) break;
    }
  } catch (error) {
    throw new CliError(whyUnreadable(error));
  }
  if (length > MAX_BYTES)
    throw new CliError(`It is larger than ${size(MAX_BYTES)}, the most that one request takes: import it in parts.`);
  return new File([Buffer.concat(chunks)], at === '-' ? 'standard-input' : basename(at));
}
