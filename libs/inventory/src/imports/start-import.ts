import { invalid, limitExceeded, newId, type Clock } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import type { Numbers } from '@certferry/database';
import type { SecretKeeper } from '@certferry/secrets';
import { checkDescription } from '../certificates/certificate.ts';
import type { EnrollmentProfile } from '../enrollment-profiles/enrollment-profile.ts';
import { sniffContent } from './content-kind.ts';
import type { ImportRequest } from './import-certificates.ts';
import {
  importChanged,
  NOTHING_DONE,
  type ContentKind,
  type ImportJob,
  type JobPasswords,
  type JobRequest,
  type Problem,
} from './import-job.ts';
import type { Imports } from './imports.ts';
import { parseArchive, type ArchiveContext } from './parse-archive.ts';

export const MAX_IMPORT_BYTES = 200 * 1024 * 1024;
/** What is not read piece by piece. */
export const MAX_CONTAINER_BYTES = 10 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const COUNT_DEADLINE_MS = 120_000;

export interface StartContext extends ArchiveContext {
  imports: Imports;
  secrets: SecretKeeper;
  /** Of bulk imports. */
  bulkNumbers: Numbers;
  clock: Clock;
  /** Called when a job was saved. */
  started: () => void;
}

/** What a job is to do, besides its content. */
export interface JobDraft {
  request: Omit<ImportRequest, 'content' | 'source' | 'dryRun'>;
  fileName: string;
  address: string;
  profile?: EnrollmentProfile;
  /** Whether every file must be named after the profile's format. */
  namedByFormat?: boolean;
}

/** Keeps a content and makes a job of it, which `draft` is asked for when all of the content is there. Nothing is kept of what is refused. */
export async function startImport(
  context: StartContext,
  chunks: AsyncIterable<Uint8Array>,
  { profile, draft, id = newId() }: { profile?: EnrollmentProfile; draft: () => JobDraft; id?: string },
): Promise<ImportJob> {
  try {
    const { kind, bytes } = await keepContent(context, id, { chunks, isArchive: profile !== undefined });
    const asked = draft();
    checkDescription(asked.request);
    const total = kind === 'archive' ? await countFiles(context, id, { profile, ...asked }) : 0;
    const job = { ...newJob(context, id, asked), kind, bytes, total };
    if (profile) Object.assign(job, await ofProfile(context, profile));
    await context.imports.insert(job, importChanged(job, job.createdAt));
    context.started();
    return job;
  } catch (error) {
    await context.contents.delete(id);
    throw error;
  }
}

/** Keeps that a content was refused, for work that nobody waits for: an import that failed, with its event. */
export async function keepRefused(
  context: StartContext,
  { id, draft, problem }: { id: string; draft: JobDraft; problem: Problem },
): Promise<void> {
  const { dueAt: _, sealedPasswords: __, ...job } = newJob(context, id, draft);
  const refused = { ...job, status: 'failed', problem, completedAt: job.createdAt } as const;
  await context.imports.insert(refused, importChanged(refused, job.createdAt));
  context.started();
}

function newJob({ clock, secrets }: StartContext, id: string, { request, fileName, address }: JobDraft): ImportJob {
  const { password, keyPassword, passwords = [], requestedBy, requestId, ...rest } = request;
  const asked: JobRequest = rest;
  const secret: JobPasswords = { password, keyPassword, passwords };
  const isLocked = (password ?? keyPassword ?? passwords[0]) !== undefined;
  const createdAt = clock.now();
  return {
    _id: id,
    status: 'queued',
    kind: 'container',
    format: '',
    items: [],
    notices: [],
    ...NOTHING_DONE,
    bytesDone: 0,
    fileName: fileName.slice(0, 255),
    address,
    request: JSON.stringify(asked),
    ...(isLocked && { sealedPasswords: secrets.seal(Buffer.from(JSON.stringify(secret)), passwordContext(id)) }),
    requestedBy,
    requestId,
    generation: 0,
    dueAt: createdAt,
    createdAt,
  };
}

/** What the passwords of a job are sealed under. */
export const passwordContext = (id: string): string => `import passwords ${id}`;

