import { extname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError, invalid } from '@certferry/core';
import { parserV1 } from '@certferry/contracts';
import { readCertificate, X509Error } from '@certferry/x509';
import { emptyContainer, type Container } from '../container.ts';
import { toInspection } from '../mapping.ts';
import { spool } from './spool.ts';
import { decodePem, readXmlCertificates } from './xml-certificates.ts';
import { toAppError, ZipArchive, type ZipMember } from './zip-archive.ts';

/** Certificates of an XML file are answered so many at a time. */
const BATCH = 200;
const ZIP = Buffer.from('PK\u0003\u0004');

export type OpenContainer = (content: Uint8Array, password: string | undefined) => Container | Promise<Container>;

type Item = ReturnType<typeof parserV1.ArchiveItem.fromPartial>;

/** Reads an archive from disk, entry by entry: its summary first, then its items in batches. */
export async function* parseArchive(
  requests: AsyncIterable<parserV1.ParseArchiveRequest>,
  open: OpenContainer,
): AsyncGenerator<parserV1.ParseArchiveResponse> {
  const { options, chunks } = await split(requests);
  const spooled = await spool(chunks);
  try {
    const archive = new ZipArchive(spooled);
    const { only, summary } = await survey(archive);
    const xml = summary.extensions['.xml'] ? only : undefined;
    if (xml) summary.items = await countXml(archive, xml);
    yield { part: { $case: 'summary', value: summary } };
    if (options.summaryOnly) return;
    const batches = xml
      ? inBatches(skip(xmlItems(archive, xml), options.skipItems))
      : fileBatches(archive, { open, options });
    for await (const items of batches) {
      yield { part: { $case: 'batch', value: { items } } };
      // What reads from memory and answers at once would let nobody else have a turn.
      await nextTurn();
    }
  } finally {
    await spooled.close();
  }
}

async function split(
  requests: AsyncIterable<parserV1.ParseArchiveRequest>,
): Promise<{ options: parserV1.ArchiveOptions; chunks: AsyncIterable<Uint8Array> }> {
  const iterator = requests[Symbol.asyncIterator]();
  const first = (await iterator.next()) as IteratorResult<parserV1.ParseArchiveRequest, undefined>;
  if (first.done || first.value.part?.$case !== 'options')
    throw invalid('INVALID_FIELD', 'The first message must have the options.', { field: 'options' });
  const rest = async function* () {
    for (;;) {
      const next = (await iterator.next()) as IteratorResult<parserV1.ParseArchiveRequest, undefined>;
      if (next.done) return;
      if (next.value.part?.$case === 'chunk') yield next.value.part.value;
    }
  };
  return { options: first.value.part.value, chunks: rest() };
}

/** The whole directory: nothing of an archive is used that breaks a limit anywhere. `only`: its one file. */
async function survey(archive: ZipArchive): Promise<{ only?: ZipMember; summary: parserV1.ArchiveSummary }> {
  const summary: parserV1.ArchiveSummary = { items: 0, extensions: {} };
  let last: ZipMember | undefined;
  for await (const block of archive.blocks()) {
    for (const { name } of block) {
      const extension = extname(name).toLowerCase();
      summary.extensions[extension] = (summary.extensions[extension] ?? 0) + 1;
    }
    summary.items += block.length;
    last = block.at(-1);
    await nextTurn();
  }
  return { only: summary.items === 1 ? last : undefined, summary };
}

async function countXml(archive: ZipArchive, member: ZipMember): Promise<number> {
  let count = 0;
  for await (const _ of xmlCertificates(archive, member)) count++;
  return count;
}

async function* xmlCertificates(archive: ZipArchive, member: ZipMember) {
  const stream = await archive.stream(member);
  try {
    yield* readXmlCertificates(stream as AsyncIterable<Uint8Array>);
  } catch (error) {
    throw toAppError(error);
  } finally {
    stream.destroy();
  }
}

const failed = (index: number, reason: string, message: string): parserV1.Failure => ({
  index,
  what: 'CERTIFICATE',
  reason,
  message,
});

async function* xmlItems(archive: ZipArchive, member: ZipMember): AsyncGenerator<Item> {
  let index = 0;
  for await (const { pem, fields } of xmlCertificates(archive, member)) {
    const item = parserV1.ArchiveItem.fromPartial({ index, fields });
    const der = decodePem(pem);
    if (!der) item.failure = failed(index, 'MALFORMED', 'The certificate has no "pem" with base64.');
    else {
      try {
        const certificates = [{ index: 0, der, facts: readCertificate(der), alias: '' }];
        item.inspection = toInspection({ ...emptyContainer('DER'), certificates });
      } catch (error) {
        if (!(error instanceof X509Error)) throw error;
        item.failure = failed(index, error.reason, error.message);
      }
    }
    yield item;
    index++;
  }
}

/** The items of a block of files; those that go to a child are opened side by side. */
async function* fileBatches(
  archive: ZipArchive,
  { open, options }: { open: OpenContainer; options: parserV1.ArchiveOptions },
): AsyncGenerator<Item[]> {
  let index = 0;
  for await (const block of archive.blocks()) {
    const items: (Item | Promise<Item>)[] = [];
    for (const member of block) {
      if (index >= options.skipItems) items.push(readItem(archive, member, { index, open, options }));
      index++;
    }
    yield await Promise.all(items);
  }
}

function readItem(
  archive: ZipArchive,
  member: ZipMember,
  { index, open, options }: { index: number; open: OpenContainer; options: parserV1.ArchiveOptions },
): Item | Promise<Item> {
  const item = parserV1.ArchiveItem.fromPartial({ index, name: member.name });
  const fail = (error: unknown) => {
    if (!(error instanceof AppError) || error.code === 'INTERNAL') return Promise.reject(error as Error);
    item.failure = failed(index, error.reason, error.message);
    return item;
  };
  const fill = (container: Container) => {
    item.inspection = toInspection(container);
    item.privateKeys = container.keys.map(({ key }) => key.pkcs8);
    return item;
  };
  try {
    const content = archive.read(member);
    if (content.subarray(0, ZIP.length).equals(ZIP))
      throw invalid('NESTED_ARCHIVE', 'An archive inside an archive is not opened.');
    const opened = open(content, options.password);
    return opened instanceof Promise ? opened.then(fill, fail) : fill(opened);
  } catch (error) {
    return fail(error);
  }
}

async function* skip<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let passed = 0;
  for await (const item of items) if (passed++ >= count) yield item;
}

async function* inBatches(items: AsyncIterable<Item>): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
