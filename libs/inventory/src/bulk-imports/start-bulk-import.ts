import { invalid, limitExceeded, newId, notFound, raise, type Clock } from '@certferry/core';
import type { inventoryV1, parserV1 } from '@certferry/contracts';
import type { Numbers } from '@certferry/database';
import type { Client, DeadlineOptions } from '@certferry/rpc';
import type { BulkImport, BulkImports } from './bulk-imports.ts';
import type { EnrollmentProfile, EnrollmentProfiles } from '../enrollment-profiles/enrollment-profiles.ts';

export const MAX_BULK_BYTES = 200 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
/** Between two answers of the parser. */
export const PARSE_DEADLINE_MS = 120_000;

export interface BulkContext {
  profiles: EnrollmentProfiles;
  bulkImports: BulkImports;
  numbers: Numbers;
  parser: Client<typeof parserV1.ParserServiceDefinition, DeadlineOptions>;
  clock: Clock;
  /** Called when an import was saved. */
  saved: () => void;
}

/** Keeps the archive, counts what is in it, and only then is there an import. Nothing is kept of an archive that is refused. */
export async function startBulkImport(
  context: BulkContext,
  requests: AsyncIterable<inventoryV1.StartBulkImportRequest>,
  caller: string,
): Promise<BulkImport> {
  const { bulkImports, profiles, clock, numbers } = context;
  const iterator = requests[Symbol.asyncIterator]();
  const first = (await iterator.next()) as IteratorResult<inventoryV1.StartBulkImportRequest, undefined>;
  if (first.done || first.value.part?.$case !== 'draft')
    throw invalid('INVALID_FIELD', 'The first message must have the draft.', { field: 'draft' });
  const { profileId, fileName, address } = first.value.part.value;
  const profile = (await profiles.find(profileId)) ?? raise(notFound('enrollment profile', profileId));
  const id = newId();
  try {
    const size = await keepChunks(context, id, iterator);
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
      caller,
      status: 'pending',
      total,
      processed: 0,
      failed: 0,
      failures: [],
      generation: 0,
      dueAt: createdAt,
      createdAt,
    };
    await bulkImports.insert(one);
    context.saved();
    return one;
  } catch (error) {
    await bulkImports.deleteChunks(id);
    throw error;
  }
}

/** Keeps the archive in pieces of one size; answers its bytes. */
async function keepChunks(
  { bulkImports, clock }: BulkContext,
  id: string,
  iterator: AsyncIterator<inventoryV1.StartBulkImportRequest>,
): Promise<number> {
  let [size, position] = [0, 0];
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const flush = async () => {
    if (waitingBytes === 0) return;
    await bulkImports.addChunk(id, position++, { bytes: Buffer.concat(waiting), at: clock.now() });
    [waiting, waitingBytes] = [[], 0];
  };
  for (;;) {
    const next = (await iterator.next()) as IteratorResult<inventoryV1.StartBulkImportRequest, undefined>;
    if (next.done) break;
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

/** The archive of an import as the parser takes it. */
export async function* archiveRequests(
  { bulkImports }: Pick<BulkContext, 'bulkImports'>,
  id: string,
  options: Partial<parserV1.ArchiveOptions>,
): AsyncGenerator<parserV1.ParseArchiveRequest> {
  const whole = { summaryOnly: false, skipItems: 0, ...options };
  yield { part: { $case: 'options', value: whole } };
  for await (const value of bulkImports.readChunks(id)) yield { part: { $case: 'chunk', value } };
}

/** How many certificates will come; refuses an archive that is empty or not of the profile's format. */
async function count(context: BulkContext, id: string, profile: EnrollmentProfile): Promise<number> {
  const requests = archiveRequests(context, id, { summaryOnly: true });
  for await (const { part } of context.parser.parseArchive(requests, { deadline: PARSE_DEADLINE_MS })) {
    if (part?.$case !== 'summary') continue;
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
