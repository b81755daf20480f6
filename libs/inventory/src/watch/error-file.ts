import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';

/** Behind the name of a file that could not be imported, or not whole: the file that says why. */
export const ERROR_FILE = '.certferry-error.txt';

/** Says beside a file what failed; never through a link. */
export async function writeErrorFile(path: string, lines: string[]): Promise<void> {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const file = await open(`${path}${ERROR_FILE}`, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644);
  try {
    await file.writeFile(lines.map((line) => `${line}\n`).join(''));
  } finally {
    await file.close();
  }
}

export async function removeErrorFile(path: string): Promise<void> {
  await rm(`${path}${ERROR_FILE}`, { force: true });
}