async function ofProfile({ bulkNumbers }: StartContext, profile: EnrollmentProfile): Promise<Partial<ImportJob>> {
  const { _id: profileId, name: profileName, format: archiveFormat } = profile;
  return { profileId, profileName, archiveFormat, number: await bulkNumbers.next() };
}

/** Keeps the content in pieces of one size. */
async function keepContent(
  { contents, clock }: StartContext,
  id: string,
  { chunks, isArchive }: { chunks: AsyncIterable<Uint8Array>; isArchive: boolean },
): Promise<{ kind: ContentKind; bytes: number }> {
  let [bytes, position] = [0, 0];
  let kind: ContentKind | undefined;
  for await (const piece of inPieces(chunks)) {
    bytes += piece.length;
    kind ??= isArchive ? 'archive' : sniffContent(piece);
    checkSize(kind, bytes);
    await contents.addChunk(id, position++, { bytes: piece, at: clock.now() });
  }
  if (kind === undefined) throw invalid('EMPTY', isArchive ? 'The archive is empty.' : 'The file is empty.');
  // What is small is opened as one, so that everything in it is seen together.
  return { kind: isArchive || bytes > MAX_CONTAINER_BYTES ? kind : 'container', bytes };
}

function checkSize(kind: ContentKind, bytes: number): void {
  const what = kind === 'archive' ? 'archive' : 'file';
  if (bytes > MAX_IMPORT_BYTES)
    throw limitExceeded(
      `${what} bytes`,
      MAX_IMPORT_BYTES,
      `The ${what} has more than ${MAX_IMPORT_BYTES} bytes, the limit.`,
    );
  if (kind === 'container' && bytes > MAX_CONTAINER_BYTES)
    throw limitExceeded(
      'container bytes',
      MAX_CONTAINER_BYTES,
      `The file has more than ${MAX_CONTAINER_BYTES} bytes, the limit of what is neither PEM nor a ZIP archive; import its parts one by one, or as a ZIP archive.`,
    );
}

/** Pieces of at least a size, but for the last. */
async function* inPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.concat(waiting);
    [waiting, bytes] = [[], 0];
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}

/** How many files, or certificates of an XML file, will come; refuses an archive that is empty or not of its profile's format. */
async function countFiles(
  context: StartContext,
  id: string,
  { profile, namedByFormat = false }: Pick<JobDraft, 'profile' | 'namedByFormat'>,
): Promise<number> {
  for await (const part of parseArchive(context, id, { summaryOnly: true, deadlineMs: COUNT_DEADLINE_MS })) {
    if (part.$case !== 'summary') continue;
    const { items, extensions } = part.value;
    const found = Object.keys(extensions);
    if (found.length === 0) throw invalid('EMPTY', 'The archive has no files.');
    if (profile) checkExtensions(profile, extensions, namedByFormat);
    if (items === 0) throw invalid('EMPTY', 'The XML file has no certificates.');
    return items;
  }
  throw invalid('UNKNOWN_FORMAT', 'The archive could not be read.');
}

function checkExtensions(
  { format }: EnrollmentProfile,
  extensions: Record<string, number>,
  namedByFormat: boolean,
): void {
  const found = Object.keys(extensions);
  const isXml = found.length === 1 && extensions['.xml'] === 1;
  const isOther = namedByFormat && found.some((extension) => extension !== `.${format}`);
  if (isXml === (format === 'xml') && !isOther) return;
  const wanted = format === 'xml' ? 'one .xml file and nothing else' : 'files with certificates, no XML file';
  const named = namedByFormat && format !== 'xml' ? '.pem files and nothing else' : wanted;
  throw invalid('WRONG_FORMAT', `The archive must hold ${named}; it holds ${found.join(', ')}.`);
}

type StartMessage = { part?: inventoryV1.StartImportRequest['part'] };

/** The chunks among the messages of a call; the draft, wherever it comes, is left with `onDraft`. */
export async function* chunksOf(
  messages: AsyncIterable<StartMessage>,
  onDraft: (draft: inventoryV1.ImportDraft) => void,
): AsyncGenerator<Uint8Array> {
  for await (const { part } of messages) {
    if (part?.$case === 'draft') onDraft(part.value);
    else if (part?.$case === 'chunk') yield part.value;
  }
}
