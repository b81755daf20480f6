import { gunzipSync } from 'node:zlib';
import { invalid } from '@certferry/core';
import { asBuffer, IterationBudget } from '@certferry/x509';
import { orderCertificates, pairKeys, type Container } from '../container.ts';
import type { Passwords } from '../formats/format.ts';
import { checkSizes, openContainer, readContainer, recognise } from '../open-container.ts';
import { unwrap } from '../unwrap.ts';
import { ArchiveContents } from './archive-contents.ts';
import { archiveKindOf, otherArchiveOf, refuseNested, type ArchiveKind } from './archive-kind.ts';
import { isSystemFile } from './file-names.ts';
import { tarMembers } from './tar-archive.ts';
import { MAX_RATIO, tooMany, ZipArchive } from './zip-archive.ts';
import { malformedArchive, unpack } from './zip-file.ts';
import { MemoryReader } from './zip-reader.ts';

/** How base64 begins, also as UTF-16 or behind a byte order mark. */
const LIKE_BASE64 = /^[\xef\xbb\xbf\xff\xfe\0\w+/=\s]*$/;

/** Enough to tell an archive by, in base64 of base64 of base64. */
const HEAD_BYTES = 4 * 1024;

/** Of an archive that is opened as one container; a larger one is for a bulk import. */
const LIMITS = { entries: 10_000, unpackedBytes: 100 * 1024 * 1024 };

interface Archive {
  kind: ArchiveKind;
  content: Uint8Array;
}

/** The archive that this is, also behind what tools put around it; undefined for what is none. INVALID_ARGUMENT UNSUPPORTED_ARCHIVE for one that is not opened. */
export function archiveOf(wrapped: Uint8Array): Archive | undefined {
  for (const content of candidates(wrapped)) {
    const kind = archiveKindOf(content);
    if (kind) return { kind, content };
    const other = otherArchiveOf(content);
    if (other)
      throw invalid(
        'UNSUPPORTED_ARCHIVE',
        `This is a ${other} archive; ZIP, tar and tar.gz are opened. Unpack it and import what is inside.`,
      );
  }
  return undefined;
}

function* candidates(wrapped: Uint8Array): Generator<Uint8Array> {
  yield wrapped;
  if (!LIKE_BASE64.test(asBuffer(wrapped).toString('latin1', 0, 64))) return;
  const { content: head } = unwrap(wrapped.subarray(0, HEAD_BYTES));
  if (archiveKindOf(head) ?? otherArchiveOf(head)) yield unwrap(wrapped).content;
}

/** Reads a container, or the files of an archive as one; for a child, or where nobody waits. */
export async function openAny(wrapped: Uint8Array, passwords: Passwords): Promise<Container> {
  checkSizes(wrapped, passwords);
  const archive = archiveOf(wrapped);
  if (!archive) return openContainer(wrapped, passwords);
  if (archive.kind !== 'GZIP') return await openArchive(archive.kind, archive.content, passwords);
  const content = gunzip(archive.content);
  if (archiveKindOf(content) === 'TAR') return await openArchive('TAR', content, passwords);
  refuseNested(content);
  const container = openContainer(content, passwords);
  container.notices.unshift('The container was packed by gzip, and was unpacked.');
  return container;
}

function gunzip(content: Uint8Array): Buffer {
  const most = Math.min(LIMITS.unpackedBytes, Math.max(content.length * MAX_RATIO, 1024 * 1024));
  try {
    return gunzipSync(content, { maxOutputLength: most });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooMany('unpacked bytes', most);
    throw malformedArchive('What gzip packed is damaged or cut short.', cause);
  }
}

interface ArchivedFile {
  name: string;
  /** Throws AppError. */
  read: () => Uint8Array;
  problem?: string;
}

async function openArchive(kind: 'ZIP' | 'TAR', content: Uint8Array, passwords: Passwords): Promise<Container> {
  const contents = new ArchiveContents(kind);
  const files: ArchivedFile[] = [];
  for await (const file of kind === 'ZIP' ? zipFiles(content) : tarFiles(content))
    if (files.push(file) > LIMITS.entries) throw tooMany('archive entries', LIMITS.entries);
  if (files.length === 0) throw invalid('EMPTY', 'The archive has no files.');
  IterationBudget.together(() => {
    for (const file of files) openFile(contents, file, passwords);
  });
  return orderCertificates(pairKeys(contents.whole()));
}

async function* zipFiles(content: Uint8Array): AsyncGenerator<ArchivedFile> {
  const archive = new ZipArchive({ size: content.length, reader: () => new MemoryReader(content) }, LIMITS);
  for await (const member of archive.members())
    yield { name: member.name, read: () => unpack(archive.packed(member, 0)) };
}

function* tarFiles(archive: Uint8Array): Generator<ArchivedFile> {
  for (const { content, ...member } of tarMembers(archive)) yield { ...member, read: () => content };
}

function openFile(contents: ArchiveContents, { name, read, problem }: ArchivedFile, passwords: Passwords): void {
  if (isSystemFile(name)) return contents.passOver(name, 'it is of the system that made the archive');
  if (problem !== undefined) return contents.passOver(name, problem);
  try {
    const content = read();
    checkSizes(content, passwords);
    refuseNested(content);
    contents.add(name, readContainer(recognise(content), passwords));
  } catch (error) {
    contents.addError(name, error);
  }
}
