import { AppError, invalid, type Clock } from '@certferry/core';
import { deploymentV1, type parserV1 } from '@certferry/contracts';
import type { Client } from '@certferry/rpc';
import type { Lease } from '@certferry/work';
import type { CertificateFacts } from '@certferry/x509';
import { checkDescription } from '../certificates/certificate.ts';
import { mapFields, type EnrollmentProfile } from '../enrollment-profiles/enrollment-profile.ts';
import type { EnrollmentProfiles } from '../enrollment-profiles/enrollment-profiles.ts';
import type { Arrival } from '../imports/arrivals.ts';
import { Saving, type SavingContext } from '../imports/saving.ts';
import type { MetadataFields } from '../metadata-fields/metadata-fields.ts';
import { afterBatch, atEnd, importChanged, type BulkImport, type BulkImportFailure } from './bulk-import.ts';
import type { BulkImports } from './bulk-imports.ts';
import { parseArchive, type ArchiveContext } from './parse-archive.ts';

export interface TakeInContext extends ArchiveContext {
  bulkImports: BulkImports;
  profiles: EnrollmentProfiles;
  metadataFields: MetadataFields;
  importing: SavingContext;
  deployment: Client<typeof deploymentV1.DeploymentServiceDefinition>;
  clock: Clock;
  /** Called when events were saved. */
  saved: () => void;
}

/** The worker's right to an import: its lease, and whether the process stops. */
export interface Turn {
  lease: Lease;
  stopping: AbortSignal;
}

/** An import that takes longer is gone on with where it was. */
const PARSE_DEADLINE_MS = 1_800_000;
const PARALLEL = 100;
/** What the parser answers for an archive that will never be read to its end. */
const HOPELESS: AppError['code'][] = ['INVALID_ARGUMENT', 'RESOURCE_EXHAUSTED'];

/** Takes the archive of an import in, from where it is to its end; where it is stands in the database after every batch. */
export async function takeIn(context: TakeInContext, leased: BulkImport, turn: Turn): Promise<void> {
  const profile = await context.profiles.find(leased.profileId);
  if (!profile) {
    const message = 'Its enrollment profile was deleted; make one and send the archive again.';
    return await end(context, leased, { index: 0, file: '', reason: 'ENROLLMENT_PROFILE_NOT_FOUND', message });
  }
  const signal = AbortSignal.any([turn.lease.lost, turn.stopping]);
  const over = () => !turn.lease.held || turn.stopping.aborted;
  let one = leased;
  try {
    const answers = parseArchive(context, one._id, {
      skipItems: one.processed,
      deadlineMs: PARSE_DEADLINE_MS,
      signal,
    });
    for await (const part of answers) {
      if (part.$case !== 'batch') continue;
      const after = await takeBatch({ ...context, one, profile, over }, part.value.items);
      if (!after) return;
      one = after;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof AppError) || !HOPELESS.includes(error.code)) throw error;
    return await end(context, one, { index: one.processed, file: '', reason: error.reason, message: error.message });
  }
  if (turn.lease.held) await end(context, one);
}

interface BatchContext extends TakeInContext {
  one: BulkImport;
  profile: EnrollmentProfile;
  /** Whether the worker must stop. */
  over: () => boolean;
}

interface Result {
  failure?: BulkImportFailure;
  certificateIds: string[];
}

/** Imports a batch and keeps how far it is; undefined when it was stopped. A batch that is done twice changes nothing. */
async function takeBatch(context: BatchContext, items: parserV1.ArchiveItem[]): Promise<BulkImport | undefined> {
  const { bulkImports, metadataFields, one, profile, over } = context;
  await metadataFields.note(profile.fieldMappings.map((mapping) => mapping.deviceField));
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += PARALLEL) {
    if (over()) return undefined;
    const some = items.slice(at, at + PARALLEL);
    results.push(...(await Promise.all(some.map((item) => takeItem(context, item)))));
  }
  context.saved();
  for (const certificateId of results.flatMap((result) => result.certificateIds)) {
    if (over()) return undefined;
    await deploy(context, certificateId);
  }
  const failures = results.flatMap(({ failure }) => failure ?? []);
  return await bulkImports.saveProgress(one, afterBatch(one, { items: items.length, failures }));
}

async function takeItem({ importing, one, profile }: BatchContext, item: parserV1.ArchiveItem): Promise<Result> {
  const fail = (reason: string, message: string): Result => ({
    failure: { index: item.index, file: item.name, reason, message },
    certificateIds: [],
  });
  if (item.passedOver !== undefined) return { certificateIds: [] };
  const problem = item.failure ?? item.inspection?.failures[0];
  if (problem) return fail(problem.reason, problem.message);
  const saving = new Saving(importing, { dryRun: false, createOnly: false, filePath: '', createdBy: one.caller });
  try {
    const certificateIds: string[] = [];
    for (const arrival of toArrivals(profile, item))
      certificateIds.push((await saving.certificate(arrival)).certificateId);
    return { certificateIds };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'INVALID_ARGUMENT') throw error;
    return fail(error.reason, error.message);
  }
}

/** The certificates of a file, each with the device's fields as its metadata. */
function toArrivals(profile: EnrollmentProfile, { inspection, privateKeys, fields }: parserV1.ArchiveItem): Arrival[] {
  const certificates = inspection?.certificates ?? [];
  if (certificates.length === 0) throw invalid('NO_CERTIFICATE', 'There is no certificate in the file.');
  return certificates.map((entry) => {
    // Read once, by the parser; the wire only makes present fields optional.
    const facts = entry.facts as CertificateFacts;
    const metadata = mapFields(profile, { facts, fields });
    const description = Object.keys(metadata).length > 0 ? { metadata } : {};
    checkDescription(description);
    const privateKey = entry.key === undefined ? undefined : privateKeys[entry.key];
    return { index: entry.index, issuer: false, der: entry.der, facts, privateKey, description };
  });
}

/** To where the profile says. Asked for again after an interruption, it is the same deployment. */
async function deploy({ deployment, one, profile }: BatchContext, certificateId: string): Promise<void> {
  if (profile.targetStoreIds.length === 0) return;
  await deployment.createDeployment({
    certificateId,
    action: deploymentV1.DeploymentAction.ADD,
    targets: profile.targetStoreIds.map((storeId) => ({ storeId, overwrite: true })),
    requestId: `bulk:${one._id}:${certificateId}`,
  });
}

async function end(
  { bulkImports, archives, clock, saved }: TakeInContext,
  one: BulkImport,
  reason?: BulkImportFailure,
): Promise<void> {
  const at = clock.now();
  const ended = atEnd(one, { at, ...(reason && { reason }) });
  if (!(await bulkImports.saveEnd(one, ended, importChanged({ ...one, ...ended }, at)))) return;
  await archives.delete(one._id);
  saved();
}
