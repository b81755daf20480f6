import { extname } from 'node:path';
import { AppError, invalid } from '@certferry/core';
import { parserV1 } from '@certferry/contracts';
import { readCertificate, X509Error } from '@certferry/x509';
import { emptyContainer, type Container } from '../container.ts';
import { toInspection } from '../mapping.ts';
import { spool } from './spool.ts';
import { decodePem, readXmlCertificates } from './xml-certificates.ts';
import { toAppError, ZipArchive, type ZipMember } from './zip-archive.ts';

/** Items are answered so many at a time. */
const BATCH = 200;
const ZIP = Buffer.from('PK\u0003\u0004');

export type OpenContainer = (content: Uint8Array, password: string | undefined) => Promise<Container>;

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
    const items = xml ? xmlItems(archive, xml) : fileItems(archive, { open, options });
    yield* inBatches(xml ? skip(items, options.skipItems) : items);
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
  for await (const member of archive.members()) {
    last = member;
    summary.items++;
    const extension = extname(member.name).toLowerCase();
    summary.extensions[extension] = (summary.extensions[extension] ?? 0) + 1;
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

async function* fileItems(
  archive: ZipArchive,
  from: { open: OpenContainer; options: parserV1.ArchiveOptions },
): AsyncGenerator<Item> {
  const { open, options } = from;
  let index = -1;
  for await (const member of archive.members()) {
    if (++index < options.skipItems) continue;
    const item = parserV1.ArchiveItem.fromPartial({ index, name: member.name });
    try {
      const content = archive.read(member);
      if (content.subarray(0, ZIP.length).equals(ZIP))
        throw invalid('NESTED_ARCHIVE', 'An archive inside an archive is not opened.');
      const container = await open(content, options.password);
      item.inspection = toInspection(container);
      item.privateKeys = container.keys.map(({ key }) => key.pkcs8);
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
      item.failure = failed(index, error.reason, error.message);
    }
    yield item;
  }
}

async function* skip<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let passed = 0;
  for await (const item of items) if (passed++ >= count) yield item;
}

async function* inBatches(items: AsyncIterable<Item>): AsyncGenerator<parserV1.ParseArchiveResponse> {
  const batch: Item[] = [];
  const take = (): parserV1.ParseArchiveResponse => ({
    part: { $case: 'batch', value: { items: batch.splice(0) } },
  });
  for await (const item of items) {
    batch.push(item);
    if (batch.length === BATCH) yield take();
  }
  if (batch.length > 0) yield take();
}
