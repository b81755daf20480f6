import { invalid } from '@certferry/core';
import type { parserV1 } from '@certferry/contracts';
import type { CertificateFacts } from '@certferry/x509';
import { checkDescription } from '../../certificates/certificate.ts';
import { mapFields, type EnrollmentProfile } from '../../enrollment-profiles/enrollment-profile.ts';
import { toArrivals, type Arrival } from '../arrivals.ts';
import { failedItem, passedOverItem, type ImportItem } from '../import.ts';
import type { JobRequest } from '../import-job.ts';
import { parseArchive } from '../parse-archive.ts';
import type { Saving } from '../saving.ts';
import type { Batch, SourceContext, Unit, UnitResult } from './import-source.ts';

/** An import that takes longer is gone on with where it was. */
const PARSE_DEADLINE_MS = 1_800_000;

/** An archive, a unit a file, or a certificate of its XML file. */
export async function* archiveSource(context: SourceContext): AsyncGenerator<Batch> {
  yield* unitsFrom(context, context.job.done);
}

/** Once more those whose key came before its certificate; `indexes` rise. */
export async function* archiveAgain(context: SourceContext, indexes: number[]): AsyncGenerator<Batch> {
  const wanted = new Set(indexes);
  for await (const { units } of unitsFrom(context, indexes[0]!))
    yield { units: units.filter(({ index }) => wanted.has(index)) };
}

async function* unitsFrom(context: SourceContext, skipItems: number): AsyncGenerator<Batch> {
  const { job, profile, request, passwords, signal } = context;
  const { password, passwords: more } = passwords;
  const answers = parseArchive(context, job._id, {
    skipItems,
    deadlineMs: PARSE_DEADLINE_MS,
    signal,
    ...(password !== undefined && { password }),
    ...(more && { passwords: more }),
  });
  for await (const part of answers)
    if (part.$case === 'batch') yield { units: part.value.items.map((item) => toUnit(item, { profile, request })) };
}

interface Asked {
  profile: EnrollmentProfile | undefined;
  request: JobRequest;
}

const toUnit = (item: parserV1.ArchiveItem, asked: Asked): Unit => ({
  index: item.index,
  file: item.name,
  run: (saving) => takeFile(saving, item, asked),
});

async function takeFile(saving: Saving, item: parserV1.ArchiveItem, asked: Asked): Promise<UnitResult> {
  const { index, passedOver } = item;
  if (passedOver !== undefined) return { item: passedOverItem(index, passedOver), certificateIds: [] };
  const problem = item.failure ?? item.inspection?.failures[0];
  if (problem) return { item: failedItem(index, problem), certificateIds: [] };
  const items: ImportItem[] = [];
  for (const arrival of toFileArrivals(item, asked)) items.push(await saving.certificate(arrival));
  items.push(...(await saveLoneKeys(saving, item)));
  if (items.length === 0) throw invalid('NO_CERTIFICATE', 'There is no certificate in the file.');
  const kept = items.filter(({ result }) => result !== 'failed');
  return { item: { ...summary(items), index }, certificateIds: kept.map((one) => one.certificateId) };
}

/** The certificates of a file; by a profile each has the device's fields as its metadata. */
function toFileArrivals({ inspection, privateKeys, fields }: parserV1.ArchiveItem, asked: Asked): Arrival[] {
  const { profile } = asked;
  if (!inspection) return [];
  const arrivals = toArrivals(inspection, privateKeys, asked.request);
  if (!profile) return arrivals;
  return arrivals.map((arrival) => {
    const facts: CertificateFacts = arrival.facts;
    const metadata = mapFields(profile, { facts, fields });
    const description = Object.keys(metadata).length > 0 ? { metadata } : {};
    checkDescription(description);
    return { ...arrival, issuer: false, description };
  });
}

async function saveLoneKeys(saving: Saving, { inspection, privateKeys }: parserV1.ArchiveItem): Promise<ImportItem[]> {
  const paired = new Set(inspection?.certificates.map(({ key }) => key));
  const items: ImportItem[] = [];
  for (const [position, entry] of (inspection?.keys ?? []).entries())
    if (!paired.has(position)) items.push(await saving.loneKey(entry, privateKeys[position]!));
  return items;
}

/** One item for a file: its first leaf's, with the result that says most. */
function summary(items: ImportItem[]): ImportItem {
  const leaf = items.find(({ issuer }) => !issuer) ?? items[0]!;
  const failed = items.find(({ result }) => result === 'failed');
  if (failed) return failed;
  const result = (['created', 'updated'] as const).find((one) => items.some((item) => item.result === one));
  const more = items.length - 1;
  const message = more > 0 ? `With ${more} more of the same file.` : '';
  return { ...leaf, result: result ?? 'unchanged', message };
}
