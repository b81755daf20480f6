import { setImmediate as nextTurn } from 'node:timers/promises';
import { invalid, newId } from '@certferry/core';
import type { inventoryV1, parserV1 } from '@certferry/contracts';
import type { Outbound } from '@certferry/outbound';
import type { Client } from '@certferry/rpc';
import { checkDescription, type Description } from '../certificates/certificate.ts';
import type { MetadataFields } from '../metadata-fields/metadata-fields.ts';
import { filesOf, firstOfPem, toArrivals, toChains, type Arrival } from './arrivals.ts';
import { fetchSource } from './fetch-source.ts';
import { countResults, endStatus, failedItem, type Import, type ImportItem } from './import.ts';
import type { Imports } from './imports.ts';
import { Saving, type SavingContext } from './saving.ts';

export interface ImportRequest extends Description {
  content: Uint8Array;
  /** Where the container is, instead of content. */
  source?: inventoryV1.ImportCertificatesRequest['source'];
  password?: string;
  /** Of the keys, where it is not the container's. */
  keyPassword?: string;
  /** Further ones of the container: each is tried, and on each file of an archive. */
  passwords?: string[];
  dryRun: boolean;
  /** Of a PEM file only the first certificate; keys and the rest are passed over. */
  firstOfPem: boolean;
  /** What is there already fails instead of being updated. */
  createOnly: boolean;
  /** Lower-case names of the formats that are taken; empty: all. */
  formats: string[];
  filePath: string;
  /** Id of the API key. */
  requestedBy: string;
  requestId: string;
}

export interface ImportContext extends SavingContext {
  imports: Imports;
  metadataFields: MetadataFields;
  outbound: Outbound;
  parser: Client<typeof parserV1.ParserServiceDefinition>;
  /** Called when events were saved. */
  saved: () => void;
}

/** How many certificates of a container are saved at a time: they share a commit. */
const BATCH = 100;

/** Reads a container and keeps what is in it; a dry run says what would happen. Nothing is kept of a container that cannot be opened. */
export async function importCertificates(context: ImportContext, request: ImportRequest): Promise<Import> {
  checkDescription(request);
  const { password, keyPassword, passwords, requestedBy, requestId, dryRun } = request;
  const { content, source } = await fetchSource(context.outbound, request);
  const { inspection, privateKeys } = await context.parser.open({ content, password, keyPassword, passwords });
  try {
    const found = request.firstOfPem ? firstOfPem(inspection!) : inspection!;
    const format = checkFormat(found, request);
    if (!dryRun) await context.metadataFields.note(Object.keys(request.metadata ?? {}));
    const items = await saveAll(new Saving(context, { ...request, createdBy: requestedBy }), {
      found,
      privateKeys,
      arrivals: toArrivals(found, privateKeys, request),
    });
    const done: Import = {
      _id: dryRun ? '' : newId(),
      status: dryRun ? 'inspected' : endStatus(items),
      format,
      items,
      notices: found.notices,
      chains: toChains(found),
      requestedBy,
      requestId,
      source,
      bytes: content.length,
      createdAt: context.clock.now(),
    };
    if (!dryRun) {
      const counts = { ...countResults(items), total: items.length, done: items.length };
      await context.imports.save({ ...done, ...counts });
      context.saved();
    }
    return done;
  } finally {
    for (const key of privateKeys) key.fill(0);
  }
}

/** The container's format by its lower-case name. INVALID_ARGUMENT FORMAT_NOT_ACCEPTED when the call does not take it. */
export function checkFormat(found: parserV1.InspectResponse, { formats }: Pick<ImportRequest, 'formats'>): string {
  const format = found.format.replace('CONTAINER_FORMAT_', '').toLowerCase();
  if (formats.length === 0 || formats.includes(format)) return format;
  throw invalid('FORMAT_NOT_ACCEPTED', `This call takes ${formats.join(' and ')}, not ${format}.`, { format });
}

/** Saves certificates, then the keys that came without one; answers an item for each entry, in the container's order. */
async function saveAll(
  saving: Saving,
  { found, privateKeys, arrivals }: { found: parserV1.InspectResponse; privateKeys: Uint8Array[]; arrivals: Arrival[] },
): Promise<ImportItem[]> {
  const items = found.failures.map((failure) => failedItem(failure.index, failure));
  for (let at = 0; at < arrivals.length; at += BATCH) {
    items.push(...(await saving.batch(arrivals.slice(at, at + BATCH))));
    // The embedded database answers at once: without this thousands of certificates would let nobody else have a turn.
    await nextTurn();
  }
  const paired = new Set(found.certificates.map((entry) => entry.key));
  for (const [position, entry] of found.keys.entries()) {
    if (!paired.has(position)) items.push(await saving.loneKey(entry, privateKeys[position]!));
  }
  const files = filesOf(found);
  for (const item of items) {
    const file = files.get(item.index);
    if (file !== undefined) item.file = file;
  }
  return items.sort((a, b) => a.index - b.index);
}
