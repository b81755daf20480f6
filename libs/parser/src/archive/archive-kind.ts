import { invalid } from '@certferry/core';
import { asBuffer } from '@certferry/x509';
import { isTar } from './tar-archive.ts';

export type ArchiveKind = 'ZIP' | 'TAR' | 'GZIP';

const SIGNATURES: readonly [kind: Exclude<ArchiveKind, 'TAR'>, signature: string][] = [
  ['ZIP', 'PK\u0003\u0004'],
  // An archive without a file, and one that could have been of several parts.
  ['ZIP', 'PK\u0005\u0006'],
  ['ZIP', 'PK\u0007\u0008PK\u0003\u0004'],
  ['GZIP', '\u001f\u008b\u0008'],
];

/** What is told apart so that it can be refused by its name. */
const OTHERS: readonly [name: string, signature: string][] = [
  ['7-Zip', '7z\u00bc\u00af\u0027\u001c'],
  ['RAR', 'Rar!\u001a\u0007'],
  ['bzip2', 'BZh'],
  ['xz', '\u00fd7zXZ\u0000'],
  ['Zstandard', '\u0028\u00b5\u002f\u00fd'],
  ['cabinet', 'MSCF\u0000\u0000\u0000\u0000'],
];

const startsWith = (content: Uint8Array, signature: string): boolean =>
  asBuffer(content).subarray(0, signature.length).toString('latin1') === signature;

/** Which archive this is, by its first bytes: text in it is of its files. Undefined for what is none. */
export function archiveKindOf(content: Uint8Array): ArchiveKind | undefined {
  const found = SIGNATURES.find(([, signature]) => startsWith(content, signature));
  return found ? found[0] : isTar(content) ? 'TAR' : undefined;
}

/** The name of an archive that is not opened; undefined for anything else. */
export const otherArchiveOf = (content: Uint8Array): string | undefined =>
  OTHERS.find(([, signature]) => startsWith(content, signature))?.[0];

/** INVALID_ARGUMENT NESTED_ARCHIVE. */
export function refuseNested(content: Uint8Array): void {
  if (archiveKindOf(content) !== undefined || otherArchiveOf(content) !== undefined)
    throw invalid('NESTED_ARCHIVE', 'An archive inside an archive is not opened: unpack it and import it by itself.');
}
