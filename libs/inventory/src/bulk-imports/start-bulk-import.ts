import { invalid, limitExceeded, newId, type Clock } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import type { Numbers } from '@certferry/database';
import type { EnrollmentProfile } from '../enrollment-profiles/enrollment-profile.ts';
import type { EnrollmentProfiles } from '../enrollment-profiles/enrollment-profiles.ts';
import { importChanged, type BulkImport } from './bulk-import.ts';
import type { BulkImports } from './bulk-imports.ts';
import { parseArchive, type ArchiveContext } from './parse-archive.ts';

export const MAX_BULK_BYTES = 200 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const COUNT_DEADLINE_MS = 120_000;

export interface StartContext extends ArchiveContext {
  profiles: EnrollmentProfiles;
  bulkImports: BulkImports;
  /** Of bulk imports. */
  numbers: Numbers;
  clock: Clock;
  /** Called when an import was saved. */
  saved: () => void;
}

type Requests = AsyncIterator<inventoryV1.StartBulkImportRequest, undefined>;

/** Keeps the archive, counts what is in it, and only then is there an import. Nothing is kept of an archive that is refused. */
export async function startBulkImport(
  context: StartContext,
  requests: AsyncIterable<inventoryV1.StartBulkImportRequest>,
  requester: { requestedBy: string; requestId: string },
): Promise<BulkImport> {
  const { archives, bulkImports, profiles, clock, numbers } = context;
  // Its type leaves open what an iteration ends with.
  const messages = requests[Symbol.asyncIterator]() as Requests;
  const { profileId, fileName, address } = await readDraft(messages);
  const profile = await profiles.get(profileId);
  const id = newId();
  try {
    const size = await keepChunks(context, id, messages);
    const total = await count(context, id, profile);
    const createdAt = clock.now();
    const one: BulkImport = {
      _id: id,
      number: await numbers.next(),
      profileId,
      profileName: profile.name,
      fileName: fileName.slice(0, 255),
      format: profile.format,
      size,
      address,
      caller: requester.requestedBy,
      requestId: requester.requestId,
      status: 'pending',
      total,
      processed: 0,
      failed: 0,
      failures: [],
      generation: 0,
      dueAt: createdAt,
      createdAt,
    };
    await bulkImports.insert(one, importChanged(one, createdAt));
    context.saved();
    return one;
  } catch (error) {
    await archives.delete(id);
    throw error;
  }
}

async function readDraft(messages: Requests): Promise<inventoryV1.BulkImportDraft> {
  const first = await messages.next();
  if (first.done || first.value.part?.$case !== 'draft')
    throw invalid('INVALID_FIELD', 'The first message must have the draft.', { field: 'draft' });
  return first.value.part.value;
}

/** Keeps the archive in pieces of one size; answers its bytes. */
async function keepChunks({ archives, clock }: StartContext, id: string, messages: Requests): Promise<number> {
  let [size, position] = [0, 0];
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const flush = async () => {
    if (waitingBytes === 0) return;
    await archives.addChunk(id, position++, { bytes: Buffer.concat(waiting), at: clock.now() });
    [waiting, waitingBytes] = [[], 0];
  };
  for (let next = await messages.next(); !next.done; next = await messages.next()) {
    if (next.value.part?.$case !== 'chunk') continue;
    const { value } = next.value.part;
    size += value.length;
    if (size > MAX_BULK_BYTES)
      throw limitExceeded(
        'archive bytes',
        MAX_BULK_BYTES,
        `The archive has more than ${MAX_BULK_BYTES} bytes, the limit.`,
      );
    waiting.push(value);
    waitingBytes += value.length;
    if (waitingBytes >= CHUNK_BYTES) await flush();
  }
  await flush();
  if (size === 0) throw invalid('EMPTY', 'The archive is empty.');
  return size;
}

/** How many certificates will come; refuses an archive that is empty or not of the profile's format. */
async function count(context: StartContext, id: string, profile: EnrollmentProfile): Promise<number> {
  for await (const part of parseArchive(context, id, { summaryOnly: true, deadlineMs: COUNT_DEADLINE_MS })) {
    if (part.$case !== 'summary') continue;
    const { items, extensions } = part.value;
    const found = Object.keys(extensions);
    if (found.length === 0) throw invalid('EMPTY', 'The archive has no files.');
    const other = found.find((extension) => extension !== `.${profile.format}`);
    if (other !== undefined || (profile.format === 'xml' && (extensions['.xml'] ?? 0) > 1)) {
      const wanted = profile.format === 'xml' ? 'one .xml file' : '.pem files';
      throw invalid('WRONG_FORMAT', `The archive must hold ${wanted} and nothing else; it holds ${found.join(', ')}.`);
    }
    if (items === 0) throw invalid('EMPTY', 'The XML file has no certificates.');
    return items;
  }
  throw invalid('UNKNOWN_FORMAT', 'The archive could not be read.');
}
