import { extname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError, invalid } from '@certferry/core';
import { parserV1 } from '@certferry/contracts';
import { readCertificate } from '@certferry/x509';
import { emptyContainer } from '../container.ts';
import type { Passwords } from '../formats/format.ts';
import { MAX_FAST_BYTES } from '../fast-path.ts';
import { toInspection } from '../mapping.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { failedItem } from './open-files.ts';
import { pairItems } from './pair-items.ts';
import { spool } from './spool.ts';
import { decodePem, readXmlCertificates, type XmlCertificate } from './xml-certificates.ts';
import { toAppError, ZipArchive, type ZipMember } from './zip-archive.ts';
import type { PackedFile } from './zip-file.ts';

/** Certificates of an XML file are answered so many at a time. */
const BATCH = 200;

interface Opening {
  sandbox: Sandbox;
  passwords: Passwords;
}

const passwordsOf = ({ password, passwords }: parserV1.ArchiveOptions): Passwords => ({
  ...(password !== undefined && { password }),
  passwords,
});

type Item = ReturnType<typeof parserV1.ArchiveItem.fromPartial>;

/** Reads an archive from disk, entry by entry: its summary first, then its items in batches. */
export async function* parseArchive(
  requests: AsyncIterable<parserV1.ParseArchiveRequest>,
  sandbox: Sandbox,
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
      : fileBatches(archive, { sandbox, options });
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

async function* xmlItems(archive: ZipArchive, member: ZipMember): AsyncGenerator<Item> {
  let index = 0;
  for await (const certificate of xmlCertificates(archive, member)) yield toXmlItem(index++, certificate);
}

function toXmlItem(index: number, { pem, fields }: XmlCertificate): Item {
  try {
    const der = decodePem(pem);
    if (!der) throw invalid('MALFORMED', 'The certificate has no "pem" with base64.');
    const certificates = [{ index: 0, der, facts: readCertificate(der), alias: '' }];
    const inspection = toInspection({ ...emptyContainer('DER'), certificates });
    return parserV1.ArchiveItem.fromPartial({ index, fields, inspection });
  } catch (error) {
    return { ...failedItem({ index, name: '' }, error), fields };
  }
}

/** The files of an archive, block by block; several blocks are read at a time, and answered in their order. */
async function* fileBatches(
  archive: ZipArchive,
  { sandbox, options }: { sandbox: Sandbox; options: parserV1.ArchiveOptions },
): AsyncGenerator<Item[]> {
  const reading: Promise<Item[]>[] = [];
  let index = 0;
  try {
    for await (const block of archive.blocks()) {
      const members = block.map((member) => ({ member, index: index++ }));
      const wanted = members.filter((one) => one.index >= options.skipItems);
      if (wanted.length > 0) {
        const items = readBlock(archive, wanted, { sandbox, passwords: passwordsOf(options) });
        // It may fail before its turn to be awaited comes.
        items.catch(() => undefined);
        reading.push(items);
      }
      if (reading.length > sandbox.size) yield await reading.shift()!;
    }
    while (reading.length > 0) yield await reading.shift()!;
  } finally {
    await Promise.allSettled(reading);
  }
}

/**
 * Small files go to one child together; what that leaves goes to a child one by one, so that a poisonous one fails alone
 * and an archive of thousands of keystores does not stand before everybody else's.
 */
async function readBlock(
  archive: ZipArchive,
  members: { member: ZipMember; index: number }[],
  { sandbox, passwords }: Opening,
): Promise<Item[]> {
  const items: Item[] = [];
  const files: PackedFile[] = [];
  for (const { member, index } of members) {
    try {
      files.push(archive.packed(member, index));
    } catch (error) {
      items.push(failedItem({ index, name: member.name }, error));
    }
  }
  const small = files.filter((file) => file.size <= MAX_FAST_BYTES);
  const slow = files.filter((file) => file.size > MAX_FAST_BYTES);
  try {
    const { batch, left } = await sandbox.run('openFiles', { files: small, passwords, fastOnly: true });
    items.push(...parserV1.ArchiveBatch.decode(batch).items);
    slow.push(...left.map((position) => small[position]!));
  } catch (error) {
    if (!(error instanceof AppError) || error.reason !== 'LIMIT_EXCEEDED') throw error;
    slow.push(...small);
  }
  for (const file of slow) items.push(await openAlone(file, { sandbox, passwords }));
  items.sort((a, b) => a.index - b.index);
  pairItems(items);
  return items;
}

async function openAlone(file: PackedFile, { sandbox, passwords }: Opening): Promise<Item> {
  try {
    const { batch } = await sandbox.run('openFiles', { files: [file], passwords, fastOnly: false });
    return parserV1.ArchiveBatch.decode(batch).items[0]!;
  } catch (error) {
    return failedItem(file, error);
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
